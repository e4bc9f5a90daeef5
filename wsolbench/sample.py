"""What a data set is made of: samples with instances, boxes and masks. No torch here.

Every coordinate is in the image's *official* frame, ``size_wh``, even where the file on disk is a
resized copy. Boxes are ``xyxy``, 0-based, both ends inclusive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wsolbench.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wsolbench.masks import InstanceMaskSource, MaskSource

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Instance:
    """One annotated object.

    Attributes:
        label: class index.
        box_xyxy: 0-based inclusive box in the official frame.
        difficult: hard to recognise; PASCAL VOC leaves such objects out of the scores.
        truncated: the object goes on outside the box.
        occluded: part of the object is hidden.
        crowd: a region of many objects that are not told apart (COCO).
    """

    label: int
    box_xyxy: Box
    difficult: bool = False
    truncated: bool = False
    occluded: bool = False
    crowd: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """One image and all that is known of it.

    Attributes:
        id: unique within its split, as the data set names it.
        path: the image file.
        size_wh: official width and height in pixels; ``None`` where only the file can tell.
        labels: classes present, ascending, without repetition.
        instances: annotated objects, possibly none.
        masks: reads the mask of a class, where there are masks.
        instance_masks: reads the mask of ``instances[position]``, where there are such.
    """

    id: str
    path: Path
    size_wh: tuple[int, int] | None
    labels: tuple[int, ...]
    instances: tuple[Instance, ...] = ()
    masks: MaskSource | None = None
    instance_masks: InstanceMaskSource | None = None

    def of_label(self, label: int) -> tuple[Instance, ...]:
        """The instances of one class."""
        return tuple(instance for instance in self.instances if instance.label == label)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something of a split that cannot be used: counted, named, never silently scored."""

    id: str
    reason: str


@dataclass(frozen=True)
class Split:
    """The samples of one split as found on disk.

    Attributes:
        dataset: name of the data set.
        name: ``train-weaksup``, ``train-fullsup`` or ``test``.
        samples: in the data set's own order.
        problems: what the reader could not use.
        expected_images: how many the published split has; ``None`` where nobody published it.
    """

    dataset: str
    name: str
    samples: Sequence[Sample]
    problems: tuple[Problem, ...] = ()
    expected_images: int | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """The ground truth of one target: one image and one class.

    Attributes:
        sample_id: the image.
        label: the class.
        size_wh: official width and height.
        boxes_xyxy: ``[n, 4]`` float64, every box of the class, 0-based inclusive.
        difficult: ``[n]`` bool.
        mask: ``[H, W]`` bool in the official frame, or ``None``.
        ignore: ``[H, W]`` bool, pixels that count neither way; ``None`` without mask.
        others: labels of the other classes in the image (distractors).
    """

    sample_id: str
    label: int
    size_wh: tuple[int, int]
    boxes_xyxy: NDArray[np.float64]
    difficult: NDArray[np.bool_]
    mask: NDArray[np.bool_] | None = None
    ignore: NDArray[np.bool_] | None = None
    others: tuple[int, ...] = field(default=())

    @property
    def key(self) -> str:
        """Names the target across methods, batches and machines."""
        return f"{self.sample_id}#{self.label}"

    @property
    def scored_boxes_xyxy(self) -> NDArray[np.float64]:
        """The boxes that are not difficult, ``[n, 4]``."""
        return self.boxes_xyxy[~self.difficult]


def truth_of(sample: Sample, label: int, size_wh: tuple[int, int], *, masks: bool) -> Truth:
    """Gather the ground truth of ``label`` in ``sample``.

    Args:
        sample: the image.
        label: one of its labels, or any other class (then boxes and mask are empty).
        size_wh: the official size (``sample.size_wh``, or the file's where that is ``None``).
        masks: whether to read masks too, where there are any.
    """
    instances = sample.of_label(label)
    boxes = np.array([instance.box_xyxy for instance in instances], dtype=np.float64).reshape(-1, 4)
    mask = ignore = None
    if masks and sample.masks is not None:
        mask, ignore = sample.masks.read(label)
        expected = (size_wh[1], size_wh[0])
        if mask.shape != expected:
            raise InputError(
                f"expected a mask of the image's size {expected} (height, width) for {sample.id}, "
                f"but got {mask.shape}; correct the mask or the image's size"
            )
    return Truth(
        sample_id=sample.id,
        label=label,
        size_wh=size_wh,
        boxes_xyxy=boxes,
        difficult=np.array([instance.difficult for instance in instances], dtype=np.bool_),
        mask=mask,
        ignore=ignore,
        others=tuple(other for other in sample.labels if other != label),
    )
