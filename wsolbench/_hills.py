"""Compiled: cuts the rows of a map into hills and joins them into regions, one per local maximum.

A *hill* is a stretch of a row that first rises and then falls, so that of a hill the mask of a
threshold has one run of pixels or nothing. Two hills that touch belong to one component of every
mask below the highest level at which they touch. Most hills touch a higher one at their own top, so
they are no component of their own at any level. Joined with that one, over and over, they make the
*regions*. Of those a smooth map has a few dozen: one for each local maximum.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.uint8]
Ints = NDArray[np.int32]
Index = np.uintp  # an index of this type needs no check for being negative
_Kernel = TypeVar("_Kernel", bound=Callable[..., object])


def compiled(kernel: _Kernel) -> _Kernel:
    """Compiles a function for arrays on its first call, and keeps the result on disk.

    What is kept is renewed when the function's own file changes: call no function of another file.
    """
    return cast("_Kernel", numba.njit(cache=True, nogil=True)(kernel))


class Turns(NamedTuple):
    """Where the rows of a map [H, W] begin to rise and to fall, by turns."""

    first: Ints  # [H + 1] the first turn of each row
    column: Ints  # [n] the first column that is higher, or lower, than the one before


class Hills(NamedTuple):
    """The hills of a map [H, W], row by row."""

    first: Ints  # [H + 1] the first hill of each row
    start: Ints  # [n] its first column
    stop: Ints  # [n] one past its last column
    top: Ints  # [n] a column where it is highest
    peak: Levels  # [n] its highest level
    region: Ints  # [n] the region that it belongs to


class Regions(NamedTuple):
    """What the hills are joined to, and where two regions touch."""

    peak: Levels  # [R] the highest level of each region
    contacts: Ints  # [n, 3] region, region, and a level at which they touch


@compiled
def find_turns(levels: Levels) -> Turns:
    """The turns of a map, which are those of the inverted map as well."""
    height, width = levels.shape
    first = np.empty(height + 1, np.int32)
    column = np.empty(height * width + 1, np.int32)
    changes = np.empty(width, np.uint8)
    count = Index(0)
    for y in range(height):
        first[y] = count
        row = levels[y]
        _mark_changes(row, changes)
        end = count
        for x in range(1, width):  # no branch that could be mispredicted
            column[end] = x
            end += Index(changes[x])
        count = _drop_repeated(row, column, count, end)
    first[height] = count
    return Turns(first, column[:count])


@compiled
def _mark_changes(row: Levels, changes: Levels) -> None:
    """Marks each column whose step up or down follows a step of another kind, or a level one."""
    if row.size > 1:
        changes[1] = row[1] != row[0]
    here, before, first = row[2:], row[1:], row
    after = changes[2:]
    for x in range(here.size):
        rises = here[x] > before[x] and before[x] <= first[x]
        falls = here[x] < before[x] and before[x] >= first[x]
        after[x] = np.uint8(1) if rises or falls else np.uint8(0)


@compiled
def _drop_repeated(row: Levels, column: Ints, begin: np.uintp, end: np.uintp) -> np.uintp:
    """Drops the steps that go on in the same direction after a level stretch."""
    count = begin
    direction = 0
    for index in range(begin, end):
        x = Index(column[index])
        turned = 1 if row[x] > row[x - Index(1)] else -1
        column[count] = x
        count += Index(turned != direction)
        direction = turned
    return count


@compiled
def find_regions(levels: Levels, turns: Turns, diagonal: bool) -> tuple[Hills, Regions]:
    """The regions of a map [H, W]; with ``diagonal`` a pixel has 8 neighbours, else 4."""
    hills = _cut_into_hills(levels, turns)
    peak = _number_regions(hills, _touched_at_the_top(levels, hills))
    return hills, Regions(peak, _contacts(levels, hills, diagonal))


@compiled
def _cut_into_hills(levels: Levels, turns: Turns) -> Hills:
    height, width = levels.shape
    most = height + turns.column.size // 2
    first = np.empty(height + 1, np.int32)
    start, stop = np.empty(most, np.int32), np.empty(most, np.int32)
    top, peak = np.empty(most, np.int32), np.empty(most, np.uint8)
    hill = 0
    for y in range(height):
        first[y] = hill
        start[hill] = 0
        top[hill] = width - 1
        turn, last = turns.first[y], turns.first[y + 1]
        if turn < last and levels[y, turns.column[turn]] > levels[y, 0]:
            turn += 1
        while turn < last:
            top[hill] = turns.column[turn] - 1
            if turn + 1 < last:
                stop[hill] = start[hill + 1] = turns.column[turn + 1]
                top[hill + 1] = width - 1
                hill += 1
            turn += 2
        stop[hill] = width
        hill += 1
        for index in range(first[y], hill):
            peak[index] = levels[y, top[index]]
    first[height] = hill
    region = np.empty(hill, np.int32)
    return Hills(first, start[:hill], stop[:hill], top[:hill], peak[:hill], region)


@compiled
def _touched_at_the_top(levels: Levels, hills: Hills) -> Ints:
    """For each hill one that is as high next to its top, in the row above or below; else itself.

    From one to the next the peak rises, or stays and the row is one further: there is no circle.
    """
    touched = np.arange(hills.start.size).astype(np.int32)
    for y in range(hills.first.size - 2):
        upper, lower = hills.first[y], hills.first[y + 1]
        for hill in range(hills.first[y], hills.first[y + 1]):
            x = hills.top[hill]
            while hills.stop[lower] <= x:
                lower += 1
            if levels[y + 1, x] >= hills.peak[hill]:
                touched[hill] = lower
        for hill in range(hills.first[y + 1], hills.first[y + 2]):
            x = hills.top[hill]
            while hills.stop[upper] <= x:
                upper += 1
            if levels[y, x] > hills.peak[hill]:
                touched[hill] = upper
    return touched


@compiled
def _number_regions(hills: Hills, touched: Ints) -> Levels:
    """Numbers the ends of the chains of hills; returns their peaks [R]."""
    region = hills.region
    region[:] = -1
    peak = np.empty(region.size, np.uint8)
    count = 0
    for hill in range(region.size):
        end = Index(hill)
        while region[end] < 0 and touched[end] != end:
            end = Index(touched[end])
        if region[end] < 0:
            region[end] = count
            peak[count] = hills.peak[end]
            count += 1
        on_the_way = Index(hill)
        while on_the_way != end:
            region[on_the_way] = region[end]
            on_the_way = Index(touched[on_the_way])
    return peak[:count]


@compiled
def _contacts(levels: Levels, hills: Hills, diagonal: bool) -> Ints:
    """Where hills of two regions touch."""
    # a hill has at most 1 contact along its row, 2 with the next row, and 4 diagonal ones, since
    # between two of those one of the rows turns
    contacts = np.empty(((7 if diagonal else 3) * hills.start.size, 3), np.int32)
    saddles = np.empty(levels.shape[1], np.uint8)
    count = Index(0)
    for y in range(levels.shape[0]):
        for hill in range(hills.first[y] + 1, hills.first[y + 1]):
            level = levels[y, hills.start[hill] - 1]
            count = _add_contact(hills, Index(hill - 1), Index(hill), level, contacts, count)
        if y + 1 < levels.shape[0]:
            count = _contacts_with_next_row(levels, hills, y, contacts, count)
            if diagonal and _mark_saddles(levels[y], levels[y + 1], saddles):
                count = _diagonal_contacts(levels, hills, y, saddles, contacts, count)
    return contacts[:count]


@compiled
def _add_contact(
    hills: Hills, a: np.uintp, b: np.uintp, level: np.uint8, contacts: Ints, count: np.uintp
) -> np.uintp:
    contacts[count, 0] = hills.region[a]
    contacts[count, 1] = hills.region[b]
    contacts[count, 2] = level
    return count + Index(hills.region[a] != hills.region[b])


@compiled
def _contacts_with_next_row(
    levels: Levels, hills: Hills, y: int, contacts: Ints, count: np.uintp
) -> np.uintp:
    upper, lower = levels[y], levels[y + 1]
    a, b = Index(hills.first[y]), Index(hills.first[y + 1])
    start = np.int32(0)
    while start < upper.size:
        stop = min(hills.stop[a], hills.stop[b])
        if hills.region[a] != hills.region[b]:
            # left of both tops both rise, right of both tops both fall: the best column is between
            left, right = min(hills.top[a], hills.top[b]), max(hills.top[a], hills.top[b])
            left, right = min(max(left, start), stop - 1), min(max(right, start), stop - 1)
            level = np.uint8(0)
            for x in range(Index(left), Index(right + 1)):
                level = max(level, min(upper[x], lower[x]))
            count = _add_contact(hills, a, b, level, contacts, count)
        a, b = a + Index(hills.stop[a] == stop), b + Index(hills.stop[b] == stop)
        start = stop
    return count


@compiled
def _mark_saddles(upper: Levels, lower: Levels, saddles: Levels) -> bool:
    """Marks where two pixels touch diagonally and both are above the two pixels between them."""
    upper_next, lower_next = upper[1:], lower[1:]
    found = np.uint8(0)
    for x in range(upper_next.size):  # bytes throughout, so that it compiles to vector code
        falling_low, falling_high = _sorted(upper[x], lower_next[x])
        rising_low, rising_high = _sorted(upper_next[x], lower[x])
        saddle = falling_low > rising_high or rising_low > falling_high
        saddles[x] = np.uint8(1) if saddle else np.uint8(0)
        found = max(found, saddles[x])
    return bool(found)


@compiled
def _sorted(a: np.uint8, b: np.uint8) -> tuple[np.uint8, np.uint8]:
    return min(a, b), max(a, b)


@compiled
def _diagonal_contacts(
    levels: Levels, hills: Hills, y: int, saddles: Levels, contacts: Ints, count: np.uintp
) -> np.uintp:
    a, b = Index(hills.first[y]), Index(hills.first[y + 1])
    for x in range(levels.shape[1] - 1):
        if not saddles[x]:
            continue
        while hills.stop[a] <= x:
            a += Index(1)
        while hills.stop[b] <= x:
            b += Index(1)
        next_a, next_b = a + Index(hills.stop[a] == x + 1), b + Index(hills.stop[b] == x + 1)
        falling = min(levels[y, x], levels[y + 1, x + 1])
        rising = min(levels[y, x + 1], levels[y + 1, x])
        if falling > rising:
            count = _add_contact(hills, a, next_b, falling, contacts, count)
        else:
            count = _add_contact(hills, next_a, b, rising, contacts, count)
    return count
