"""Digit scenes, the embedded default: handwritten digits among scribbles on photographs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wsolbench.dataset import TEST, TRAIN_FULLSUP, TRAIN_WEAKSUP, cache_folder
from wsolbench.errors import DataError
from wsolbench.registry import DATASETS
from wsolbench.sample import Problem, Sample

from ._voc import read_voc

_CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_REVISION = "1"
_IMAGE_SETS = {
    TRAIN_WEAKSUP: ("Main/train",),
    TRAIN_FULLSUP: ("Main/val",),
    TEST: ("Main/test",),
}


def _painted(split: str) -> Path:
    """A root in the cache that holds the split; the first call paints it.

    What is trained on is by far the most, and lies apart: scoring methods need not paint it.
    """
    from ._digit_scenes_painter import IMAGES_BY_SPLIT, paint_digit_scenes  # needs scikit-learn

    painted = ("train",) if split == TRAIN_WEAKSUP else ("val", "test")
    root = cache_folder() / f"digit-scenes-{_REVISION}" / "-".join(painted)
    try:
        paint_digit_scenes(root, images={name: IMAGES_BY_SPLIT[name] for name in painted})
    except OSError as error:
        raise DataError(
            f"the digit scenes cannot be written to {root}: {error}; choose another cache folder "
            "with the environment variable WSOLBENCH_CACHE"
        ) from error
    return root


@DATASETS.register(
    "digit-scenes",
    title="Digit scenes: handwritten digits among scribbles on photographs, with exact masks",
    classes=_CLASSES,
    splits={TRAIN_WEAKSUP: 3000, TRAIN_FULLSUP: 200, TEST: 500},
    annotations=("labels", "boxes", "masks"),
    revision=_REVISION,
    licence=(
        "digits: CC BY 4.0 (UCI Machine Learning Repository); photographs: CC BY 2.0 (the sample "
        "images of scikit-learn)"
    ),
    citation=(
        "@misc{alpaydin1998digits, author = {Alpaydin, Ethem and Kaynak, Cenk}, title = {Optical "
        "Recognition of Handwritten Digits}, howpublished = {UCI Machine Learning Repository}, "
        "year = {1998}, doi = {10.24432/C50P49}}"
    ),
    homepage="https://scikit-learn.org/stable/datasets/toy_dataset.html",
    layout=(
        "Nothing to give: it is painted once into the cache folder. A DIR that is given holds "
        "VOCdevkit/DigitScenes in the layout of the PASCAL VOC devkit."
    ),
    notes=(
        "One to three digits of one class to an image; no digit and no part of a photograph is "
        "shared between splits. Made for trying things out, not for publishing."
    ),
    embedded=_painted,
)
def digit_scenes(root: Path, split: str) -> Iterator[Sample | Problem]:
    """Read one split."""
    return read_voc(root, "DigitScenes", _IMAGE_SETS, split, _CLASSES)
