"""Reader of the official PASCAL VOC devkit, and of data sets in its layout."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from wsolbench.dataset import SEG_SPLITS, SEG_TRAINAUG, find_folder, not_found
from wsolbench.errors import DataError, SampleError
from wsolbench.masks import IndexMasks, ObjectMasks
from wsolbench.sample import Problem, Sample

from ._files import IMAGE_SUFFIXES, composed, files_by_stem
from ._pascal_xml import read_annotation

VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
)  # fmt: skip

VOC_LICENCE = "Flickr's terms of use hold for the images; made for research"

_MASK_FOLDERS = {SEG_TRAINAUG: "SegmentationClassAug"}


def read_voc(
    root: Path,
    name: str,
    image_sets: Mapping[str, tuple[str, ...]],
    split: str,
    classes: tuple[str, ...],
) -> Iterator[Sample | Problem]:
    """Read the images of one split of a devkit.

    Boxes in the files are 1-based inclusive; those of the samples are 0-based inclusive. Masks are
    class masks (``SegmentationClass``, of SBD for seg-trainaug), and object masks
    (``SegmentationObject``), where an image has them; an image of a segmentation split without a
    class mask is a problem.

    Args:
        root: the folder above ``VOCdevkit``, ``VOCdevkit`` itself, or the folder ``name`` in it.
        name: the folder of the data set in the devkit, for example "VOC2012".
        image_sets: split -> its list in ``ImageSets``, for example "Main/train"; of several, the
            first that is there.
        split: one of them.
        classes: class names in label order.

    Raises:
        DataError: the root holds no such devkit, list or folder of masks.
    """
    folder = find_devkit(root, name)
    masks = folder / _MASK_FOLDERS.get(split, "SegmentationClass")
    if split in SEG_SPLITS and not masks.is_dir():
        raise not_found(folder, (masks.name,), what=f"folder of class masks for {split}")
    devkit = _Devkit(
        labels={class_name: label for label, class_name in enumerate(classes)},
        images=files_by_stem(folder / "JPEGImages", IMAGE_SUFFIXES),
        annotations=files_by_stem(folder / "Annotations", (".xml",)),
        masks=files_by_stem(masks, (".png",)),
        objects=files_by_stem(folder / "SegmentationObject", (".png",)),
        needs_mask=masks.name if split in SEG_SPLITS else "",
    )
    return (devkit.entry(image_id) for image_id in _image_ids(folder, image_sets[split]))


def find_devkit(root: Path, name: str) -> Path:
    """The folder ``name`` of a devkit, seen from any of the roots that `read_voc` takes.

    Raises:
        DataError: it is not there, or the root is the folder of another year.
    """
    inside = (f"VOCdevkit/{name}/JPEGImages", f"{name}/JPEGImages")
    another = re.fullmatch(r"VOC\d{4}", root.resolve().name) and root.resolve().name != name
    candidates = inside if another else (*inside, "JPEGImages")
    return find_folder(root, candidates, what=f"PASCAL VOC devkit of {name}").parent


@dataclass(frozen=True, slots=True)
class _Devkit:
    labels: Mapping[str, int]
    images: Mapping[str, Path]
    annotations: Mapping[str, Path]
    masks: Mapping[str, Path]
    objects: Mapping[str, Path]
    needs_mask: str

    def entry(self, image_id: str) -> Sample | Problem:
        """The sample of an image, or why there is none."""
        try:
            return self._sample(image_id)
        except SampleError as error:
            return Problem(image_id, str(error))

    def _sample(self, image_id: str) -> Sample:
        key = composed(image_id)
        if key not in self.images:
            raise SampleError(f"no image file JPEGImages/{image_id}.jpg")
        if key not in self.annotations:
            raise SampleError(f"no annotation Annotations/{image_id}.xml")
        mask, objects = self.masks.get(key), self.objects.get(key)
        if self.needs_mask and mask is None:
            raise SampleError(f"no class mask {self.needs_mask}/{image_id}.png")
        annotation = read_annotation(self.annotations[key], self.labels, origin=1)
        boxes = tuple(instance.box_xyxy for instance in annotation.instances)
        return Sample(
            id=image_id,
            path=self.images[key],
            size_wh=annotation.size_wh,
            labels=annotation.labels,
            instances=annotation.instances,
            masks=None if mask is None else IndexMasks(mask),
            instance_masks=None if objects is None else ObjectMasks(objects, boxes),
        )


def _image_ids(folder: Path, image_sets: tuple[str, ...]) -> list[str]:
    """The image names of the first list that is there, each once, in its order.

    A line is a name; where it is a path, as in some lists of trainaug, the name of its file.
    """
    candidates = [folder / "ImageSets" / f"{image_set}.txt" for image_set in image_sets]
    path = next((candidate for candidate in candidates if candidate.is_file()), candidates[0])
    if not path.is_file():
        nearest = next(parent for parent in path.parents if parent.is_dir())
        raise not_found(
            nearest, (str(path.relative_to(nearest)),), what="list of the split's images"
        )
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the list {path} cannot be read: {error}") from error
    names = (line.strip() for line in lines if line.strip())
    return list(dict.fromkeys(Path(n.split()[0]).stem if "/" in n else n for n in names))
