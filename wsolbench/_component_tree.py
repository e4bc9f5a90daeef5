"""Every connected component of every threshold of a uint8 map, in one pass over its pixels.

Each row is cut into *hills*: stretches that first rise and then fall, so that a threshold leaves of
a hill one run of pixels or nothing. Two hills that touch are joined below the highest level at
which they touch. Most hills touch a neighbour at their very top and are no component of their own
at any level; what remains once those are joined are the *regions*, one for each local maximum. A
smooth map has a few dozen. The regions then merge pairwise, highest contact first, and the one with
the lower maximum ends in the other: the regions with these merges are the component tree.

A region's box at every level follows from two short profiles: the highest level in each of its
columns and in each of its rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.uint8]
Ints = NDArray[np.int32]
_Kernel = TypeVar("_Kernel", bound=Callable[..., object])


def compiled(kernel: _Kernel) -> _Kernel:
    """Compiles a function for arrays on its first call, and keeps the result on disk."""
    return cast("_Kernel", numba.njit(cache=True, nogil=True)(kernel))


class Hills(NamedTuple):
    """The hills of a map [H, W], row by row."""

    first: Ints  # [H + 1] the first hill of each row
    start: Ints  # [n] its first column
    stop: Ints  # [n] one past its last column
    top: Ints  # [n] a column where it is highest
    peak: Levels  # [n] its highest level
    region: Ints  # [n] the region that it belongs to


class Sets(NamedTuple):
    """Hills that are joined so far: a forest in which a parent comes before its children."""

    parent: Ints  # [n]
    peak: Levels  # [n] the highest level of the set of each root


class Merges(NamedTuple):
    """How the regions of a map merge; region ``into[r]`` goes on where region r ends."""

    peak: Levels  # [R] the highest level of each region
    end: Ints  # [R] the region stands alone in the masks level > k for end <= k < peak
    into: Ints  # [R] the region that it merges into; itself for the last
    order: Ints  # [R - 1] the regions that merge, in the order in which they do


class Nodes(NamedTuple):
    """Components with the same box, over as many levels as the box stays the same."""

    box: Ints  # [N, 4] the first and last columns and rows: x0, y0, x1, y1, all inclusive
    first: Ints  # [N] the lowest level k for which it is a component of the mask level > k
    stop: Ints  # [N] one past the highest such level
    region: Ints  # [N]


@compiled
def grow_tree(levels: Levels, diagonal: bool) -> tuple[Hills, Merges, Nodes]:
    """All components of the masks ``levels > k``; with ``diagonal`` pixels have 8 neighbours."""
    hills = _cut_into_hills(levels)
    sets = Sets(np.arange(hills.start.size).astype(np.int32), hills.peak.copy())
    contacts = _join_hills(levels, hills, sets, diagonal)
    peak = _number_regions(hills, sets)
    merges = _merge_regions(_between_regions(contacts, hills.region), peak)
    return hills, merges, _trace_boxes(levels, hills, merges)


@compiled
def _cut_into_hills(levels: Levels) -> Hills:
    height, width = levels.shape
    most = height * ((width + 1) // 2)
    first = np.empty(height + 1, np.int32)
    start = np.empty(most, np.int32)
    stop = np.empty(most, np.int32)
    top = np.empty(most, np.int32)
    peak = np.empty(most, np.uint8)
    hill = 0
    for y in range(height):
        first[y] = hill
        start[hill] = 0
        falling = False
        before = levels[y, 0]
        for x in range(1, width):
            level = levels[y, x]
            if level < before:
                if not falling:
                    top[hill] = x - 1
                    peak[hill] = before
                    falling = True
            elif level > before and falling:
                stop[hill] = x
                hill += 1
                start[hill] = x
                falling = False
            before = level
        if not falling:
            top[hill] = width - 1
            peak[hill] = before
        stop[hill] = width
        hill += 1
    first[height] = hill
    region = np.empty(hill, np.int32)
    return Hills(first, start[:hill], stop[:hill], top[:hill], peak[:hill], region)


@compiled
def _root(parent: Ints, item: int) -> int:
    while parent[item] != item:
        parent[item] = parent[parent[item]]
        item = parent[item]
    return item


@compiled
def _join_hills(levels: Levels, hills: Hills, sets: Sets, diagonal: bool) -> Ints:
    """Joins hills that touch at the top of one; returns the other contacts: hill, hill, level."""
    height, width = levels.shape
    contacts = np.empty((3 * hills.start.size + height * width * diagonal, 3), np.int32)
    count = 0
    for y in range(height):
        count = _touch_along_row(levels[y], hills, y, sets, contacts, count)
        if y + 1 < height:
            count = _touch_next_row(levels, hills, y, sets, contacts, count)
            if diagonal and _any_diagonal(levels[y], levels[y + 1]):
                count = _touch_diagonally(levels, hills, y, sets, contacts, count)
    return contacts[:count]


@compiled
def _touch(a: int, b: int, level: int, sets: Sets, contacts: Ints, count: int) -> int:
    """Joins two hills that touch at a level, or notes the contact; returns the new count."""
    root, other = _root(sets.parent, a), _root(sets.parent, b)
    if root == other:
        return count
    if level < sets.peak[root] and level < sets.peak[other]:
        contacts[count, 0] = a
        contacts[count, 1] = b
        contacts[count, 2] = level
        return count + 1
    if other < root:
        root, other = other, root
    sets.parent[other] = root
    sets.peak[root] = max(sets.peak[root], sets.peak[other])
    return count


@compiled
def _touch_along_row(
    row: Levels, hills: Hills, y: int, sets: Sets, contacts: Ints, count: int
) -> int:
    for hill in range(hills.first[y] + 1, hills.first[y + 1]):
        level = row[hills.start[hill] - 1]
        count = _touch(hill - 1, hill, level, sets, contacts, count)
    return count


@compiled
def _touch_next_row(
    levels: Levels, hills: Hills, y: int, sets: Sets, contacts: Ints, count: int
) -> int:
    upper, lower = levels[y], levels[y + 1]
    a, b = hills.first[y], hills.first[y + 1]
    x = 0
    while x < upper.size:
        stop = min(hills.stop[a], hills.stop[b])
        # left of both tops both rise, right of both tops both fall: the best column is between
        left = min(max(min(hills.top[a], hills.top[b]), x), stop - 1)
        right = min(max(max(hills.top[a], hills.top[b]), x), stop - 1)
        level = min(upper[left], lower[left])
        for column in range(left + 1, right + 1):
            level = max(level, min(upper[column], lower[column]))
        count = _touch(a, b, level, sets, contacts, count)
        a += hills.stop[a] == stop
        b += hills.stop[b] == stop
        x = stop
    return count


@compiled
def _any_diagonal(upper: Levels, lower: Levels) -> bool:
    """Whether some pixels touch diagonally only: both above the two pixels between them."""
    upper_next, lower_next = upper[1:], lower[1:]
    found = np.uint8(0)
    for x in range(upper_next.size):  # bytes throughout, so that it compiles to vector code
        falling_low, falling_high = _sorted(upper[x], lower_next[x])
        rising_low, rising_high = _sorted(upper_next[x], lower[x])
        here = falling_low > rising_high or rising_low > falling_high
        found = max(found, np.uint8(1) if here else np.uint8(0))
    return bool(found)


@compiled
def _sorted(a: np.uint8, b: np.uint8) -> tuple[np.uint8, np.uint8]:
    return min(a, b), max(a, b)


@compiled
def _touch_diagonally(
    levels: Levels, hills: Hills, y: int, sets: Sets, contacts: Ints, count: int
) -> int:
    upper, lower = levels[y], levels[y + 1]
    a, b = hills.first[y], hills.first[y + 1]
    for x in range(upper.size - 1):
        next_a, next_b = a + (hills.stop[a] == x + 1), b + (hills.stop[b] == x + 1)
        falling = min(upper[x], lower[x + 1])
        rising = min(upper[x + 1], lower[x])
        if falling > max(upper[x + 1], lower[x]):
            count = _touch(a, next_b, falling, sets, contacts, count)
        elif rising > max(upper[x], lower[x + 1]):
            count = _touch(next_a, b, rising, sets, contacts, count)
        a, b = next_a, next_b
    return count


@compiled
def _number_regions(hills: Hills, sets: Sets) -> Levels:
    """Numbers the sets of joined hills; returns their peaks [R]."""
    region = hills.region
    peak = np.empty(region.size, np.uint8)
    count = 0
    for hill in range(region.size):
        if sets.parent[hill] == hill:
            region[hill] = count
            peak[count] = sets.peak[hill]
            count += 1
        else:
            region[hill] = region[sets.parent[hill]]
    return peak[:count]


@compiled
def _between_regions(contacts: Ints, region: Ints) -> Ints:
    """The contacts [n, 3] of two regions, from those of two hills: region, region, level."""
    count = 0
    for index in range(contacts.shape[0]):
        a, b = region[contacts[index, 0]], region[contacts[index, 1]]
        if a != b:
            contacts[count, 0] = a
            contacts[count, 1] = b
            contacts[count, 2] = contacts[index, 2]
            count += 1
    return contacts[:count]


@compiled
def _merge_regions(contacts: Ints, peak: Levels) -> Merges:
    """Kruskal's maximum spanning tree; of two regions the one with the higher peak goes on."""
    parent = np.arange(peak.size).astype(np.int32)
    into = parent.copy()
    end = np.zeros(peak.size, np.int32)
    order = np.empty(peak.size - 1, np.int32)
    count = 0
    for index in _highest_first(contacts[:, 2]):
        a, b = _root(parent, contacts[index, 0]), _root(parent, contacts[index, 1])
        if a == b:
            continue
        if peak[a] > peak[b]:
            a, b = b, a
        parent[a] = into[a] = b
        end[a] = contacts[index, 2]
        order[count] = a
        count += 1
    return Merges(peak, end, into, order)


@compiled
def _highest_first(levels: Ints) -> Ints:
    """A counting sort: the indices of the levels in descending order."""
    place = np.zeros(257, np.int32)
    for level in levels:
        place[255 - level + 1] += 1
    for level in range(1, 257):
        place[level] += place[level - 1]
    order = np.empty(levels.size, np.int32)
    for index in range(levels.size):
        bucket = 255 - levels[index]
        order[place[bucket]] = index
        place[bucket] += 1
    return order


@compiled
def _trace_boxes(levels: Levels, hills: Hills, merges: Merges) -> Nodes:
    span = _spans(hills, merges)
    offset, profile = _profiles(levels, hills, span)
    most = 0
    for region in range(span.shape[0]):
        boxes = span[region, 2] - span[region, 0] + span[region, 3] - span[region, 1] + 1
        most += min(boxes, merges.peak[region] - merges.end[region])
    nodes = Nodes(
        np.empty((most, 4), np.int32),
        np.empty(most, np.int32),
        np.empty(most, np.int32),
        np.empty(most, np.int32),
    )
    count = 0
    for region in merges.order:
        count = _boxes_of_region(region, span, offset, profile, merges, nodes, count)
        _pour(region, merges.into[region], merges.end[region], span, offset, profile)
    for region in range(span.shape[0]):
        if merges.into[region] == region:
            count = _boxes_of_region(region, span, offset, profile, merges, nodes, count)
    return Nodes(nodes.box[:count], nodes.first[:count], nodes.stop[:count], nodes.region[:count])


@compiled
def _spans(hills: Hills, merges: Merges) -> Ints:
    """The box [R, 4] of each region with all that merges into it."""
    span = np.empty((merges.peak.size, 4), np.int32)
    span[:, :2] = np.iinfo(np.int32).max
    span[:, 2:] = -1
    for y in range(hills.first.size - 1):
        for hill in range(hills.first[y], hills.first[y + 1]):
            region = hills.region[hill]
            span[region, 0] = min(span[region, 0], hills.start[hill])
            span[region, 1] = min(span[region, 1], y)
            span[region, 2] = max(span[region, 2], hills.stop[hill] - 1)
            span[region, 3] = y
    for region in merges.order:
        other = merges.into[region]
        for side in range(2):
            span[other, side] = min(span[other, side], span[region, side])
            span[other, side + 2] = max(span[other, side + 2], span[region, side + 2])
    return span


@compiled
def _profiles(levels: Levels, hills: Hills, span: Ints) -> tuple[NDArray[np.int64], Levels]:
    """The highest level of each region per column [.., 0] and row [.., 1], end to end."""
    offset = np.empty((span.shape[0], 2), np.int64)
    total = 0
    for region in range(span.shape[0]):
        for axis in range(2):
            # subtracting the first column lets a profile be read by column
            offset[region, axis] = total - span[region, axis]
            total += span[region, axis + 2] - span[region, axis] + 1
    profile = np.zeros(total, np.uint8)
    for y in range(hills.first.size - 1):
        for hill in range(hills.first[y], hills.first[y + 1]):
            region, start, stop = hills.region[hill], hills.start[hill], hills.stop[hill]
            at = offset[region, 0] + start
            columns, row = profile[at : at + stop - start], levels[y, start:stop]
            for x in range(columns.size):
                columns[x] = max(columns[x], row[x])
            at = offset[region, 1] + y
            profile[at] = max(profile[at], hills.peak[hill])
    return offset, profile


@compiled
def _boxes_of_region(
    region: int,
    span: Ints,
    offset: NDArray[np.int64],
    profile: Levels,
    merges: Merges,
    nodes: Nodes,
    count: int,
) -> int:
    column, row = offset[region, 0], offset[region, 1]
    x0, y0, x1, y1 = span[region, 0], span[region, 1], span[region, 2], span[region, 3]
    level, peak = merges.end[region], merges.peak[region]
    while level < peak:
        while profile[column + x0] <= level:
            x0 += 1
        while profile[column + x1] <= level:
            x1 -= 1
        while profile[row + y0] <= level:
            y0 += 1
        while profile[row + y1] <= level:
            y1 -= 1
        stop = min(
            min(profile[column + x0], profile[column + x1]),
            min(profile[row + y0], profile[row + y1]),
        )
        nodes.box[count, 0] = x0
        nodes.box[count, 1] = y0
        nodes.box[count, 2] = x1
        nodes.box[count, 3] = y1
        nodes.first[count] = level
        nodes.stop[count] = stop
        nodes.region[count] = region
        count += 1
        level = stop
    return count


@compiled
def _pour(
    region: int, other: int, level: int, span: Ints, offset: NDArray[np.int64], profile: Levels
) -> None:
    """Adds to the profiles of a region what merges into it at a level."""
    for axis in range(2):
        low, size = span[region, axis], span[region, axis + 2] - span[region, axis] + 1
        source = profile[offset[region, axis] + low :][:size]
        target = profile[offset[other, axis] + low :][:size]
        for index in range(size):
            target[index] = max(target[index], min(source[index], np.uint8(level)))
