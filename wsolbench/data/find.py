"""Where the data sets lie on this machine, and their splits."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from wsolbench.dataset import TEST, TRAIN_WEAKSUP, Dataset, cache_folder
from wsolbench.errors import DataError
from wsolbench.registry import DATASETS
from wsolbench.sample import Sample, Split
from wsolbench.spec import Spec

DATA_VARIABLE = "WSOLBENCH_DATA"
_TRIED = 100


@dataclass(frozen=True)
class Found:
    """Where a data set lies.

    Attributes:
        root: its data root; ``None`` for one that is made in the cache folder.
        split: a split of which an image was seen.
    """

    root: Path | None
    split: str


def card_of(spec: str) -> Dataset:
    """The card of a data set with its options, as in ``folder(boxes=boxes.csv)``.

    Raises:
        UnknownNameError: no such data set.
        OptionError: no such option.
    """
    parsed = Spec.parse(spec)
    return DATASETS[parsed.name].with_options(parsed.options)


def search_roots(data_root: Path | None = None) -> tuple[Path, ...]:
    """The folders to look in: the one given, ``$WSOLBENCH_DATA`` and ``data`` in the cache folder.

    Raises:
        DataError: the one given is no folder.
    """
    if data_root is not None and not data_root.is_dir():
        raise DataError(f"expected a folder as --data-root, but {data_root} is none")
    named = os.environ.get(DATA_VARIABLE)
    candidates = (data_root, Path(named).expanduser() if named else None, cache_folder() / "data")
    folders = (folder for folder in candidates if folder is not None and folder.is_dir())
    return tuple(dict.fromkeys(folders))


def find(dataset: Dataset, roots: Iterable[Path]) -> Found | None:
    """The first root (or folder of the data set's name in it) that holds an image of a split.

    Only what the first image needs is read. Data sets that can be anybody's are never found.
    """
    if dataset.binder is not None:
        return None
    for root in roots:
        for folder in (root, root / dataset.name):
            if folder.is_dir() and (split := _split_in(dataset, folder)) is not None:
                return Found(folder, split)
    return Found(None, TEST) if dataset.embedded is not None else None


def root_of(dataset: Dataset, data_root: Path | None) -> Path | None:
    """The root to read from: the one given or the one found; ``None`` for an embedded data set.

    Raises:
        DataError: it is not on this machine.
    """
    if data_root is not None:
        if not data_root.exists():
            raise DataError(
                f"expected a folder as data root of {dataset.name}, but there is no {data_root}"
            )
        return data_root
    if dataset.embedded is not None:
        return None
    found = find(dataset, search_roots())
    if found is None:
        raise DataError(
            f"{dataset.name} was not found on this machine: name its folder with --data-root or "
            f"{DATA_VARIABLE}, or see `wsolbench data download {dataset.name}`.{dataset.directions}"
        )
    return found.root


def load_splits(
    dataset: Dataset, root: Path | None, wanted: Iterable[str] = ()
) -> tuple[list[Split], list[str]]:
    """The splits asked for; without a wish, every split that is there.

    Returns:
        The splits, and a sentence for each that is not there.

    Raises:
        DataError: a split asked for is not there, or none is.
    """
    chosen = list(dict.fromkeys(wanted))
    if chosen:
        return [dataset.load(split, root) for split in chosen], []
    splits, missing = [], []
    for name in dataset.splits:
        try:
            splits.append(dataset.load(name, root))
        except DataError as error:
            missing.append(f"{name} is not there: {error}")
    if not splits:
        raise DataError("; ".join(missing))
    return splits, missing


def _split_in(dataset: Dataset, folder: Path) -> str | None:
    """A split with an image; test is tried first and the large training split last."""
    others = [split for split in dataset.splits if split not in (TEST, TRAIN_WEAKSUP)]
    for split in (TEST, *others, TRAIN_WEAKSUP):
        if split not in dataset.splits:
            continue
        try:
            entries = islice(dataset.function(folder, split, **dataset.given), _TRIED)
            if any(isinstance(entry, Sample) for entry in entries):
                return split
        except (DataError, OSError):
            continue
    return None
