"""Compiled: the boxes of the wsol2020 protocol at every level of a map, and their IoU."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wsolbench._component_tree import Ints, Levels, Nodes, compiled, grow_tree
from wsolbench._largest_contour import largest_contours

LEVELS = 256
Floats = NDArray[np.float64]


class LevelBoxes(NamedTuple):
    """The boxes of a map: first those of components, then those of holes."""

    box: Ints  # [N, 4]
    first: Ints  # [N] the lowest level k at which the mask level > k has the box
    stop: Ints  # [N] one past the highest
    largest: Ints  # [256] the box of the largest contour, -1 where there is none
    components: int
    maximum: int


@compiled
def boxes_of_all_levels(levels: Levels) -> LevelBoxes:
    """The boxes of the contours of all masks ``levels > k``."""
    hills, merges, nodes = grow_tree(levels, True)
    holes = _holes(grow_tree(np.invert(levels), False)[2], levels.shape)
    largest = largest_contours(levels, hills, merges, nodes, holes)
    components = nodes.first.size
    box = np.concatenate((nodes.box, holes.box))
    _widen(box, levels.shape)
    return LevelBoxes(
        box,
        np.concatenate((nodes.first, holes.first)),
        np.concatenate((nodes.stop, holes.stop)),
        largest,
        components,
        int(merges.peak.max()),
    )


@compiled
def _holes(dark: Nodes, shape: tuple[int, int]) -> Nodes:
    """The components of the inverted map that do not touch the border, as their contours see them.

    Level j of the inverted map leaves the pixels <= 254 - j. A hole's contour runs outside of it.
    """
    height, width = shape
    count = 0
    for node in range(dark.first.size):
        x0, y0, x1, y1 = dark.box[node]
        if x0 == 0 or y0 == 0 or x1 == width - 1 or y1 == height - 1:
            continue
        dark.box[count, 0] = x0 - 1
        dark.box[count, 1] = y0 - 1
        dark.box[count, 2] = x1 + 1
        dark.box[count, 3] = y1 + 1
        dark.first[count], dark.stop[count] = 255 - dark.stop[node], 255 - dark.first[node]
        count += 1
    return Nodes(dark.box[:count], dark.first[:count], dark.stop[:count], dark.region[:count])


@compiled
def _widen(box: Ints, shape: tuple[int, int]) -> None:
    """The edge rule: a box ends one pixel too late, except at the right and bottom border."""
    height, width = shape
    for index in range(box.shape[0]):
        box[index, 2] = min(box[index, 2] + 1, width - 1)
        box[index, 3] = min(box[index, 3] + 1, height - 1)


@compiled
def best_ious(
    levels: Levels, truth: Floats, offsets: NDArray[np.int64], multi: Floats, single: Floats
) -> None:
    """Fills multi and single [B, 256] for maps [B, H, W] with the true boxes [T, 4] of all."""
    for index in range(levels.shape[0]):
        own = truth[offsets[index] : offsets[index + 1]]
        _best_ious_of_map(levels[index], own, multi[index], single[index])


@compiled
def _best_ious_of_map(levels: Levels, truth: Floats, multi: Floats, single: Floats) -> None:
    boxes = boxes_of_all_levels(levels)
    iou = np.empty(boxes.first.size)
    multi[:] = 0.0
    for index in range(boxes.first.size):
        iou[index] = _best_iou(boxes.box[index], truth)
        for level in range(boxes.first[index], boxes.stop[index]):
            multi[level] = max(multi[level], iou[index])
    empty = _best_iou(np.zeros(4, np.int32), truth)
    multi[boxes.maximum :] = empty
    for level in range(LEVELS):
        single[level] = iou[boxes.largest[level]] if level < boxes.maximum else empty


@compiled
def _best_iou(box: Ints, truth: Floats) -> float:
    """The highest IoU of one box with any true box, borders included."""
    x0, y0, x1, y1 = float(box[0]), float(box[1]), float(box[2]), float(box[3])
    area = (x1 - x0 + 1) * (y1 - y0 + 1)
    best = 0.0
    for other in range(truth.shape[0]):
        width = min(x1, truth[other, 2]) - max(x0, truth[other, 0]) + 1
        height = min(y1, truth[other, 3]) - max(y0, truth[other, 1]) + 1
        if width > 0 and height > 0:
            true_width = truth[other, 2] - truth[other, 0] + 1
            true_height = truth[other, 3] - truth[other, 1] + 1
            shared = width * height
            best = max(best, shared / (area + true_width * true_height - shared))
    return best
