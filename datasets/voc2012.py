"""PASCAL VOC 2012 from the official devkit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wsolbench.dataset import (
    SEG_TRAIN,
    SEG_TRAINAUG,
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
    TRAIN_FULLSUP: ("Segmentation/train",),
    TEST: ("Main/val",),
    SEG_TRAIN: ("Segmentation/train",),
    SEG_VAL: ("Segmentation/val",),
    SEG_TRAINAUG: (
        "Segmentation/trainaug",
        "SegmentationAug/trainaug",
        "Segmentation/train_aug",
        "SegmentationAug/train_aug",
    ),
}
_HOST = "https://thor.robots.ox.ac.uk/pascal/VOC/voc2012/"


@DATASETS.register(
    "voc2012",
    title="PASCAL VOC 2012: 20 classes of everyday objects, several to an image",
    classes=VOC_CLASSES,
    splits={
        TRAIN_WEAKSUP: 5717,
        TRAIN_FULLSUP: 1464,
        TEST: 5823,
        SEG_TRAIN: 1464,
        SEG_VAL: 1449,
        SEG_TRAINAUG: 10_582,
    },
    annotations=("labels", "boxes", "masks"),
    multilabel=True,
    revision="2012 (trainval of 11 May 2012)",
    licence=VOC_LICENCE,
    citation=(
        "@article{everingham2015pascal, author = {Everingham, Mark and Eslami, S. M. Ali and Van "
        "Gool, Luc and Williams, Christopher K. I. and Winn, John and Zisserman, Andrew}, title = "
        "{The Pascal Visual Object Classes Challenge: A Retrospective}, journal = {International "
        "Journal of Computer Vision}, volume = {111}, number = {1}, pages = {98--136}, year = "
        "{2015}}"
    ),
    homepage="http://host.robots.ox.ac.uk/pascal/VOC/voc2012/",
    layout=(
        "DIR/VOCdevkit/VOC2012/{Annotations,ImageSets,JPEGImages,SegmentationClass,"
        "SegmentationObject} as in the official archive; DIR may also be VOCdevkit or VOC2012 "
        "itself. seg-trainaug needs the masks of SBD in VOC2012/SegmentationClassAug and the list "
        "VOC2012/ImageSets/Segmentation/trainaug.txt."
    ),
    notes=(
        "The annotations of the official test set are not public, so test is Main/val, and "
        "train-fullsup is Segmentation/train: fully annotated images that are a subset of "
        "train-weaksup (Main/train). A threshold calibrated there has seen training images. "
        "seg-train, seg-val and seg-trainaug (seg-train and the images of SBD that are not in "
        "seg-val) are for seeds of weakly supervised segmentation."
    ),
    downloads=(
        Download(f"{_HOST}VOCtrainval_11-May-2012.tar", "md5:6cd6e144f989b92b3379bac3b3de84fd"),
    ),
    instructions=(
        "seg-trainaug: make SegmentationClassAug and trainaug.txt from SBD, the Semantic "
        "Boundaries Dataset of Hariharan et al., 2011 (its MATLAB files as class-index PNGs)."
    ),
)
def voc2012(root: Path, split: str) -> Iterator[Sample | Problem]:
    """Read one split; a target is one image and one of its classes."""
    return read_voc(root, "VOC2012", _IMAGE_SETS, split, VOC_CLASSES)
