"""Describing what is annotated: sizes, shapes and places of the objects. Boxes only, no pixels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from wsolbench.dataset import Dataset
from wsolbench.decode import image_size
from wsolbench.errors import DataError, SampleError
from wsolbench.sample import Sample, Split

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

GRID = 50
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Objects:
    """Every box of some images, one row each.

    Attributes:
        label: ``[n]`` int64.
        image: ``[n]`` int64, position of its image.
        area: ``[n]`` share of the image's area.
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
        unreadable: images left out because their size is not known and cannot be read.
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

    Images without official size are opened for it; their pixels are not decoded.

    Raises:
        DataError: no image can be read.
    """
    sizes = [_size(sample) for sample in split.samples]
    known = [(s, size) for s, size in zip(split.samples, sizes, strict=True) if size is not None]
    if not known:
        raise DataError(f"no image of {dataset.name} {split.name} can be read")
    samples = [sample for sample, _ in known]
    objects = _objects(known)
    boxes = np.array([len(sample.instances) for sample in samples], dtype=np.int64)
    return Statistics(
        dataset=dataset.name,
        split=split.name,
        classes=dataset.classes,
        images=len(split.samples),
        images_per_class=dict(Counter(label for sample in samples for label in sample.labels)),
        labels_per_image=np.array([len(sample.labels) for sample in samples], dtype=np.int64),
        instances_per_image=boxes[boxes > 0],
        objects=objects,
        heat=coverage(objects.ends) if len(objects) else None,
        unreadable=len(sizes) - len(known),
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


def _size(sample: Sample) -> tuple[int, int] | None:
    if sample.size_wh is not None:
        return sample.size_wh
    try:
        return image_size(sample.path)
    except SampleError:
        return None


def _objects(known: Sequence[tuple[Sample, tuple[int, int]]]) -> Objects:
    rows = np.array(list(_rows(known)), dtype=np.float64).reshape(-1, 8)
    label, image, *edges, width, height = rows.T
    x0, y0, x1, y1 = edges[0], edges[1], edges[2] + 1, edges[3] + 1  # boxes are inclusive
    ends = np.stack([x0 / width, y0 / height, x1 / width, y1 / height], axis=1)
    return Objects(
        label=label.astype(np.int64),
        image=image.astype(np.int64),
        area=(x1 - x0) * (y1 - y0) / (width * height),
        aspect=(x1 - x0) / (y1 - y0),
        centre_xy=np.stack([ends[:, 0] + ends[:, 2], ends[:, 1] + ends[:, 3]], axis=1) / 2,
        ends=ends,
    )


def _rows(known: Iterable[tuple[Sample, tuple[int, int]]]) -> Iterator[tuple[float, ...]]:
    for position, (sample, size_wh) in enumerate(known):
        for instance in sample.instances:
            yield (instance.label, position, *instance.box_xyxy, *size_wh)


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
