"""COCO 2017: 80 classes of everyday objects, several to an image, with instance masks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from wsolbench.dataset import (
    TEST,
    TRAIN_FULLSUP,
    TRAIN_WEAKSUP,
    Download,
    find_folder,
    not_found,
)
from wsolbench.errors import DataError
from wsolbench.registry import DATASETS
from wsolbench.sample import Problem, Sample

from ._coco_json import coco_sample, read_coco

_CLASSES = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat",
    "traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog",
    "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella",
    "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite",
    "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange",
    "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant",
    "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone",
    "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors",
    "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip
_PARTS = {TRAIN_WEAKSUP: "train2017", TRAIN_FULLSUP: "train2017", TEST: "val2017"}
_HOMES = (".", "coco", "COCO", "dataset/coco")
_CALIBRATION = 5000
_HOST = "http://images.cocodataset.org/"


@DATASETS.register(
    "coco",
    title="COCO 2017: 80 classes of everyday objects, several to an image",
    classes=_CLASSES,
    splits={TRAIN_WEAKSUP: 117_266, TRAIN_FULLSUP: _CALIBRATION, TEST: 4952},
    annotations=("labels", "boxes", "masks"),
    multilabel=True,
    pointing_region="masks",
    revision="2017 (instances_train2017, instances_val2017)",
    licence="annotations: CC BY 4.0; images: Flickr's terms of use, each with its own licence",
    citation=(
        "@inproceedings{lin2014microsoft, author = {Lin, Tsung-Yi and Maire, Michael and Belongie, "
        "Serge and Hays, James and Perona, Pietro and Ramanan, Deva and Dollar, Piotr and Zitnick, "
        "C. Lawrence}, title = {Microsoft COCO: Common Objects in Context}, booktitle = {European "
        "Conference on Computer Vision}, pages = {740--755}, year = {2014}}"
    ),
    homepage="https://cocodataset.org",
    layout=(
        "DIR/{train2017,val2017} (also DIR/images/...) with DIR/annotations/"
        "instances_{train,val}2017.json as in the official archives; DIR may also hold all that in "
        "a folder coco."
    ),
    notes=(
        "train-weaksup is train2017, test is val2017; the 1,021 and 48 images without any instance "
        "show no class and are left out. train-fullsup is the first 5,000 of the others of "
        "train2017 in order of their ids, a subset of train-weaksup: a threshold calibrated there "
        "has seen training images. Category ids become contiguous labels in order of the ids. "
        "Regions of crowds belong to the mask of their class."
    ),
    downloads=(
        Download(f"{_HOST}zips/train2017.zip", "md5:cced6f7f71b7629ddf16f17bbcfab6b2"),
        Download(f"{_HOST}zips/val2017.zip", "md5:442b8da7639aecaf257c1dceb8ba8c80"),
        Download(
            f"{_HOST}annotations/annotations_trainval2017.zip",
            "md5:f4bbac642086de4f52a3fdda2de5fa2c",
        ),
    ),
)
def coco(root: Path, split: str) -> Iterator[Sample | Problem]:
    """Read one split; a target is one image and one of its classes."""
    part = _PARTS[split]
    name = f"annotations/instances_{part}.json"
    home = next((root / home for home in _HOMES if (root / home / name).is_file()), None)
    if home is None:
        raise not_found(root, (name, f"coco/{name}"), what=f"annotations of COCO {part}")
    folder = find_folder(home, (part, f"images/{part}"), what=f"folder of COCO images {part}")
    file = read_coco(home / name)
    if file.class_names != _CLASSES:
        raise DataError(f"{home / name} does not have the 80 categories of COCO in their order")
    annotated = (image for image in file.images if image["id"] in file.annotations)
    chosen = islice(annotated, _CALIBRATION) if split == TRAIN_FULLSUP else annotated
    for image in chosen:
        path = folder / str(image["file_name"])
        yield from coco_sample(image, file.annotations[image["id"]], path, file.labels)
