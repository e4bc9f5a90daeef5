"""The animals of ILSVRC-2012: labels 0 to 397 in the label space of all 1,000 classes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wsolbench.dataset import TEST, TRAIN_FULLSUP, TRAIN_WEAKSUP
from wsolbench.registry import DATASETS
from wsolbench.sample import Problem, Sample

from ._ilsvrc import (
    ILSVRC_CITATION,
    ILSVRC_CLASSES,
    ILSVRC_HOMEPAGE,
    ILSVRC_INSTRUCTIONS,
    ILSVRC_LAYOUT,
    ILSVRC_LICENCE,
    ILSVRC_REVISION,
    KEEP,
    read_ilsvrc,
)

_ANIMALS = range(398)
_COUNTS = {TRAIN_WEAKSUP: 510_530, TRAIN_FULLSUP: 3_980, TEST: 19_900}


def _counts(*, blacklist: str) -> dict[str, int | None]:
    """Images of each split; nobody published how many animals are on the blacklist."""
    return {**_COUNTS, TEST: _COUNTS[TEST] if blacklist == KEEP else None}


@DATASETS.register(
    "ilsvrc-animals",
    title="The animals of ILSVRC-2012: labels 0 to 397 of the 1,000",
    classes=ILSVRC_CLASSES,
    labels=tuple(_ANIMALS),
    splits=_COUNTS,
    counts=_counts,
    annotations=("labels", "boxes"),
    revision=ILSVRC_REVISION,
    licence=ILSVRC_LICENCE,
    citation=ILSVRC_CITATION,
    homepage=ILSVRC_HOMEPAGE,
    layout=ILSVRC_LAYOUT,
    instructions=ILSVRC_INSTRUCTIONS,
    notes=(
        "The 398 synsets below 'animal' are the first 398 labels; classifiers keep their 1,000 "
        "outputs. Splits and options as in ilsvrc."
    ),
)
def ilsvrc_animals(root: Path, split: str, *, blacklist: str = KEEP) -> Iterator[Sample | Problem]:
    """Read the animals of one split."""
    return read_ilsvrc(root, split, _ANIMALS, blacklist=blacklist)
