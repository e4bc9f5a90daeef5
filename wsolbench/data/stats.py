"""Describing what is annotated: sizes, shapes and places of the objects.

Objects are boxes; in images with masks only, the masks of the classes and the boxes around them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from wsolbench.dataset import Dataset
from wsolbench.decode import official_size
from wsolbench.errors import DataError, SampleError
from wsolbench.masks import box_of
from wsolbench.sample import Sample, Split

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

GRID = 50
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Objects:
    """Every object of some images, one row each.

    Attributes:
        label: ``[n]`` int64.
        image: ``[n]`` int64, position of its image.
        area: ``[n]`` share of the image's area, of the box or of the mask.
        aspect: ``[n]`` width / height in pixels.
        centre_xy: ``[n, 2]`` centre, as shares of width and height.
        ends: ``[n, 4]`` box, as shares: left, top, right, bottom edge.
    """

    label: NDArray[np.int64]
    image: NDArray[np.int64]
    area: Floats
    aspect: Floats
    centre_xy: Floats
    ends: Floats

    def __len__(self) -> int:
        return len(self.label)

    @property
    def off_centre(self) -> Floats:
        """``[n]`` distance of the centres from the image's, as share of half the diagonal."""
        distance = np.linalg.norm(self.centre_xy - 0.5, axis=1)
        return np.asarray(distance / np.sqrt(0.5), dtype=np.float64)


@dataclass(frozen=True)
class Statistics:
    """What is annotated in a split.

    Attributes:
        dataset, split: names.
        classes: names in label order.
        images: how many.
        images_per_class: label -> images that show it.
        labels_per_image: classes of each image, ``[images]``.
        instances_per_image: boxes of each image that has any.
        objects: every box.
        heat: ``[50, 50]`` share of the boxes that cover each place of the image; ``None`` without
            boxes.
        unreadable: images left out because the image or its mask cannot be read.
        from_masks: objects that are masks without boxes.
    """

    dataset: str
    split: str
    classes: tuple[str, ...] = field(repr=False)
    images: int
    images_per_class: dict[int, int]
    labels_per_image: NDArray[np.int64]
    instances_per_image: NDArray[np.int64]
    objects: Objects
    heat: Floats | None
    unreadable: int
    from_masks: int = 0

    def summary(self) -> dict[str, Any]:
        """Every number of the split, for tables and JSON."""
        numbers: dict[str, Any] = {
            "dataset": self.dataset,
            "split": self.split,
            "images": self.images,
            "classes": len(self.images_per_class),
            "labels_per_image": _spread(self.labels_per_image),
            "boxes": len(self.objects),
        }
        if self.from_masks:
            numbers["boxes_around_masks"] = self.from_masks
        if self.unreadable:
            numbers["images_left_out"] = self.unreadable
        if len(self.objects):
            numbers |= _of_objects(self.objects)
            numbers["boxes_per_image"] = _spread(self.instances_per_image)
        return numbers

    def per_class(self) -> list[dict[str, Any]]:
        """A row per class that occurs."""
        return [
            {
                "label": label,
                "class": self.classes[label],
                "images": self.images_per_class[label],
                **self._class_numbers(label),
            }
            for label in sorted(self.images_per_class)
        ]

    def _class_numbers(self, label: int) -> dict[str, Any]:
        chosen = self.objects.label == label
        if not chosen.any():
            return {"boxes": 0}
        x, y = self.objects.centre_xy[chosen].mean(axis=0)
        return {
            "boxes": int(chosen.sum()),
            "median_area": float(np.median(self.objects.area[chosen])),
            "median_aspect": float(np.median(self.objects.aspect[chosen])),
            "mean_centre_xy": [float(x), float(y)],
        }


def describe(dataset: Dataset, split: Split) -> Statistics:
    """Gather the statistics of a split.

    Images without official size are opened for it; pixels are decoded of masks only.

    Raises:
        DataError: no image can be read.
    """
    rows: list[tuple[float, ...]] = []
    samples: list[Sample] = []
    boxes, from_masks = [], 0
    for sample in split.samples:
        try:
            found = list(_rows(sample, len(samples)))
        except SampleError:
            continue
        samples.append(sample)
        rows += found
        boxes.append(len(found))
        from_masks += 0 if sample.instances else len(found)
    if not samples:
        raise DataError(f"no image of {dataset.name} {split.name} can be read")
    objects = _objects(rows)
    counts = np.array(boxes, dtype=np.int64)
    return Statistics(
        dataset=dataset.name,
        split=split.name,
        classes=dataset.classes,
        images=len(split.samples),
        images_per_class=dict(Counter(label for sample in samples for label in sample.labels)),
        labels_per_image=np.array([len(sample.labels) for sample in samples], dtype=np.int64),
        instances_per_image=counts[counts > 0],
        objects=objects,
        heat=coverage(objects.ends) if len(objects) else None,
        unreadable=len(split.samples) - len(samples),
        from_masks=from_masks,
    )


def coverage(ends: Floats, grid: int = GRID) -> Floats:
    """Share of the boxes that cover the centre of each cell of a grid over the image.

    Args:
        ends: ``[n, 4]`` boxes as shares of the image: left, top, right, bottom edge.
        grid: cells on each side.

    Returns:
        ``[grid, grid]``, rows from top to bottom.
    """
    places = (np.arange(grid) + 0.5) / grid
    total = np.zeros((grid, grid))
    for part in np.array_split(ends, max(1, len(ends) // 10_000)):
        across = (part[:, 0:1] <= places) & (places < part[:, 2:3])
        down = (part[:, 1:2] <= places) & (places < part[:, 3:4])
        total += down.astype(np.float64).T @ across.astype(np.float64)
    return total / max(1, len(ends))


def _rows(sample: Sample, position: int) -> Iterator[tuple[float, ...]]:
    """Label, position, the box's ends, width and height of the image, area, of every object."""
    width, height = official_size(sample)
    for instance in sample.instances:
        x0, y0, x1, y1 = instance.box_xyxy
        area = (x1 - x0 + 1) * (y1 - y0 + 1) / (width * height)
        yield (instance.label, position, x0, y0, x1, y1, width, height, area)
    if sample.instances or sample.masks is None:
        return
    for label in sample.labels:
        mask, _ = sample.masks.read(label)
        around = box_of(mask)
        if around is not None:
            yield (label, position, *around, *mask.shape[::-1], float(mask.mean()))


def _objects(rows: Sequence[tuple[float, ...]]) -> Objects:
    columns = np.array(rows, dtype=np.float64).reshape(-1, 9).T
    label, image, x0, y0, x1, y1, width, height, area = columns
    x1, y1 = x1 + 1, y1 + 1  # boxes are inclusive
    ends = np.stack([x0 / width, y0 / height, x1 / width, y1 / height], axis=1)
    return Objects(
        label=label.astype(np.int64),
        image=image.astype(np.int64),
        area=area,
        aspect=(x1 - x0) / (y1 - y0),
        centre_xy=np.stack([ends[:, 0] + ends[:, 2], ends[:, 1] + ends[:, 3]], axis=1) / 2,
        ends=ends,
    )


def _of_objects(objects: Objects) -> dict[str, Any]:
    x, y = objects.centre_xy.mean(axis=0)
    return {
        "area": _spread(objects.area),
        "area_of_half_or_more": float((objects.area >= 0.5).mean()),
        "aspect": _spread(objects.aspect),
        "mean_centre_xy": [float(x), float(y)],
        "off_centre": _spread(objects.off_centre),
    }


def _spread(values: NDArray[Any]) -> dict[str, float]:
    """Mean, extremes and quantiles."""
    quantiles = np.quantile(values, _QUANTILES)
    named = {f"q{round(100 * q):02d}": float(v) for q, v in zip(_QUANTILES, quantiles, strict=True)}
    return {
        "mean": float(values.mean()),
        "min": float(values.min()),
        **named,
        "max": float(values.max()),
    }
