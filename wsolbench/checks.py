"""The public conformance suite: what every adapter keeps to, checked on the adapter itself.

Each check returns its findings, one sentence each; an empty list means that the adapter conforms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from wsolbench.dataset import SPLITS, TEST, Dataset
from wsolbench.errors import DataError
from wsolbench.registry import DATASETS
from wsolbench.sample import Sample, Split

_MASKS_READ = 200
_SHOWN = 5
_ANNOTATIONS = ("labels", "boxes", "masks")
_MAY_BE_EMPTY = ("labels", "notes", "multilabel", "embedded", "downloads", "instructions")


def check_dataset(
    name_or_dataset: str | Dataset, root: Path | None = None, split: str = TEST
) -> list[str]:
    """Check a data set's card and one of its splits.

    Masks are read for 200 images spread over the split; of many findings of one kind, the first
    five are told.

    Args:
        name_or_dataset: a registered name, or the data set itself.
        root: folder with the data; may be left out for embedded data sets.
        split: the split to check.

    Returns:
        What does not conform.

    Raises:
        DataError: the root does not hold the data set, or no usable image of the split.
    """
    dataset = DATASETS[name_or_dataset] if isinstance(name_or_dataset, str) else name_or_dataset
    loaded = dataset.load(split, root)
    return [
        *check_dataset_card(dataset),
        *_split_findings(dataset, loaded),
        *_first(_mask_findings(_spread(loaded.samples))),
        *_repeat_findings(loaded, dataset.load(split, root)),
    ]


def check_dataset_card(dataset: Dataset) -> list[str]:
    """Check what a data set says of itself; needs no data."""
    empty = [
        field.name
        for field in fields(dataset)
        if field.name not in _MAY_BE_EMPTY and not getattr(dataset, field.name)
    ]
    findings = [f"the card's {name} is empty" for name in empty]
    package, _, module = dataset.source.rpartition(".")
    if package == DATASETS.package and module.replace("_", "-") != dataset.name:
        findings.append(f"{dataset.name} is registered by the file {module}.py, not by its own")
    findings += [
        f"the split {name!r} is none of {SPLITS}" for name in dataset.splits if name not in SPLITS
    ]
    findings += [
        f"the annotation {name!r} is none of {_ANNOTATIONS}"
        for name in dataset.annotations
        if name not in _ANNOTATIONS
    ]
    if len(set(dataset.classes)) < len(dataset.classes):
        findings.append("two classes have the same name")
    if any(label not in range(len(dataset.classes)) for label in dataset.labels):
        findings.append("the card's labels are not all among the classes")
    if dataset.pointing_region not in ("boxes", "masks"):
        findings.append(f"pointing_region is {dataset.pointing_region!r}, not 'boxes' or 'masks'")
    return findings


def _split_findings(dataset: Dataset, split: Split) -> list[str]:
    ids = [sample.id for sample in split.samples]
    findings = [] if len(set(ids)) == len(ids) else ["two samples have the same id"]
    checks = (_label_findings(dataset, split.samples), _box_findings(split.samples))
    return findings + [finding for check in checks for finding in _first(check)]


def _label_findings(dataset: Dataset, samples: Iterable[Sample]) -> Iterator[str]:
    allowed = frozenset(dataset.labels or range(len(dataset.classes)))
    for sample in samples:
        labels = sample.labels
        if list(labels) != sorted(set(labels)):
            yield f"{sample.id}: the labels {labels} are not ascending without repetition"
        if not allowed.issuperset(labels):
            yield f"{sample.id}: the labels {labels} are not all among those of {dataset.name}"
        if len(labels) > 1 and not dataset.multilabel:
            yield f"{sample.id}: several labels, but the card does not say multilabel"
        if not {instance.label for instance in sample.instances} <= set(labels):
            yield f"{sample.id}: an instance's label is not among the sample's labels"


def _box_findings(samples: Iterable[Sample]) -> Iterator[str]:
    for sample in samples:
        if not sample.path.is_file():
            yield f"{sample.id}: there is no file {sample.path}"
            continue
        if not sample.instances:
            continue
        width, height = _size_wh(sample)
        for instance in sample.instances:
            x0, y0, x1, y1 = instance.box_xyxy
            if not (0 <= x0 <= x1 <= width - 1 and 0 <= y0 <= y1 <= height - 1):
                yield f"{sample.id}: {instance.box_xyxy} is no box inside of {width} x {height}"


def _mask_findings(samples: Iterable[Sample]) -> Iterator[str]:
    for sample in samples:
        if sample.masks is None or not sample.path.is_file():
            continue
        width, height = _size_wh(sample)
        for label in sample.labels:
            for kind, mask in zip(("mask", "ignore mask"), sample.masks.read(label), strict=True):
                if mask.shape != (height, width) or mask.dtype != np.bool_:
                    yield (
                        f"{sample.id}: expected the {kind} of label {label} as bool "
                        f"{(height, width)}, but got {mask.dtype} {mask.shape}"
                    )


def _repeat_findings(first: Split, second: Split) -> list[str]:
    return [] if first == second else ["reading the split twice gives different samples"]


def _size_wh(sample: Sample) -> tuple[int, int]:
    if sample.size_wh is not None:
        return sample.size_wh
    try:
        with Image.open(sample.path) as image:
            return image.size
    except OSError as error:
        raise DataError(f"the image {sample.path} cannot be read: {error}") from error


def _spread(samples: Iterable[Sample]) -> list[Sample]:
    """At most 200 of the samples that have masks, evenly spaced."""
    masked = [sample for sample in samples if sample.masks is not None]
    return masked[:: max(1, -(-len(masked) // _MASKS_READ))]


def _first(findings: Iterator[str]) -> list[str]:
    return list(islice(findings, _SHOWN))
