"""Compiled: the component tree of a map, and the box of every component at every level.

The regions of a map merge pairwise, highest contact first; the one with the lower maximum ends in
the other. A region with all that has merged into it is a component of the masks between. Its box at
every level follows from two short profiles: the highest level in each of its columns and rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wsolbench._hills import Hills, Index, Ints, Levels, Regions, compiled

Offsets = NDArray[np.int64]


class Merges(NamedTuple):
    """How the regions of a map merge, numbered such that the later one ends, the lower its number.

    Region 0 is what all merge into at last; without it they merge in the order R - 1, ..., 1.
    """

    peak: Levels  # [R] the highest level of each region
    end: Ints  # [R] it is a component of its own of the masks level > k for end <= k < peak
    into: Ints  # [R] the region that it merges into


class Nodes(NamedTuple):
    """Components with the same box, over as many levels as the box stays the same."""

    box: Ints  # [N, 4] the first and last columns and rows: x0, y0, x1, y1, all inclusive
    first: Ints  # [N] the lowest level k for which it is a component of the mask level > k
    stop: Ints  # [N] one past the highest such level
    region: Ints  # [N]


@compiled
def grow_tree(levels: Levels, hills: Hills, regions: Regions) -> tuple[Merges, Nodes]:
    """The components of the masks ``levels > k`` for all k.

    Numbers the regions of the hills anew.
    """
    merges = _merge(regions, hills.region)
    span = _spans(hills, merges)
    offset, profile = _profiles(levels, hills, span)
    return merges, _boxes(merges, span, offset, profile)


@compiled
def _merge(regions: Regions, region_of_hill: Ints) -> Merges:
    """Kruskal's maximum spanning tree; of two regions the one with the higher peak goes on.

    Of equal ones that goes on which more have merged into, or spans would add up without bound.
    """
    peak, contacts = regions.peak, regions.contacts
    parent = np.arange(peak.size).astype(np.int32)
    size = np.ones(peak.size, np.int32)
    into = np.zeros(peak.size, np.int32)
    end = np.zeros(peak.size, np.int32)
    order = np.zeros(peak.size, np.int32)
    place, last = peak.size, Index(0)
    for index in _highest_first(contacts):
        contact = Index(index)
        a, b = _root(parent, contacts[contact, 0]), _root(parent, contacts[contact, 1])
        if a == b:
            continue
        if peak[a] > peak[b] or (peak[a] == peak[b] and size[a] > size[b]):
            a, b = b, a
        parent[a] = into[a] = b
        size[b] += size[a]
        end[a] = contacts[contact, 2]
        place -= 1
        order[place], last = a, b
    order[0] = last
    return _renumbered(Merges(peak, end, into), order, region_of_hill)


@compiled
def _renumbered(merges: Merges, order: Ints, region_of_hill: Ints) -> Merges:
    """Numbers the regions in an order, and leaves out those that merge at their very peak."""
    number = np.empty(order.size, np.int32)
    peak, end, into = np.empty(order.size, np.uint8), np.empty_like(order), np.empty_like(order)
    count = 0
    for region in order:
        number[region] = number[merges.into[region]] if count else 0
        if count == 0 or merges.end[region] < merges.peak[region]:
            peak[count], end[count] = merges.peak[region], merges.end[region]
            into[count], number[region] = number[region], count
            count += 1
    for hill in range(region_of_hill.size):
        region_of_hill[hill] = number[region_of_hill[hill]]
    return Merges(peak[:count], end[:count], into[:count])


@compiled
def _root(parent: Ints, item: np.int32) -> np.uintp:
    root = Index(item)
    while parent[root] != root:
        parent[root] = parent[Index(parent[root])]
        root = Index(parent[root])
    return root


@compiled
def _highest_first(contacts: Ints) -> Ints:
    """A counting sort: the contacts in descending order of their level."""
    place = np.zeros(257, np.int32)
    for contact in range(contacts.shape[0]):
        place[Index(256 - contacts[contact, 2])] += 1
    for level in range(1, 257):
        place[level] += place[level - 1]
    order = np.empty(contacts.shape[0], np.int32)
    for contact in range(contacts.shape[0]):
        bucket = Index(255 - contacts[contact, 2])
        order[Index(place[bucket])] = contact
        place[bucket] += 1
    return order


@compiled
def _spans(hills: Hills, merges: Merges) -> Ints:
    """The box [R, 4] of each region with all that merges into it."""
    span = np.empty((merges.peak.size, 4), np.int32)
    span[:, :2] = np.iinfo(np.int32).max
    span[:, 2:] = -1
    for y in range(hills.first.size - 1):
        for hill in range(Index(hills.first[y]), Index(hills.first[y + 1])):
            own = Index(hills.region[hill])
            span[own, 0] = min(span[own, 0], hills.start[hill])
            span[own, 1] = min(span[own, 1], y)
            span[own, 2] = max(span[own, 2], hills.stop[hill] - 1)
            span[own, 3] = y
    for region in range(merges.peak.size - 1, 0, -1):
        other = merges.into[region]
        for side in range(2):
            span[other, side] = min(span[other, side], span[region, side])
            span[other, side + 2] = max(span[other, side + 2], span[region, side + 2])
    return span


@compiled
def _profiles(levels: Levels, hills: Hills, span: Ints) -> tuple[Offsets, Levels]:
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
        for hill in range(Index(hills.first[y]), Index(hills.first[y + 1])):
            own, start = Index(hills.region[hill]), hills.start[hill]
            at, begin = Index(offset[own, 0] + start), Index(start)
            for x in range(Index(hills.stop[hill] - start)):
                profile[at + x] = max(profile[at + x], levels[y, begin + x])
            at = Index(offset[own, 1] + y)
            profile[at] = max(profile[at], hills.peak[hill])
    return offset, profile


@compiled
def _boxes(merges: Merges, span: Ints, offset: Offsets, profile: Levels) -> Nodes:
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
    count = Index(0)
    for region in range(span.shape[0] - 1, -1, -1):
        count = _boxes_of_region(region, span, offset, profile, merges, nodes, count)
        if region:
            _pour(region, merges.into[region], merges.end[region], span, offset, profile)
    return Nodes(nodes.box[:count], nodes.first[:count], nodes.stop[:count], nodes.region[:count])


@compiled
def _boxes_of_region(
    region: int,
    span: Ints,
    offset: Offsets,
    profile: Levels,
    merges: Merges,
    nodes: Nodes,
    count: np.uintp,
) -> np.uintp:
    columns = profile[offset[region, 0] + span[region, 0] :]
    rows = profile[offset[region, 1] + span[region, 1] :]
    left, right = Index(0), Index(span[region, 2] - span[region, 0])
    above, below = Index(0), Index(span[region, 3] - span[region, 1])
    level, peak = merges.end[region], merges.peak[region]
    while level < peak:
        while columns[left] <= level:
            left += Index(1)
        while columns[right] <= level:
            right -= Index(1)
        while rows[above] <= level:
            above += Index(1)
        while rows[below] <= level:
            below -= Index(1)
        stop = min(min(columns[left], columns[right]), min(rows[above], rows[below]))
        nodes.box[count, 0] = span[region, 0] + np.int32(left)
        nodes.box[count, 1] = span[region, 1] + np.int32(above)
        nodes.box[count, 2] = span[region, 0] + np.int32(right)
        nodes.box[count, 3] = span[region, 1] + np.int32(below)
        nodes.first[count] = level
        nodes.stop[count] = stop
        nodes.region[count] = region
        count += Index(1)
        level = stop
    return count


@compiled
def _pour(
    region: int, other: int, level: int, span: Ints, offset: Offsets, profile: Levels
) -> None:
    """Adds to the profiles of a region what merges into it at a level."""
    for axis in range(2):
        low, size = span[region, axis], span[region, axis + 2] - span[region, axis] + 1
        source = profile[offset[region, axis] + low :][:size]
        target = profile[offset[other, axis] + low :][:size]
        for index in range(size):
            target[index] = max(target[index], min(source[index], np.uint8(level)))
