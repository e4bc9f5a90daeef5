"""Which component has the largest contour, at every level of a component tree.

OpenCV measures a contour by the polygon through the centres of its pixels, holes filled. Of the
squares between four neighbouring pixels, one with all four in a component adds 1 to its area and
one with three adds 1/2. These counts add up along the tree, with holes left out. With holes filled,
the area of a component is at least that, and at most that plus the boxes of all holes of the level;
also it is at most that of its own box. Where this leaves a choice, contours are followed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsolbench._component_tree import Merges, Nodes
from wsolbench._hills import Hills, Index, Ints, Levels, compiled

Sums = NDArray[np.int64]

# What ranks a contour: twice its area, then its first row, then its first column; the highest wins.
Rank = tuple[int, int, int]

# the eight neighbours, clockwise from the right
_STEP_X = np.array([1, 1, 0, -1, -1, -1, 0, 1], np.int32)
_STEP_Y = np.array([0, 1, 1, 1, 0, -1, -1, -1], np.int32)


@compiled
def largest_contours(
    levels: Levels, hills: Hills, merges: Merges, nodes: Nodes, holes: Nodes
) -> Ints:
    """The node with the largest contour at each level [256]; -1 where there is no component."""
    area = _doubled_areas_without_holes(levels, hills, merges)
    filling = _doubled_areas_of_holes(holes)
    best, least, rivals = _rivals(nodes, area, filling)
    top = np.full((256, 3), -1, np.int32)
    for node in range(nodes.first.size):
        for level in range(nodes.first[node], nodes.stop[node]):
            if rivals[level] > 1 and _at_most(nodes, node, level, area, filling) >= least[level]:
                rank = _rank(levels, hills, merges, nodes, node, level, area, filling)
                if rank > (top[level, 0], top[level, 1], top[level, 2]):
                    top[level, 0], top[level, 1], top[level, 2] = rank
                    best[level], least[level] = node, rank[0]
    return best


@compiled
def _doubled_areas_of_holes(holes: Nodes) -> Sums:
    """Twice the area of the boxes of all holes at each level [256]."""
    total = np.zeros(257, np.int64)
    for hole in range(holes.first.size):
        area = _doubled_box_area(holes, hole)
        total[holes.first[hole]] += area
        total[holes.stop[hole]] -= area
    for level in range(1, 257):
        total[level] += total[level - 1]
    return total


@compiled
def _doubled_areas_without_holes(levels: Levels, hills: Hills, merges: Merges) -> Ints:
    """Twice the area [R, 256] of each region as a component, for the levels at which it is one."""
    height, width = levels.shape
    # two counters that are hit in turn: one alone would wait for its own last count
    counts = np.zeros((2, merges.peak.size, 256), np.int32)
    lowest, second = np.empty(width, np.uint8), np.empty(width, np.uint8)
    for y in range(height - 1):
        _two_lowest_of_squares(levels[y], levels[y + 1], lowest, second)
        for hill in range(Index(hills.first[y]), Index(hills.first[y + 1])):
            own = Index(hills.region[hill])
            last = Index(hills.stop[hill]) - Index(1)
            for x in range(Index(hills.start[hill]), last):
                counts[0, own, lowest[x]] += 1
                counts[1, own, second[x]] += 1
            if last + Index(1) < width:  # a square with two hills
                if levels[y, last] < second[last]:
                    own = Index(hills.region[hill + Index(1)])
                counts[0, own, lowest[last]] += 1
                counts[1, own, second[last]] += 1
    area: Ints = counts[0]
    for region in range(merges.peak.size):
        for level in range(256):
            area[region, level] += counts[1, region, level]
    _add_up(area, merges)
    return area


@compiled
def _two_lowest_of_squares(upper: Levels, lower: Levels, lowest: Levels, second: Levels) -> None:
    """Below the lowest of its levels a square is full, below the second it has three pixels."""
    upper_next, lower_next = upper[1:], lower[1:]
    for x in range(upper_next.size):
        low_above, high_above = min(upper[x], upper_next[x]), max(upper[x], upper_next[x])
        low_below, high_below = min(lower[x], lower_next[x]), max(lower[x], lower_next[x])
        lowest[x] = min(low_above, low_below)
        second[x] = min(max(low_above, low_below), min(high_above, high_below))


@compiled
def _add_up(counts: Ints, merges: Merges) -> None:
    """Turns counts per level into sums over all higher levels, and over all that has merged."""
    for region in range(merges.peak.size - 1, -1, -1):
        total = 0
        for level in range(merges.peak[region], merges.end[region] - 1, -1):
            total, counts[region, level] = total + counts[region, level], total
        if region:
            into, end = merges.into[region], merges.end[region]
            counts[into, end] += total
            for level in range(end):
                counts[into, level] += counts[region, level]


@compiled
def _doubled_box_area(nodes: Nodes, node: int) -> int:
    width = nodes.box[node, 2] - nodes.box[node, 0]
    height = nodes.box[node, 3] - nodes.box[node, 1]
    return int(2 * width * height)


@compiled
def _at_most(nodes: Nodes, node: int, level: int, area: Ints, filling: Sums) -> int:
    """Twice what the area of a component can be at most, with its holes filled."""
    filled = area[nodes.region[node], level] + filling[level]
    return min(int(filled), _doubled_box_area(nodes, node))


@compiled
def _rivals(nodes: Nodes, area: Ints, filling: Sums) -> tuple[Ints, Ints, Ints]:
    """Per level: one that may be the largest, its least area, and how many may be the largest."""
    least = np.full(256, -1, np.int32)
    for node in range(nodes.first.size):
        for level in range(nodes.first[node], nodes.stop[node]):
            least[level] = max(least[level], area[nodes.region[node], level])
    best, rivals = np.full(256, -1, np.int32), np.zeros(256, np.int32)
    for node in range(nodes.first.size):
        for level in range(nodes.first[node], nodes.stop[node]):
            if _at_most(nodes, node, level, area, filling) >= least[level]:
                best[level] = node
                rivals[level] += 1
    return best, least, rivals


@compiled
def _rank(
    levels: Levels,
    hills: Hills,
    merges: Merges,
    nodes: Nodes,
    node: int,
    level: int,
    area: Ints,
    filling: Sums,
) -> Rank:
    region, y = nodes.region[node], nodes.box[node, 1]
    x = _first_column(levels, hills, merges, region, y, level)
    if filling[level] == 0 or _doubled_box_area(nodes, node) == 0:
        return int(area[region, level]), int(y), x
    return _follow(levels, x, y, level), int(y), x


@compiled
def _first_column(
    levels: Levels, hills: Hills, merges: Merges, region: int, y: int, level: int
) -> int:
    """The first column of a row that belongs to a component of the mask ``levels > level``."""
    hill = hills.first[y]
    while hills.peak[hill] <= level or _component(merges, hills.region[hill], level) != region:
        hill += 1
    x = hills.start[hill]
    while levels[y, x] <= level:
        x += 1
    return int(x)


@compiled
def _component(merges: Merges, region: int, level: int) -> int:
    """The region that goes on, at a level, for one that may have merged above it."""
    while level < merges.end[region]:
        region = merges.into[region]
    return region


@compiled
def _follow(levels: Levels, start_x: int, start_y: int, level: int) -> int:
    """Twice the area inside a contour, followed clockwise from the first pixel of its top row."""
    x, y = start_x, start_y
    first = direction = _next_direction(levels, x, y, level, 5)  # the pixel on the left is not in
    doubled_area = 0
    while direction >= 0:
        step_x, step_y = _STEP_X[direction], _STEP_Y[direction]
        doubled_area += x * step_y - y * step_x
        x += step_x
        y += step_y
        direction = _next_direction(levels, x, y, level, direction + 5)
        if x == start_x and y == start_y and direction == first:
            break
    return int(doubled_area)


@compiled
def _next_direction(levels: Levels, x: int, y: int, level: int, begin: int) -> int:
    """The first direction from ``begin``, clockwise, whose pixel is in the mask; -1 if none is."""
    height, width = levels.shape
    for turn in range(8):
        direction = (begin + turn) & 7
        to_x, to_y = x + _STEP_X[direction], y + _STEP_Y[direction]
        if 0 <= to_x < width and 0 <= to_y < height and levels[to_y, to_x] > level:
            return direction
    return -1
