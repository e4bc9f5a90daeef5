"""Checks of labels: their range and order, and whether folders say the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from wsolbench.dataset import Dataset
from wsolbench.sample import Sample, Split

_SHOWN = 5


def label_faults(dataset: Dataset, samples: Iterable[Sample]) -> Iterator[str]:
    """Labels that are out of range or order, or that a folder of another class contradicts."""
    allowed = frozenset(dataset.labels or range(len(dataset.classes)))
    by_name = {_plain(name): label for label, name in enumerate(dataset.classes)}
    seen: set[str] = set()
    for sample in samples:
        if sample.id in seen:
            yield f"{sample.id}: two images have this id"
        seen.add(sample.id)
        if list(sample.labels) != sorted(set(sample.labels)):
            yield f"{sample.id}: the labels {sample.labels} are not ascending without repetition"
        if not allowed.issuperset(sample.labels):
            yield f"{sample.id}: the labels {sample.labels} are not all of {dataset.name}"
            continue
        if len(sample.labels) > 1 and not dataset.multilabel:
            yield f"{sample.id}: several labels, but the card does not say multilabel"
        if not {instance.label for instance in sample.instances} <= set(sample.labels):
            yield f"{sample.id}: an instance's label is not among the image's labels"
        of_folder = by_name.get(_plain(sample.path.parent.name))
        if of_folder is not None and of_folder not in sample.labels:
            names = ", ".join(dataset.classes[label] for label in sample.labels)
            yield f"{sample.id}: in the folder {sample.path.parent.name}, but labelled {names}"


def label_remarks(dataset: Dataset, split: Split) -> Iterator[str]:
    """Classes without any image, and images without any label."""
    counts = Counter(label for sample in split.samples for label in sample.labels)
    expected = dataset.labels or range(len(dataset.classes))
    absent = [dataset.classes[label] for label in expected if not counts[label]]
    if absent:
        shown = ", ".join(absent[:_SHOWN])
        more = f" and {len(absent) - _SHOWN} more" if len(absent) > _SHOWN else ""
        yield f"{len(absent)} of {len(expected)} classes have no image: {shown}{more}"
    unlabelled = sum(not sample.labels for sample in split.samples)
    if unlabelled:
        yield f"{unlabelled:,} images have no label, so nothing is scored on them"


def _plain(name: str) -> str:
    """A name without a leading number, case and punctuation: ``001.Black_footed_Albatross``."""
    return re.sub(r"[^a-z0-9]+", " ", re.sub(r"^\d+[.\-_]", "", name.lower())).strip()
