"""ILSVRC-2012 (ImageNet-1k): 1,000 classes, boxes of the classification class."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wsolbench.dataset import TEST, TRAIN_FULLSUP, TRAIN_WEAKSUP
from wsolbench.registry import DATASETS
from wsolbench.sample import Problem, Sample

from ._ilsvrc import (
    BLACKLISTED,
    DROP,
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

_COUNTS = {TRAIN_WEAKSUP: 1_281_167, TRAIN_FULLSUP: 10_000, TEST: 50_000}


def _counts(*, blacklist: str) -> dict[str, int]:
    """Images of each split."""
    return _COUNTS | {TEST: _COUNTS[TEST] - (BLACKLISTED if blacklist == DROP else 0)}


@DATASETS.register(
    "ilsvrc",
    title="ILSVRC-2012 (ImageNet-1k): 1,000 classes, one to an image",
    classes=ILSVRC_CLASSES,
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
        "test is the validation set of ILSVRC-2012, train-fullsup is ImageNetV2 with the boxes of "
        "the wsol2020 protocol. Training images have boxes only where their annotations are. "
        "ilsvrc(blacklist=drop) leaves out the 1,762 validation images that the devkit does."
    ),
)
def ilsvrc(root: Path, split: str, *, blacklist: str = KEEP) -> Iterator[Sample | Problem]:
    """Read one split."""
    return read_ilsvrc(root, split, blacklist=blacklist)
