"""Compiled: the boxes of the wsol2020 protocol at every level of a map, and their IoU."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsolbench._component_tree import Nodes
from wsolbench._hills import Ints, compiled

LEVELS = 256
Floats = NDArray[np.float64]


@compiled
def holes(dark: Nodes, height: int, width: int) -> Nodes:
    """The components of the inverted map that are holes, with the boxes of their contours.

    Level j of the inverted map leaves the pixels <= 254 - j. A hole touches no border, and its
    contour runs outside of it.
    """
    found = Nodes(
        np.empty_like(dark.box),
        np.empty_like(dark.first),
        np.empty_like(dark.stop),
        np.empty_like(dark.region),
    )
    count = 0
    for node in range(dark.first.size):
        x0, y0, x1, y1 = dark.box[node, 0], dark.box[node, 1], dark.box[node, 2], dark.box[node, 3]
        if x0 > 0 and y0 > 0 and x1 < width - 1 and y1 < height - 1:
            found.box[count, 0] = x0 - 1
            found.box[count, 1] = y0 - 1
            found.box[count, 2] = x1 + 1
            found.box[count, 3] = y1 + 1
            found.first[count] = 255 - dark.stop[node]
            found.stop[count] = 255 - dark.first[node]
            found.region[count] = dark.region[node]
            count += 1
    return Nodes(found.box[:count], found.first[:count], found.stop[:count], found.region[:count])


@compiled
def widen(box: Ints, height: int, width: int) -> None:
    """The edge rule: a box ends one pixel too late, except at the right and bottom border."""
    for index in range(box.shape[0]):
        box[index, 2] = min(box[index, 2] + 1, width - 1)
        box[index, 3] = min(box[index, 3] + 1, height - 1)


@compiled
def best_ious(
    components: Nodes,
    holes: Nodes,
    largest: Ints,
    maximum: int,
    truth: Floats,
    multi: Floats,
    single: Floats,
) -> None:
    """Fills in the best IoU per level [256] with any true box [G, 4]."""
    multi[:] = 0.0
    iou = _spread(components, truth, multi)
    _spread(holes, truth, multi)
    empty = _best_iou(0.0, 0.0, 0.0, 0.0, truth)
    for level in range(maximum):
        single[level] = iou[largest[level]]
    multi[maximum:] = empty
    single[maximum:] = empty


@compiled
def _spread(nodes: Nodes, truth: Floats, multi: Floats) -> Floats:
    """The best IoU of each node [N]; raises the best IoU per level to it where the node exists."""
    iou = np.empty(nodes.first.size)
    for node in range(nodes.first.size):
        x0, y0, x1, y1 = (
            nodes.box[node, 0],
            nodes.box[node, 1],
            nodes.box[node, 2],
            nodes.box[node, 3],
        )
        iou[node] = _best_iou(float(x0), float(y0), float(x1), float(y1), truth)
        for level in range(nodes.first[node], nodes.stop[node]):
            multi[level] = max(multi[level], iou[node])
    return iou


@compiled
def _best_iou(x0: float, y0: float, x1: float, y1: float, truth: Floats) -> float:
    """The highest IoU of a box with any true box, borders included."""
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
