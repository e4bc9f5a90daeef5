"""Which targets change verdict between two protocols, and which choice turns them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wsolbench.dataset import TEST
from wsolbench.decode import official_size
from wsolbench.errors import OptionError, RecordError
from wsolbench.mapfiles import MAPS, map_path, method_folder, read_map
from wsolbench.names import find_dataset
from wsolbench.protocol import Protocol
from wsolbench.sample import Sample, Truth, truth_of
from wsolbench.scorers.base import FIXED, Targets, Task
from wsolbench.scorers.maps import MapBatch
from wsolbench.scorers.pointing import PointingScorer
from wsolbench.verdict import at_threshold, comparable, differing_stages, exchanged, right_box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wsolbench.store import Record

ANOTHER_QUESTION = "the question (a box or a point)"  # no stage to exchange
TOGETHER = "several together"
BOX_METRICS = ("MaxBoxAcc", "GT-known Loc")


@dataclass(frozen=True)
class Change:
    """A target whose verdict differs.

    Attributes:
        method: label of the method.
        sample_id: the image.
        label: the class.
        right: the protocol under which the target is right.
        causes: stages of the second protocol that turn the first one's verdict on their own.
    """

    method: str
    sample_id: str
    label: int
    right: str
    causes: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """What two protocols say of the same maps.

    Attributes:
        a, b: labels of the protocols.
        thresholds: method -> the two thresholds, ``None`` for a protocol without.
        agree_right, agree_wrong: method -> targets that are right, or wrong, under both.
        changes: every target that is right under one only.
        differing: stages in which the protocols differ.
    """

    a: str
    b: str
    thresholds: Mapping[str, tuple[float | None, float | None]]
    agree_right: Mapping[str, int]
    agree_wrong: Mapping[str, int]
    changes: Sequence[Change]
    differing: Sequence[str]

    def causes(self, method: str, right: str) -> Counter[str]:
        """How often each cause turned a verdict of a method, of targets right under ``right``."""
        return Counter(
            cause
            for change in self.changes
            if change.method == method and change.right == right
            for cause in change.causes
        )


def diff_protocols(
    record: Record,
    a: Protocol,
    b: Protocol,
    *,
    policy: str = FIXED,
    data_root: Path | None = None,
) -> Difference:
    """Compare the verdicts of two protocols on the raw maps of a saved run.

    Args:
        record: of a run that kept its maps.
        a: the first protocol.
        b: the second.
        policy: how thresholds are chosen; "oracle" and "calibrated" as chosen in the run.
        data_root: folder of the data, where it is no longer what the run says.

    Raises:
        RecordError: the run kept no maps, or did not choose a threshold under that policy.
        OptionError: a protocol without verdict, or the same protocol twice.
        DataError: the data are not there.
    """
    _check(a, b)
    folder = _maps_folder(record)
    methods = [method["label"] for method in record.data["methods"]]
    chosen = {m: tuple(_threshold(record, m, p, policy) for p in (a, b)) for m in methods}
    verdicts = {m: tuple(map(_Verdict, (a, b), chosen[m])) for m in methods}
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    changes = []
    for sample, truth in _targets(record, data_root):
        for method in methods:
            maps = method_folder(folder, method)
            if not map_path(maps, sample, truth.label).is_file():
                continue  # the image could not be scored in the run
            score_map = read_map(maps, sample, truth.label).astype(np.float64)
            first, second = verdicts[method]
            one, other = first(score_map, truth), second(score_map, truth)
            right[method] += one and other
            wrong[method] += not (one or other)
            if one != other:
                causes = _causes(first, second, score_map, truth, one=one)
                label = a.label if one else b.label
                changes.append(Change(method, truth.sample_id, truth.label, label, causes))
    differing = differing_stages(a, b) if comparable(a) and comparable(b) else [ANOTHER_QUESTION]
    return Difference(a.label, b.label, chosen, right, wrong, changes, differing)  # type: ignore[arg-type]


class _Verdict:
    """Right or wrong under one protocol at one threshold."""

    def __init__(self, protocol: Protocol, threshold: float | None) -> None:
        self.protocol = protocol if threshold is None else at_threshold(protocol, threshold)

    def __call__(self, score_map: NDArray[np.float64], truth: Truth) -> bool:
        if comparable(self.protocol):
            return right_box(self.protocol, score_map, truth)
        scorer = PointingScorer(self.protocol, Task(truth.label + 1))
        targets = Targets([truth], np.zeros(1, dtype=np.int64))
        scores = scorer.score(MapBatch(score_map), targets, scorer.prepare(targets))
        return bool(scores.rows["hit"][0])


def _causes(
    first: _Verdict, second: _Verdict, score_map: NDArray[np.float64], truth: Truth, *, one: bool
) -> tuple[str, ...]:
    a, b = first.protocol, second.protocol
    if not (comparable(a) and comparable(b)):
        return (ANOTHER_QUESTION,)
    turning = tuple(
        stage
        for stage in differing_stages(a, b)
        if right_box(exchanged(a, b, stage), score_map, truth) != one
    )
    return turning or (TOGETHER,)


def _check(a: Protocol, b: Protocol) -> None:
    if a.label == b.label:
        raise OptionError(f"expected two protocols to compare, but got {a.label} twice")
    for protocol in (a, b):
        if not comparable(protocol) and protocol.scorer != "pointing":
            raise OptionError(
                f"protocol {protocol.label} gives a target no verdict, right or wrong, so none can "
                "change; compare protocols of boxes or the pointing game"
            )


def _maps_folder(record: Record) -> Path:
    if record.path is None or not (record.path / MAPS).is_dir():
        raise RecordError(
            f"the run {record.path or record.data['run_id']} kept no raw maps; run it again with "
            "`wsolbench eval --save-maps`"
        )
    return record.path / MAPS


def _threshold(record: Record, method: str, protocol: Protocol, policy: str) -> float | None:
    if protocol.fixed_threshold is None:
        return None
    if policy == FIXED or not protocol.thresholds:
        return protocol.fixed_threshold
    for row in record.data["metrics"]:
        key = row["method"], row["protocol"], row["policy"]
        if key == (method, protocol.label, policy) and row["metric"] in BOX_METRICS:
            return float(row["threshold"][0])
    raise RecordError(
        f"the run chose no {policy} threshold for {method} under {protocol.label}; expected one of "
        "the policies that its leaderboard shows"
    )


def _targets(record: Record, data_root: Path | None) -> Iterator[tuple[Sample, Truth]]:
    """Every target of the test split that has a box to be right about."""
    config: Mapping[str, Any] = record.data["config"]
    if config["dataset"] is None:
        raise RecordError(
            "the run's data set has no name, so its ground truth cannot be read again"
        )
    root = data_root or (Path(config["data_root"]) if config["data_root"] else None)
    split = find_dataset(config["dataset"]).bind(root).load(TEST, root)
    for sample in split.samples[: config["limit"]]:
        size_wh = official_size(sample)
        for label in sample.labels:
            truth = truth_of(sample, label, size_wh, masks=False)
            if len(truth.scored_boxes_xyxy):
                yield sample, truth
