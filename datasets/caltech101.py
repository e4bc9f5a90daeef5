"""Caltech-101: 101 classes of single objects, with boxes and outlines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
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
from wsolbench.masks import RleMasks
from wsolbench.registry import DATASETS
from wsolbench.sample import Box, Instance, Problem, Sample

from ._box_csv import read_box_csv
from ._boxes import fit_box
from ._files import files_by_stem, first_folder
from ._mat import read_mat
from ._sizes import size_of

_CLASSES = (
    "Faces", "Faces_easy", "Leopards", "Motorbikes", "accordion", "airplanes", "anchor", "ant",
    "barrel", "bass", "beaver", "binocular", "bonsai", "brain", "brontosaurus", "buddha",
    "butterfly", "camera", "cannon", "car_side", "ceiling_fan", "cellphone", "chair", "chandelier",
    "cougar_body", "cougar_face", "crab", "crayfish", "crocodile", "crocodile_head", "cup",
    "dalmatian", "dollar_bill", "dolphin", "dragonfly", "electric_guitar", "elephant", "emu",
    "euphonium", "ewer", "ferry", "flamingo", "flamingo_head", "garfield", "gerenuk", "gramophone",
    "grand_piano", "hawksbill", "headphone", "hedgehog", "helicopter", "ibis", "inline_skate",
    "joshua_tree", "kangaroo", "ketch", "lamp", "laptop", "llama", "lobster", "lotus", "mandolin",
    "mayfly", "menorah", "metronome", "minaret", "nautilus", "octopus", "okapi", "pagoda", "panda",
    "pigeon", "pizza", "platypus", "pyramid", "revolver", "rhino", "rooster", "saxophone",
    "schooner", "scissors", "scorpion", "sea_horse", "snoopy", "soccer_ball", "stapler", "starfish",
    "stegosaurus", "stop_sign", "strawberry", "sunflower", "tick", "trilobite", "umbrella", "watch",
    "water_lilly", "wheelchair", "wild_cat", "windsor_chair", "wrench", "yin_yang",
)  # fmt: skip
_OTHER_NAMES = {
    "Faces": "Faces_2", "Faces_easy": "Faces_3", "Motorbikes": "Motorbikes_16",
    "airplanes": "Airplanes_Side_2",
}  # fmt: skip
_HOMES = ("caltech101", "caltech-101", ".")
_IMAGES = 8677
_TRAIN = 30
_SMALLEST = 31  # images of the smallest class, inline_skate
_CALIBRATION = 5


def _counts(*, train: int) -> dict[str, int | None]:
    """Images of each split; not told where a class has too few for that many to train."""
    known = train <= _SMALLEST
    return {
        TRAIN_WEAKSUP: train * len(_CLASSES) if known else None,
        TRAIN_FULLSUP: _CALIBRATION * len(_CLASSES) if known else None,
        TEST: _IMAGES - train * len(_CLASSES) if known else None,
    }


@DATASETS.register(
    "caltech101",
    title="Caltech-101: 101 classes, one object to an image",
    classes=_CLASSES,
    splits=_counts(train=_TRAIN),
    counts=_counts,
    annotations=("labels", "boxes", "masks"),
    revision="1.0 of data.caltech.edu (8,677 images without BACKGROUND_Google)",
    licence="CC BY 4.0 as published by data.caltech.edu",
    citation=(
        "@inproceedings{feifei2004learning, author = {Fei-Fei, Li and Fergus, Rob and Perona, "
        "Pietro}, title = {Learning Generative Visual Models from Few Training Examples: An "
        "Incremental Bayesian Approach Tested on 101 Object Categories}, booktitle = {CVPR "
        "Workshop on Generative-Model Based Vision}, year = {2004}}"
    ),
    homepage="https://data.caltech.edu/records/mzrjq-6wc02",
    layout=(
        "DIR/caltech101/101_ObjectCategories/<class>/image_0001.jpg (also DIR/caltech-101 or DIR "
        "itself) with Annotations/<class>/annotation_0001.mat beside 101_ObjectCategories, or "
        "boxes_xyxy.csv there with the columns path,x1,y1,x2,y2 (0-based inclusive; used where "
        "there is no .mat file)."
    ),
    notes=(
        "There is no official split: of each class the first 30 images in file order are "
        "train-weaksup, the rest is test; train-fullsup is the last 5 of the 30, so that a "
        "threshold calibrated there has seen training images. caltech101(train=15) takes another "
        "number. Labels follow the sorted names of the folders (capitals first) without "
        "BACKGROUND_Google. box_coord is top, bottom, left, right, 1-based; obj_contour starts at "
        "its left top corner. A class without folder has no images."
    ),
    downloads=(
        Download(
            "https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip",
            "md5:3138e1922a9193bfa496528edbbc45d0",
            inner=("caltech-101/101_ObjectCategories.tar.gz", "caltech-101/Annotations.tar"),
        ),
    ),
)
def caltech101(root: Path, split: str, *, train: int = _TRAIN) -> Iterator[Sample | Problem]:
    """Read one split."""
    if train < _CALIBRATION:
        raise OptionError(f"expected train={_CALIBRATION} or more images per class, got {train}")
    folders = tuple(f"{home}/101_ObjectCategories" for home in _HOMES)
    folder = find_folder(root, folders, what="folder of Caltech-101")
    boxes = {row.path: row.box_xyxy for row in read_box_csv(folder.parent / "boxes_xyxy.csv")}
    places = {
        TRAIN_WEAKSUP: slice(train),
        TRAIN_FULLSUP: slice(train - _CALIBRATION, train),
        TEST: slice(train, None),
    }
    for label, name in enumerate(_CLASSES):
        paths = list(files_by_stem(folder / name, (".jpg",)).values())
        mats = _annotations(folder.parent / "Annotations", name)
        for path in paths[places[split]]:
            sample = Sample(f"{name}/{path.name}", path, None, (label,))
            try:
                yield _annotated(sample, mats.get(path.stem[-4:]), boxes.get(sample.id))
            except (SampleError, DataError) as error:
                yield Problem(sample.id, str(error))


def _annotations(folder: Path, name: str) -> Mapping[str, Path]:
    """The .mat files of a class by the four digits of their names."""
    home = first_folder(folder, (name, _OTHER_NAMES.get(name, name)))
    mats = {} if home is None else files_by_stem(home, (".mat",))
    return {stem[-4:]: path for stem, path in mats.items()}


def _annotated(sample: Sample, mat: Path | None, box_xyxy: Box | None) -> Sample:
    """The sample with its box, and with its outline where there is one."""
    if mat is None and box_xyxy is None:
        return sample
    size_wh = size_of(sample.path)
    label, masks = sample.labels[0], None
    if mat is not None:
        box_xyxy, outline = _read_mat(mat)
        masks = RleMasks({label: ([outline],)}, size_wh[::-1])
    if box_xyxy is None:
        return sample
    instance = Instance(label, fit_box(box_xyxy, size_wh))
    return replace(sample, size_wh=size_wh, instances=(instance,), masks=masks)


def _read_mat(path: Path) -> tuple[Box, list[float]]:
    """The 0-based box and the polygon ``x, y, x, y, ...`` of an annotation."""
    coordinates, contour = read_mat(path, "box_coord", "obj_contour")
    top, bottom, left, right = _numbers(path, coordinates, (4,)) - 1
    outline = _numbers(path, contour, (2, -1)) + np.array([[left], [top]])
    return (float(left), float(top), float(right), float(bottom)), outline.T.ravel().tolist()


def _numbers(path: Path, values: object, shape: tuple[int, ...]) -> np.ndarray:
    try:
        array = np.asarray(values, dtype=np.float64).reshape(shape)
    except (TypeError, ValueError) as error:
        raise SampleError(
            f"the annotation {path.name} is not what it should be: {error}"
        ) from error
    if not np.isfinite(array).all():
        raise SampleError(f"the annotation {path.name} holds a coordinate that is no number")
    return array
