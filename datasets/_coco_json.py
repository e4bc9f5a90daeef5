"""Annotations in the JSON of COCO: images, categories, instances with boxes and regions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsolbench.errors import DataError, SampleError
from wsolbench.masks import InstanceRles, RleMasks
from wsolbench.sample import Box, Instance, Problem, Sample

from ._boxes import fit_box

Entries = Iterator[Sample | Problem]
Record = dict[str, Any]


@dataclass(frozen=True)
class CocoFile:
    """What one file says.

    Attributes:
        images: every image, in order of its id.
        categories: every category, in order of its id.
        annotations: image id -> its annotations, in order of the file.
    """

    images: tuple[Record, ...]
    categories: tuple[Record, ...]
    annotations: Mapping[int, tuple[Record, ...]]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the categories in order of their ids: the labels are contiguous."""
        return tuple(str(category["name"]) for category in self.categories)

    @property
    def labels(self) -> dict[int, int]:
        """Category id -> contiguous label."""
        return {category["id"]: label for label, category in enumerate(self.categories)}


def read_coco(path: Path) -> CocoFile:
    """Read a file.

    Raises:
        DataError: it cannot be read or is not of COCO's form.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as JSON: {error}") from error
    try:
        by_image: dict[int, list[Record]] = {}
        for annotation in content["annotations"]:
            by_image.setdefault(annotation["image_id"], []).append(annotation)
        return CocoFile(
            images=tuple(sorted(content["images"], key=_id_of)),
            categories=tuple(sorted(content["categories"], key=_id_of)),
            annotations={image: tuple(entries) for image, entries in by_image.items()},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path} is not of COCO's form (images, categories, annotations): {error!r}"
        ) from error


def _id_of(record: Record) -> int:
    number: int = record["id"]
    return number


def coco_sample(
    image: Record, annotations: tuple[Record, ...], path: Path, labels: Mapping[int, int]
) -> Entries:
    """The sample of an image, and a problem for each annotation that cannot be used.

    Boxes ``[x, y, width, height]`` become 0-based inclusive: ``x + width - 1``, but never less
    than one pixel. Regions of crowds belong to the masks of their class.

    Args:
        image: its record.
        annotations: those of the image.
        path: the image file.
        labels: category id -> label.
    """
    name = str(image.get("file_name", image["id"]))
    if not path.is_file():
        yield Problem(name, f"no image file {name}")
        return
    instances, codes = [], []
    try:
        size_wh = int(image["width"]), int(image["height"])
    except (KeyError, TypeError, ValueError):
        yield Problem(name, "no width and height")
        return
    for annotation in annotations:
        try:
            instances.append(_instance(annotation, labels, size_wh))
        except (SampleError, KeyError, TypeError, ValueError) as error:
            yield Problem(name, f"annotation {annotation.get('id')} left out: {error}")
        else:
            codes.append(annotation.get("segmentation"))
    present = tuple(sorted({instance.label for instance in instances}))
    size_hw = size_wh[::-1]
    has_regions = bool(codes) and all(codes)
    yield Sample(
        id=name,
        path=path,
        size_wh=size_wh,
        labels=present,
        instances=tuple(instances),
        masks=_masks(instances, codes, size_hw) if has_regions else None,
        instance_masks=InstanceRles(tuple(codes), size_hw) if has_regions else None,
    )


def _instance(annotation: Record, labels: Mapping[int, int], size_wh: tuple[int, int]) -> Instance:
    if annotation["category_id"] not in labels:
        raise SampleError(f"no category {annotation['category_id']}")
    x, y, width, height = map(float, annotation["bbox"])
    if not (width > 0 and height > 0):
        raise SampleError(f"the box is {width:g} x {height:g} pixels")
    box: Box = x, y, max(x + width - 1, x), max(y + height - 1, y)
    return Instance(
        labels[annotation["category_id"]],
        fit_box(box, size_wh),
        crowd=bool(annotation.get("iscrowd", 0)),
    )


def _masks(instances: list[Instance], codes: list[Any], size_hw: tuple[int, int]) -> RleMasks:
    by_label: dict[int, tuple[Any, ...]] = {}
    for instance, code in zip(instances, codes, strict=True):
        by_label[instance.label] = (*by_label.get(instance.label, ()), code)
    return RleMasks(by_label, size_hw)
