"""The public conformance suite: what every adapter keeps to, checked on the adapter itself.

Each check returns its findings, one sentence each; an empty list means that the adapter conforms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from wsolbench.dataset import BOXES, LABELS, MASKS, SEG_SPLITS, SPLITS, TEST, Dataset
from wsolbench.errors import DataError, SampleError
from wsolbench.registry import DATASETS, METHODS
from wsolbench.sample import Sample, Split

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wsolbench.method import Method
    from wsolbench.models import Classifier

_MASKS_READ = 200
_SHOWN = 5
_ANNOTATIONS = (LABELS, BOXES, MASKS)
_MAY_BE_EMPTY = (
    "labels", "notes", "multilabel", "embedded", "downloads", "instructions", "binder", "file_root",
    "counts", "given",
)  # fmt: skip


def check_method(
    name_or_method: str | Method, *, classifier: Classifier | None = None
) -> list[str]:
    """Check a method's card, and its maps on a tiny network and images that are not square.

    Its maps are ``[T, h, w]``, finite, the same in every run, batch and order of targets, also for
    several classes of one image and in-place ReLUs; it leaves the network, what it was given and
    the global random state as they were; its card names paper, family, needs and cost.

    Args:
        name_or_method: a registered name, or the method itself.
        classifier: a network to check it on instead; for methods that need another kind.

    Returns:
        What does not conform.

    Raises:
        UnknownNameError: no such method.
    """
    from wsolbench._method_checks import method_findings

    method = METHODS[name_or_method] if isinstance(name_or_method, str) else name_or_method
    return method_findings(method, classifier)


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
    card = DATASETS[name_or_dataset] if isinstance(name_or_dataset, str) else name_or_dataset
    dataset = card.bind(root)
    loaded = dataset.load(split, root)
    return [
        *check_dataset_card(dataset),
        *_split_findings(dataset, loaded),
        *_first(_mask_findings(_spread(loaded.samples))),
        *_repeat_findings(loaded, dataset.load(split, root)),
    ]


def check_dataset_card(dataset: Dataset) -> list[str]:
    """Check what a data set says of itself; needs no data."""
    told_by_data = () if dataset.binder is None else ("classes",)
    empty = [
        field.name
        for field in fields(dataset)
        if field.name not in (*_MAY_BE_EMPTY, *told_by_data) and not getattr(dataset, field.name)
    ]
    findings = [f"the card's {name} is empty" for name in empty]
    package, _, module = dataset.source.rpartition(".")
    if package == DATASETS.package and module.replace("_", "-") != dataset.name:
        findings.append(f"{dataset.name} is registered by the file {module}.py, not by its own")
    known = (*SPLITS, *SEG_SPLITS)
    findings += [
        f"the split {name!r} is none of {known}" for name in dataset.splits if name not in known
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
    checks = (
        _label_findings(dataset, split.samples),
        _annotation_findings(dataset, split.samples),
        _box_findings(split.samples),
    )
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


def _annotation_findings(dataset: Dataset, samples: Iterable[Sample]) -> Iterator[str]:
    for sample in samples:
        if sample.instances and not dataset.has_boxes:
            yield f"{sample.id}: has boxes, but the card's annotations do not say so"
        if sample.masks is not None and not dataset.has_masks:
            yield f"{sample.id}: has masks, but the card's annotations do not say so"


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
        if not sample.path.is_file():
            continue
        width, height = _size_wh(sample)
        try:
            for what, mask in _masks_of(sample):
                if mask.shape != (height, width) or mask.dtype != np.bool_:
                    yield (
                        f"{sample.id}: expected the {what} as bool {(height, width)}, "
                        f"but got {mask.dtype} {mask.shape}"
                    )
        except SampleError as error:
            yield f"{sample.id}: {error}"


def _masks_of(sample: Sample) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Every mask of a sample and what it is of."""
    if sample.masks is not None:
        for label in sample.labels:
            foreground, ignore = sample.masks.read(label)
            yield f"mask of label {label}", foreground
            yield f"ignore mask of label {label}", ignore
    if sample.instance_masks is not None:
        for position in range(len(sample.instances)):
            yield f"mask of instance {position}", sample.instance_masks.read(position)


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
    masked = [sample for sample in samples if sample.masks or sample.instance_masks]
    return masked[:: max(1, -(-len(masked) // _MASKS_READ))]


def _first(findings: Iterator[str]) -> list[str]:
    return list(islice(findings, _SHOWN))
