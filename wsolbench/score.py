"""Scoring folders of score maps that something else made: no network, no torch."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wsolbench.data.find import root_of
from wsolbench.dataset import TEST, TRAIN_FULLSUP, Dataset
from wsolbench.decode import official_size
from wsolbench.describe import assemble
from wsolbench.errors import DataError, InputError, OptionError, SampleError
from wsolbench.mapfiles import map_path, read_map
from wsolbench.names import find_dataset, find_protocols, without_all
from wsolbench.protocol import PROTOCOLS, Protocol
from wsolbench.sample import Problem, Sample, Split, Truth, truth_of
from wsolbench.scorers import SCORERS
from wsolbench.scorers.base import Targets
from wsolbench.scorers.box_ap import BoxAPScorer
from wsolbench.settings import DEFAULT_PROTOCOLS, specs_of
from wsolbench.spec import Spec
from wsolbench.store import Record, check_writable, plain
from wsolbench.tally import Tally, Watch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Map = NDArray[np.floating]

MODEL = "score-maps"  # stands where a network's name stands in other runs
Folders = Mapping[str, Path]  # method -> folder


def score(
    maps: Folders,
    dataset: str | Dataset,
    *,
    calibration_maps: Folders | None = None,
    protocols: str | Spec | Iterable[str | Spec] = DEFAULT_PROTOCOLS,
    data_root: str | Path | None = None,
    limit: int | None = None,
    strict: bool = False,
    results: str | Path | None = None,
    watch: Watch | None = None,
) -> Record:
    """Score folders of ``.npy`` score maps, in the layout of wsolevaluation.

    An image's map is ``<folder>/<image id>.npy``, ``[h, w]`` of any size; where an image has
    several classes, the map of each is ``<image id>#<label>.npy``. What depends on a classifier
    (Top-1 and Top-5 localization, classification) is left out.

    Args:
        maps: method's name -> folder with the maps of the test split.
        dataset: name or card.
        calibration_maps: method's name -> folder with the maps of train-fullsup.
        protocols: names or specs, or "all" of those that need no classifier.
        data_root: folder that holds the data set; looked for as by `wsolbench data` where ``None``.
        limit: only the first images of each split.
        strict: refuse a split with any problem, such as an image without map.
        results: folder to save the run below; not saved where ``None``.
        watch: wraps the samples of a split to show progress.

    Raises:
        UsageError: a name or option that does not exist.
        DataError: no data, or no map for any image, or a problem in strict mode.
        RecordError: the results folder cannot be written.
    """
    started = time.perf_counter()
    card = find_dataset(dataset)
    scoring = _protocols(protocols)
    folders = {TEST: _checked(maps), TRAIN_FULLSUP: _checked(calibration_maps or {})}
    if folders[TRAIN_FULLSUP] and folders[TRAIN_FULLSUP].keys() != folders[TEST].keys():
        raise OptionError(
            f"expected calibration maps for the same methods, {', '.join(folders[TEST])}, but got "
            f"{', '.join(folders[TRAIN_FULLSUP])}"
        )
    if results is not None:
        check_writable(Path(results))
    root = root_of(card, None if data_root is None else Path(data_root))
    card = card.bind(root)
    runs: dict[str, Tally] = {}
    for name, of_split in folders.items():
        if of_split:
            run = FolderRun(card, card.load(name, root), scoring, of_split, strict=strict)
            runs[name] = run.run(limit, watch)
    data = assemble(
        card=card,
        runs=runs,
        no_calibration="" if TRAIN_FULLSUP in runs else "no maps of train-fullsup were given",
        device="none",
        model={"name": MODEL, "weights": None, "digest": None, "target_layer": None},
        methods=[_method(label) for label in maps],
        left_out={},
        protocols=scoring,
        config={
            "dataset": str(card.spec),
            "data_root": None if root is None else str(root),
            "maps": {label: str(folder) for label, folder in maps.items()},
            "protocols": [protocol.label for protocol in scoring],
            "limit": limit,
            "strict": strict,
        },
        seconds={"total": time.perf_counter() - started},
    )
    record = Record(plain(data), runs[TEST].rows())
    return record if results is None else record.save(Path(results))


class FolderRun(Tally):
    """One pass over the maps of a split on disk.

    Args:
        card: of the data set.
        split: what was read.
        protocols: every protocol to score under.
        folders: method -> folder.
        strict: refuse a split with any problem.
    """

    def __init__(
        self,
        card: Dataset,
        split: Split,
        protocols: Sequence[Protocol],
        folders: Folders,
        *,
        strict: bool,
    ) -> None:
        super().__init__(card, split, protocols, strict=strict)
        self.folders = folders

    def run(self, limit: int | None, watch: Watch | None) -> FolderRun:
        """Score every image that has a map of every method.

        Raises:
            DataError: a problem in strict mode, or no image has its maps.
        """
        self.refuse_problems_if_strict()
        samples: Iterable[Sample] = self.split.samples[:limit]
        unusable: list[Problem] = []
        missing: list[Problem] = []
        if watch is not None:
            samples = watch(samples, self.split.name, len(self.split.samples[:limit]))
        for sample in samples:
            try:
                self._score(sample)
            except (SampleError, InputError) as error:
                kind = unusable if self._has_maps(sample) else missing
                kind.append(Problem(sample.id, str(error)))
                if self.strict:
                    break
            else:
                self.scored.append(sample.id)
                self.leave_out_refused([sample])
        self.problems[:0] = unusable + missing  # the gaps of the data would hide them
        self.refuse_problems_if_strict()
        if not self.scored:
            raise DataError(self.nothing_scored)
        return self

    def _has_maps(self, sample: Sample) -> bool:
        """Whether every map of an image is there, whatever it holds."""
        return all(
            map_path(folder, sample, label).is_file()
            for folder in self.folders.values()
            for label in sample.labels
        )

    def _score(self, sample: Sample) -> None:
        start = time.perf_counter()
        truths = list(self._truths(sample))
        maps = [
            {label: read_map(folder, sample, truth.label) for label, folder in self.folders.items()}
            for truth in truths
        ]
        self.seconds["load"] += time.perf_counter() - start
        self.evaluation.add(
            Targets(truths, ranks=None),
            [(label, _stacked([of_target[label] for of_target in maps])) for label in self.folders],
        )

    def _truths(self, sample: Sample) -> Iterator[Truth]:
        size_wh = official_size(sample)
        for label in sample.labels:
            yield truth_of(sample, label, size_wh, masks=self.evaluation.reads_masks)


def _stacked(maps: Sequence[Map]) -> Map:
    """The maps of an image's targets as ``[T, h, w]``."""
    shapes = {score_map.shape for score_map in maps}
    if len(shapes) > 1:
        raise SampleError(f"expected maps of one shape for all classes of an image, got {shapes}")
    return np.stack(maps)


def _protocols(given: str | Spec | Iterable[str | Spec]) -> tuple[Protocol, ...]:
    able = [name for name, one in PROTOCOLS.items() if not _needs_network(one)]
    found = find_protocols(without_all(specs_of(given, "protocol"), able))
    for protocol in found:
        if _needs_network(protocol):
            raise OptionError(
                f"protocol {protocol.label} needs what a classifier says, and a folder of score "
                "maps does not tell; use `wsolbench eval`"
            )
    return found


def _needs_network(protocol: Protocol) -> bool:
    """Whether all that a protocol counts depends on what a classifier says."""
    return SCORERS[protocol.scorer] is BoxAPScorer


def _checked(folders: Folders) -> Folders:
    for label, folder in folders.items():
        if not folder.is_dir():
            raise DataError(
                f"expected a folder with the score maps of {label}, but {folder} is none"
            )
    return folders


def _method(label: str) -> dict[str, object]:
    return {
        "label": label,
        "name": label,
        "options": {},
        "layers": [],
        "family": "given",
        "supervision": None,
        "source": None,
    }
