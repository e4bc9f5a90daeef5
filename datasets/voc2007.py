"""PASCAL VOC 2007 from the official devkit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wsolbench.dataset import (
    SEG_TEST,
    SEG_TRAIN,
    SEG_VAL,
    TEST,
    TRAIN_FULLSUP,
    TRAIN_WEAKSUP,
    Download,
)
from wsolbench.registry import DATASETS
from wsolbench.sample import Problem, Sample

from ._voc import VOC_CLASSES, VOC_LICENCE, read_voc

_IMAGE_SETS = {
    TRAIN_WEAKSUP: ("Main/train",),
    TRAIN_FULLSUP: ("Main/val",),
    TEST: ("Main/test",),
    SEG_TRAIN: ("Segmentation/train",),
    SEG_VAL: ("Segmentation/val",),
    SEG_TEST: ("Segmentation/test",),
}
_HOST = "https://thor.robots.ox.ac.uk/pascal/VOC/voc2007/"


@DATASETS.register(
    "voc2007",
    title="PASCAL VOC 2007: 20 classes of everyday objects, several to an image",
    classes=VOC_CLASSES,
    splits={
        TRAIN_WEAKSUP: 2501,
        TRAIN_FULLSUP: 2510,
        TEST: 4952,
        SEG_TRAIN: 209,
        SEG_VAL: 213,
        SEG_TEST: 210,
    },
    annotations=("labels", "boxes", "masks"),
    multilabel=True,
    revision="2007 (trainval of 6 November 2007, test with annotations)",
    licence=VOC_LICENCE,
    citation=(
        "@article{everingham2010pascal, author = {Everingham, Mark and Van Gool, Luc and Williams, "
        "Christopher K. I. and Winn, John and Zisserman, Andrew}, title = {The Pascal Visual "
        "Object Classes (VOC) Challenge}, journal = {International Journal of Computer Vision}, "
        "volume = {88}, number = {2}, pages = {303--338}, year = {2010}}"
    ),
    homepage="http://host.robots.ox.ac.uk/pascal/VOC/voc2007/",
    layout=(
        "DIR/VOCdevkit/VOC2007/{Annotations,ImageSets,JPEGImages,SegmentationClass,"
        "SegmentationObject} as in the official archives of trainval and test; DIR may also be "
        "VOCdevkit or VOC2007 itself."
    ),
    notes=(
        "train-weaksup is Main/train, train-fullsup is Main/val, test is Main/test. Class and "
        "object masks exist for 632 of the 9,963 images, the splits seg-train, seg-val, seg-test."
    ),
    downloads=(
        Download(f"{_HOST}VOCtrainval_06-Nov-2007.tar", "md5:c52e279531787c972589f7e41ab4ae64"),
        Download(f"{_HOST}VOCtest_06-Nov-2007.tar", "md5:b6e924de25625d8de591ea690078ad9f"),
    ),
)
def voc2007(root: Path, split: str) -> Iterator[Sample | Problem]:
    """Read one split; a target is one image and one of its classes."""
    return read_voc(root, "VOC2007", _IMAGE_SETS, split, VOC_CLASSES)
