"""Batches of maps x protocols -> counts and a row per target and method."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wsolbench.errors import InputError, MapError, OptionError
from wsolbench.metrics import TopK
from wsolbench.scorers import scorer_of
from wsolbench.scorers.base import TOP_K, Scorer, States, Targets, Task, merge
from wsolbench.scorers.frames import check_truth
from wsolbench.scorers.maps import MapBatch

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from wsolbench.protocol import Protocol


class Evaluation:
    """Adds up the scores of one split.

    Args:
        protocols: every protocol to score under.
        task: what the data set asks for.

    Attributes:
        targets: how many pairs of image and class shown in it were scored.
        states: (method, protocol label) -> counts.
        classification: counts of the classifier's own top-k accuracy.
        rows: a dictionary per target and method.
        not_finite: method -> number of maps with NaN or infinity.
        refused: image -> why its ground truth cannot be scored; such images count nowhere.
        seconds: protocol label -> time spent scoring.

    Raises:
        OptionError: two of the protocols have one label.
    """

    def __init__(self, protocols: Iterable[Protocol], task: Task) -> None:
        self.scorers: list[Scorer] = [scorer_of(protocol, task) for protocol in protocols]
        labels = [scorer.protocol.label for scorer in self.scorers]
        if len(set(labels)) < len(labels):
            raise OptionError(f"expected every protocol once, but got {', '.join(labels)}")
        self.targets = 0
        self.states: dict[tuple[str, str], States] = {}
        self.classification = {f"top{k}": TopK(k) for k in TOP_K}
        self.rows: list[dict[str, Any]] = []
        self.not_finite: dict[str, int] = defaultdict(int)
        self.refused: dict[str, str] = {}
        self.seconds: dict[str, float] = defaultdict(float)

    @property
    def reads_masks(self) -> bool:
        """Whether some protocol looks at masks."""
        return any(scorer.reads_masks for scorer in self.scorers)

    @property
    def reads_predictions(self) -> bool:
        """Whether some protocol wants targets for the five classes that the network predicts."""
        return any(scorer.reads_predictions for scorer in self.scorers)

    def add(self, targets: Targets, maps_of: Iterable[tuple[str, ArrayLike]]) -> None:
        """Score a batch.

        Args:
            targets: T targets, all targets of an image in the same batch.
            maps_of: pairs of a method's label and its raw maps ``[T, h, w]``.

        Raises:
            MapError: a method's maps are no numbers of that shape.
        """
        usable = self._usable(targets)
        shown = _View.of(targets, usable[targets.is_shown[usable]])
        every = _View.of(targets, usable) if self.reads_predictions else shown
        self.targets += len(shown.targets)
        if shown.targets.ranks is not None:
            for name, state in self.classification.items():
                self.classification[name] = state + TopK.of(shown.targets.ranks, state.k)
        views = [every if scorer.reads_predictions else shown for scorer in self.scorers]
        prepared = [
            self._timed(scorer, scorer.prepare, view.targets)
            for scorer, view in zip(self.scorers, views, strict=True)
        ]
        for method, raw in maps_of:
            maps = _checked_maps(method, raw, len(targets))
            batches = {id(view): view.maps(maps) for view in (shown, every)}
            rows = self._plain_rows(method, every.targets, batches[id(every)].finite)
            self.not_finite[method] += int((~batches[id(shown)].finite).sum())
            for scorer, view, ready in zip(self.scorers, views, prepared, strict=True):
                if len(view.targets):
                    self._score(scorer, method, batches[id(view)], view, ready, rows)
            self.rows += rows.values()

    def _score(
        self,
        scorer: Scorer,
        method: str,
        maps: MapBatch,
        view: _View,
        ready: Any,
        rows: dict[str, dict[str, Any]],
    ) -> None:
        label = scorer.protocol.label
        scores = self._timed(scorer, scorer.score, maps, view.targets, ready)
        self.states[method, label] = merge(self.states.get((method, label), {}), scores.states)
        for column, values in scores.rows.items():
            for truth, value in zip(view.targets.truths, values, strict=True):
                rows[truth.key][f"{label}.{column}"] = value

    def _usable(self, targets: Targets) -> NDArray[np.int64]:
        """Indices of the targets of images whose ground truth is sound; the others are noted."""
        for truth in targets.truths:
            try:
                check_truth(truth)
            except InputError as error:
                self.refused[truth.sample_id] = str(error)
        usable = [
            i for i, truth in enumerate(targets.truths) if truth.sample_id not in self.refused
        ]
        return np.array(usable, dtype=np.int64)

    def _timed(self, scorer: Scorer, step: Any, *args: Any) -> Any:
        start = time.perf_counter()
        result = step(*args)
        self.seconds[scorer.protocol.label] += time.perf_counter() - start
        return result

    @staticmethod
    def _plain_rows(
        method: str, targets: Targets, finite: NDArray[np.bool_]
    ) -> dict[str, dict[str, Any]]:
        """A row per target, by its key."""
        ranks = [None] * len(targets) if targets.ranks is None else targets.ranks.tolist()
        return {
            truth.key: {
                "method": method,
                "sample_id": truth.sample_id,
                "label": truth.label,
                "rank": rank,
                "shown": bool(shown),
                "boxes": len(truth.boxes_xyxy),
                "finite": bool(ok),
            }
            for truth, rank, shown, ok in zip(
                targets.truths, ranks, targets.is_shown, finite, strict=True
            )
        }


@dataclass(frozen=True)
class _View:
    """The targets of a batch that some scorers are shown.

    Attributes:
        indices: among the targets of the batch.
        targets: those.
        whole: whether they are all of them.
    """

    indices: NDArray[np.int64]
    targets: Targets
    whole: bool

    @classmethod
    def of(cls, targets: Targets, indices: NDArray[np.int64]) -> _View:
        whole = len(indices) == len(targets)
        return cls(indices, targets if whole else targets.select(indices), whole)

    def maps(self, maps: MapBatch) -> MapBatch:
        return maps if self.whole else maps.select(self.indices)


def _checked_maps(method: str, raw: ArrayLike, targets: int) -> MapBatch:
    try:
        maps = MapBatch(raw)
    except InputError as error:
        raise MapError(f"method {method}: {error}") from error
    if np.ndim(raw) != 3 or len(maps) != targets:
        raise MapError(
            f"expected maps of shape [{targets}, h, w], one per target, from method {method}, but "
            f"got shape {np.shape(raw)}"
        )
    return maps


def report(
    test: Evaluation, calibration: Evaluation | None, methods: Sequence[str]
) -> list[dict[str, Any]]:
    """Every number of a run, a flat dictionary each: method, protocol, metric, policy, value."""
    return [
        {
            "method": method,
            "protocol": scorer.protocol.label,
            "metric": value.metric,
            "policy": value.policy,
            "value": value.value,
            "threshold": list(value.threshold),
            "total": value.total,
            "higher_is_better": value.higher_is_better,
            "per_class": [None if math.isnan(one) else one for one in value.per_class],
        }
        for method in methods
        for scorer in test.scorers
        for value in scorer.report(
            test.states.get((method, scorer.protocol.label), {}),
            calibration.states.get((method, scorer.protocol.label)) if calibration else None,
        )
    ]
