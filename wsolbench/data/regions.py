"""The region of every instance, found from what masks a sample has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wsolbench.masks import InstanceRles, encode
from wsolbench.sample import Instance, Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    BoolMask = NDArray[np.bool_]


def regions_of(sample: Sample) -> tuple[list[Any], bool]:
    """A region as COCO writes it for every instance; empty without masks.

    Masks of instances are used where there are any. A mask of a class with several instances is
    divided: a pixel goes to the smallest box that holds it, one outside of all to the largest.

    Returns:
        The regions, and whether some mask had to be divided.
    """
    if isinstance(sample.instance_masks, InstanceRles):
        return [text_of(code) for code in sample.instance_masks.codes], False
    if sample.instance_masks is not None:
        masks = [sample.instance_masks.read(i) for i in range(len(sample.instances))]
        if all(mask.any() for mask in masks):
            return [text_of(encode(mask)) for mask in masks], False
    if sample.masks is None:
        return [], False
    regions: dict[int, Any] = {}
    divided = False
    for label in sample.labels:
        mask, _ = sample.masks.read(label)
        places = [i for i, one in enumerate(sample.instances) if one.label == label]
        if not mask.any():
            return [], divided
        divided = divided or len(places) > 1
        parts = divide(mask, [sample.instances[i] for i in places])
        regions |= {i: text_of(encode(part)) for i, part in zip(places, parts, strict=True)}
    return [regions[i] for i in sorted(regions)], divided


def divide(mask: BoolMask, instances: list[Instance]) -> list[BoolMask]:
    """Parts of a class's mask, one per instance; together they are the mask."""
    if len(instances) == 1:
        return [mask]
    by_size = sorted(range(len(instances)), key=lambda i: -_area(instances[i]))
    owner = np.full(mask.shape, by_size[0])
    for i in by_size:
        x0, y0, x1, y1 = instances[i].box_xyxy
        rows, columns = slice(int(y0), int(np.ceil(y1)) + 1), slice(int(x0), int(np.ceil(x1)) + 1)
        owner[rows, columns] = i
    return [mask & (owner == i) for i in range(len(instances))]


def _area(instance: Instance) -> float:
    x0, y0, x1, y1 = instance.box_xyxy
    return (x1 - x0 + 1) * (y1 - y0 + 1)


def text_of(code: Any) -> Any:
    """A region as JSON can hold it: run lengths in text."""
    if isinstance(code, dict) and isinstance(code.get("counts"), bytes):
        return {**code, "size": list(code["size"]), "counts": code["counts"].decode("ascii")}
    return code
