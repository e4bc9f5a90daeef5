"""The boxes of a score map at every threshold, and how well they fit, with no loop over thresholds.

A uint8 map has at most 255 different masks ``levels > k``. Their components nest, so one pass gives
every box with the levels at which it exists. The boxes are those of the protocol ``wsol2020`` (Choe
et al., Evaluating Weakly Supervised Object Localization Methods Right, CVPR 2020), which takes them
from OpenCV's contours, one threshold after the other:

- *multi*: the box of every contour, that is of every 8-connected component and of every 4-connected
  hole that does not touch the border, the latter grown by one pixel on each side;
- *single*: the box of the contour with the largest area, which is that of a component;
- the last column and row of a box are one too large, except at the right and bottom border;
- the box of an empty mask is the one pixel [0, 0, 0, 0].
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wsolbench._component_tree import Nodes, grow_tree
from wsolbench._hills import find_regions, find_turns
from wsolbench._largest_contour import largest_contours
from wsolbench._level_boxes import LEVELS, best_ious, holes, widen
from wsolbench.errors import InputError

__all__ = [
    "BestIoU",
    "ComponentTree",
    "best_iou_by_level",
    "best_iou_by_level_batch",
    "component_tree",
]


@dataclass(frozen=True)
class ComponentTree:
    """Every box of a map, each with the levels k at which the mask ``levels > k`` has it.

    Attributes:
        boxes_xyxy: [N, 4], first and last columns and rows x0, y0, x1, y1 in pixels, inclusive.
        first_level: [N], the lowest k at which a box exists.
        last_level: [N], the highest k at which it exists, inclusive.
        is_hole: [N], whether it is the box of a hole.
        single_box_xyxy: [256, 4], the box of the largest contour at each k.
        maximum: the highest level of the map; from this k on the mask is empty.
    """

    boxes_xyxy: NDArray[np.int64]
    first_level: NDArray[np.int64]
    last_level: NDArray[np.int64]
    is_hole: NDArray[np.bool_]
    single_box_xyxy: NDArray[np.int64]
    maximum: int

    def multi_boxes(self, level: int) -> NDArray[np.int64]:
        """The boxes [n, 4] of all contours of the mask ``levels > level``."""
        if level >= self.maximum:
            return np.zeros((1, 4), np.int64)
        exists = (self.first_level <= level) & (level <= self.last_level)
        boxes: NDArray[np.int64] = self.boxes_xyxy[exists]
        return boxes

    def single_box(self, level: int) -> NDArray[np.int64]:
        """The box [4] of the largest contour of the mask ``levels > level``."""
        box: NDArray[np.int64] = self.single_box_xyxy[level]
        return box


@dataclass(frozen=True)
class BestIoU:
    """The highest IoU of any predicted with any true box, at each level k from 0 to 255.

    Attributes:
        multi: [256], or [B, 256] for a batch, over the boxes of all contours.
        single: of the same shape, for the box of the largest contour.
    """

    multi: NDArray[np.float64]
    single: NDArray[np.float64]


def component_tree(levels: NDArray[np.uint8]) -> ComponentTree:
    """Finds the boxes of the masks ``levels > k`` for all k from 0 to 255.

    Args:
        levels: a map [H, W] of dtype uint8.

    Raises:
        InputError: if the map has another dtype or shape, or no pixel.
    """
    components, inner, largest, maximum = _grow(_checked_levels(levels, "[H, W]"))
    single = np.zeros((LEVELS, 4), np.int64)
    single[:maximum] = components.box[largest[:maximum]]
    return ComponentTree(
        boxes_xyxy=np.concatenate((components.box, inner.box), dtype=np.int64),
        first_level=np.concatenate((components.first, inner.first), dtype=np.int64),
        last_level=np.concatenate((components.stop, inner.stop), dtype=np.int64) - 1,
        is_hole=np.repeat([False, True], [len(components.first), len(inner.first)]),
        single_box_xyxy=single,
        maximum=maximum,
    )


def best_iou_by_level(levels: NDArray[np.uint8], gt_boxes_xyxy: ArrayLike) -> BestIoU:
    """Compares the boxes of the masks ``levels > k`` with the true boxes, for all k from 0 to 255.

    The IoU counts pixels, borders included: a box is x1 - x0 + 1 wide.

    Args:
        levels: a map [H, W] of dtype uint8.
        gt_boxes_xyxy: true boxes [G, 4] with G >= 1, in pixels of the map.

    Returns:
        The best IoU at each level, [256]; from the map's maximum on that of the box [0, 0, 0, 0].

    Raises:
        InputError: if the map is not a uint8 map, or a box is not finite or is inverted.
    """
    checked = _checked_levels(levels, "[H, W]")
    truth = _checked_boxes(gt_boxes_xyxy)
    best = BestIoU(np.empty(LEVELS), np.empty(LEVELS))
    _score(checked, truth, best)
    return best


def best_iou_by_level_batch(
    levels: NDArray[np.uint8],
    gt_boxes_xyxy: ArrayLike,
    offsets: Sequence[int] | NDArray[np.int64],
    *,
    threads: int = 1,
) -> BestIoU:
    """Does what ``best_iou_by_level`` does for a batch of maps, with the very same result.

    Args:
        levels: maps [B, H, W] of dtype uint8.
        gt_boxes_xyxy: the true boxes [T, 4] of all maps, one map after the other.
        offsets: [B + 1]; map b has the boxes ``offsets[b]`` up to, not including, ``offsets[b+1]``.
        threads: how many threads share the work.

    Returns:
        The best IoU of each map at each level, [B, 256].

    Raises:
        InputError: if an array has a wrong dtype, shape or range, or a map has no box.
    """
    checked = _checked_levels(levels, "[B, H, W]")
    truth = _checked_boxes(gt_boxes_xyxy)
    bounds = _checked_offsets(offsets, len(checked), len(truth))
    best = BestIoU(np.empty((len(checked), LEVELS)), np.empty((len(checked), LEVELS)))

    def score(index: int) -> None:
        row = BestIoU(best.multi[index], best.single[index])
        _score(checked[index], truth[bounds[index] : bounds[index + 1]], row)

    # threads of our own: numba's need OpenMP, with which a process that forks later is killed
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(score, range(len(checked))))
    return best


def _grow(levels: NDArray[np.uint8]) -> tuple[Nodes, Nodes, NDArray[np.int32], int]:
    """The components, the holes, the index of the largest component per level, the maximum."""
    height, width = levels.shape
    turns = find_turns(levels)
    hills, regions = find_regions(levels, turns, True)
    merges, components = grow_tree(levels, hills, regions)
    inverted = np.invert(levels)
    _, dark = grow_tree(inverted, *find_regions(inverted, turns, False))
    inner = holes(dark, height, width)
    largest = largest_contours(levels, hills, merges, components, inner)
    widen(components.box, height, width)
    widen(inner.box, height, width)
    return components, inner, largest, int(merges.peak[0])


def _score(levels: NDArray[np.uint8], truth: NDArray[np.float64], best: BestIoU) -> None:
    best_ious(*_grow(levels), truth, best.multi, best.single)


def _checked_levels(levels: NDArray[np.uint8], shape: str) -> NDArray[np.uint8]:
    array = np.asarray(levels)
    if array.dtype != np.uint8 or array.ndim != shape.count(",") + 1 or 0 in array.shape:
        raise InputError(
            f"expected levels {shape} of dtype uint8 with at least one pixel, got dtype "
            f"{array.dtype} and shape {list(array.shape)}; "
            "quantise a map in [0, 1] by (map * 255).astype(np.uint8)"
        )
    return np.require(array, requirements=["C", "W"])


def _checked_boxes(boxes_xyxy: ArrayLike) -> NDArray[np.float64]:
    boxes = np.array(boxes_xyxy, dtype=np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not len(boxes):
        raise InputError(
            f"expected true boxes [G, 4] with G >= 1, got shape {list(boxes.shape)}; "
            "leave out images that have no box"
        )
    if not (np.isfinite(boxes).all() and (boxes[:, :2] <= boxes[:, 2:]).all()):
        right = np.isfinite(boxes).all(1) & (boxes[:, :2] <= boxes[:, 2:]).all(1)
        row = int(np.argmin(right))
        raise InputError(
            "expected finite true boxes with x0 <= x1 and y0 <= y1, "
            f"got {boxes[row].tolist()} in row {row}; check the order of the coordinates"
        )
    return boxes


def _checked_offsets(
    offsets: Sequence[int] | NDArray[np.int64], maps: int, boxes: int
) -> NDArray[np.int64]:
    bounds = np.ascontiguousarray(offsets, dtype=np.int64)
    if bounds.shape != (maps + 1,) or bounds[0] != 0 or bounds[-1] != boxes:
        raise InputError(
            f"expected offsets [{maps + 1}] from 0 to the number of boxes {boxes}, "
            f"got {bounds.tolist()}; give one more offset than maps"
        )
    if (np.diff(bounds) < 1).any():
        empty = int(np.argmin(np.diff(bounds)))
        raise InputError(
            f"expected at least one true box for each map, got none for map {empty}; "
            "leave out images that have no box"
        )
    return bounds
