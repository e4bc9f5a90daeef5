"""Oxford Flowers-17: 17 kinds of flowers, 80 images each, some with trimaps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from wsolbench.dataset import (
    TEST,
    TRAIN_FULLSUP,
    TRAIN_WEAKSUP,
    Download,
    find_folder,
)
from wsolbench.errors import DataError, OptionError, SampleError
from wsolbench.masks import ColourMasks
from wsolbench.registry import DATASETS
from wsolbench.sample import Problem, Sample

from ._files import files_by_stem
from ._mat import read_mat
from ._sizes import size_of

_CLASSES = (
    "daffodil", "snowdrop", "lily of the valley", "bluebell", "crocus", "iris", "tiger lily",
    "tulip", "fritillary", "sunflower", "daisy", "coltsfoot", "dandelion", "cowslip", "buttercup",
    "windflower", "pansy",
)  # fmt: skip
_PER_CLASS = 80
_VARIABLES = {TRAIN_WEAKSUP: "trn", TRAIN_FULLSUP: "val", TEST: "tst"}
_PLACES = {TRAIN_WEAKSUP: range(40), TRAIN_FULLSUP: range(40, 60), TEST: range(60, 80)}
_FLOWER, _UNKNOWN = (128, 0, 0), (0, 0, 0)
_HOST = "https://www.robots.ox.ac.uk/~vgg/data/flowers/17/"


@DATASETS.register(
    "flowers17",
    title="Oxford Flowers-17: 17 kinds of flowers, 80 images each",
    classes=_CLASSES,
    splits={TRAIN_WEAKSUP: 680, TRAIN_FULLSUP: 340, TEST: 340},
    annotations=("labels", "masks"),
    pointing_region="masks",
    revision="17 flowers of 2006; splits: datasplits.mat, or by file order where that is absent",
    licence="not stated by its authors; images from the web, made for research",
    citation=(
        "@inproceedings{nilsback2006visual, author = {Nilsback, Maria-Elena and Zisserman, "
        "Andrew}, title = {A Visual Vocabulary for Flower Classification}, booktitle = "
        "{Proceedings of the IEEE Conference on Computer Vision and Pattern Recognition}, volume = "
        "{2}, pages = {1447--1454}, year = {2006}}"
    ),
    homepage="https://www.robots.ox.ac.uk/~vgg/data/flowers/17/",
    layout=(
        "DIR/flowers17/jpg (also DIR/17flowers/jpg, DIR/jpg) with image_0001.jpg to "
        "image_1360.jpg; datasplits.mat and trimaps/image_0001.png beside jpg where you have them."
    ),
    notes=(
        "Labels follow the file order, 80 images to a class. train-weaksup, train-fullsup and test "
        "are trn1, val1 and tst1 of datasplits.mat; flowers17(part=2) and (part=3) take the other "
        "two. Without datasplits.mat the first 40 images of a class are train-weaksup, the next 20 "
        "train-fullsup, the last 20 test. In a trimap dark red (128, 0, 0) is the flower and black "
        "is ignored; not every image has one. There are no boxes."
    ),
    downloads=(
        Download(f"{_HOST}17flowers.tgz", "md5:b59a65d8d1a99cd66944d474e1289eab", "flowers17"),
        Download(
            f"{_HOST}datasplits.mat",
            "md5:4828cddfd0d803c5abbdebcb1e148a1e",
            "flowers17",
            extract=False,
        ),
        Download(f"{_HOST}trimaps.tgz", into="flowers17"),
    ),
)
def flowers17(root: Path, split: str, *, part: int = 1) -> Iterator[Sample | Problem]:
    """Read one split."""
    if part not in (1, 2, 3):
        raise OptionError(f"expected part=1, 2 or 3 of datasplits.mat, but got {part}")
    homes = ("flowers17/jpg", "17flowers/jpg", "Flowers17/jpg", "jpg")
    folder = find_folder(root, homes, what="folder of Flowers-17")
    images = files_by_stem(folder, (".jpg",))
    trimaps = files_by_stem(folder.parent / "trimaps", (".png",))
    for number in _numbers(folder.parent / "datasplits.mat", split, part):
        name = f"image_{number:04d}"
        try:
            yield _sample(name, (number - 1) // _PER_CLASS, images.get(name), trimaps.get(name))
        except SampleError as error:
            yield Problem(f"{name}.jpg", str(error))


def _numbers(path: Path, split: str, part: int) -> list[int]:
    """Numbers of the split's images, counted from 1, ascending."""
    count = len(_CLASSES) * _PER_CLASS
    if not path.is_file():
        if part != 1:
            raise DataError(f"part={part} needs {path}, and it is not there")
        return [n + 1 for n in range(count) if n % _PER_CLASS in _PLACES[split]]
    (numbers,) = read_mat(path, f"{_VARIABLES[split]}{part}")
    found = sorted(int(number) for number in np.atleast_1d(numbers))
    if found and not (found[0] >= 1 and found[-1] <= count):
        raise DataError(
            f"expected numbers of 1..{count} in {path}, but got {found[0]}..{found[-1]}"
        )
    return found


def _sample(name: str, label: int, path: Path | None, trimap: Path | None) -> Sample:
    if path is None:
        raise SampleError(f"no image file jpg/{name}.jpg")
    if trimap is None:
        return Sample(path.name, path, None, (label,))
    masks = ColourMasks(trimap, label, foreground=_FLOWER, ignored=_UNKNOWN)
    return Sample(path.name, path, size_of(trimap), (label,), masks=masks)
