"""Compiled: a resized map's maximum and its largest component, row by row.

Maps meet the truth at the size of the photograph, some hundred thousand pixels, of which the
protocols ask only for one point or one box. The rows of the resized copy are worked out one after
the other, by the very arithmetic of `wsolbench.scoremap.resize`, and none is kept.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PIXELS, RECTANGLE = 0, 1
X0, Y0, X1, Y1, COUNT = range(5)


class Axis(NamedTuple):
    """The four source positions of every output position and their weights, ``[n, 4]``."""

    source: Ints
    weight: Floats


@njit(cache=True, nogil=True)
def widened(score_map: Floats, columns: Axis) -> Floats:
    """The map ``[h, w]`` resized along its rows, ``[h, W]``."""
    height, width = score_map.shape[0], columns.source.shape[0]
    wide = np.empty((height, width), dtype=np.float64)
    for y in range(height):
        for x in range(width):
            i, w = columns.source[x], columns.weight[x]
            wide[y, x] = (
                score_map[y, i[0]] * w[0]
                + score_map[y, i[1]] * w[1]
                + score_map[y, i[2]] * w[2]
                + score_map[y, i[3]] * w[3]
            )
    return wide


@njit(cache=True, nogil=True)
def fill_row(wide: Floats, rows: Axis, y: int, out: Floats) -> None:
    """Row y of the resized map, ``[W]``."""
    above, at, below, beyond = rows.source[y]
    w0, w1, w2, w3 = rows.weight[y]
    for x in range(out.size):
        out[x] = wide[above, x] * w0 + wide[at, x] * w1 + wide[below, x] * w2 + wide[beyond, x] * w3


@njit(cache=True, nogil=True)
def peak(score_map: Floats, rows: Axis, columns: Axis) -> tuple[float, int, int]:
    """The maximum of the resized map with its first row and column in reading order.

    No pixel exceeds the same weighting of the maxima of its source rows (of their sizes, where a
    weight is negative); rows that cannot reach the best so far are passed over.
    """
    wide = widened(score_map, columns)
    bound = _row_bounds(wide, rows)
    line = np.empty(columns.source.shape[0], dtype=np.float64)
    best, best_y, best_x = -np.inf, 0, 0
    promising = int(bound.argmax())
    fill_row(wide, rows, promising, line)
    floor = line.max()
    for y in range(bound.size):
        if bound[y] < floor or bound[y] < best:
            continue
        fill_row(wide, rows, y, line)
        x = int(line.argmax())
        if line[x] > best:
            best, best_y, best_x = line[x], y, x
    return best, best_y, best_x


@njit(cache=True, nogil=True)
def _row_bounds(wide: Floats, rows: Axis) -> Floats:
    """What no pixel of each output row exceeds, with a margin for rounding."""
    highest = np.empty(wide.shape[0])
    lowest = np.empty(wide.shape[0])
    for y in range(wide.shape[0]):
        highest[y], lowest[y] = wide[y].max(), wide[y].min()
    margin = 1e-12 * max(np.abs(highest).max(), np.abs(lowest).max())
    bound = np.full(rows.source.shape[0], margin)
    for y in range(bound.size):
        for tap in range(4):
            weight, source = rows.weight[y, tap], rows.source[y, tap]
            bound[y] += weight * (highest[source] if weight >= 0 else lowest[source])
    return bound


@njit(cache=True, nogil=True)
def largest_component(
    score_map: Floats, rows: Axis, columns: Axis, threshold: float, measure: int
) -> Ints:
    """Bounds of the largest 8-connected component of ``resized map > threshold``.

    Args:
        score_map: ``[h, w]``.
        rows: from h to H.
        columns: from w to W.
        threshold: strict.
        measure: PIXELS (equals: the first in reading order) or RECTANGLE, width x height of the
            bounds (equals: the last, which OpenCV lists first).

    Returns:
        x0, y0, x1, y1, inclusive; -1 where there is no component.
    """
    height, width = rows.source.shape[0], columns.source.shape[0]
    wide = widened(score_map, columns)
    line = np.empty(width, dtype=np.float64)
    most = width // 2 + 1  # runs in a row
    parent = np.empty(height * most, dtype=np.int64)
    bounds = np.empty((height * most, 5), dtype=np.int64)
    before, now = np.empty((most, 3), dtype=np.int64), np.empty((most, 3), dtype=np.int64)
    total = n_before = 0
    for y in range(height):
        fill_row(wide, rows, y, line)
        n_now = _runs(line, threshold, now)
        for run in range(n_now):
            parent[total + run] = total + run
            now[run, 2] = total + run
            bounds[total + run, X0], bounds[total + run, X1] = now[run, 0], now[run, 1]
            bounds[total + run, Y0], bounds[total + run, Y1] = y, y
            bounds[total + run, COUNT] = now[run, 1] - now[run, 0] + 1
        total += n_now
        _join(before, n_before, now, n_now, parent, bounds)
        before, now, n_before = now, before, n_now
    return _largest(parent, bounds, total, measure)


@njit(cache=True, nogil=True)
def _runs(line: Floats, threshold: float, runs: Ints) -> int:
    """First and last column of every stretch above the threshold; how many there are."""
    n = 0
    inside = False
    for x in range(line.size):
        above = line[x] > threshold
        if above and not inside:
            runs[n, 0] = x
        elif inside and not above:
            runs[n, 1] = x - 1
            n += 1
        inside = above
    if inside:
        runs[n, 1] = line.size - 1
        n += 1
    return n


@njit(cache=True, nogil=True)
def _join(before: Ints, n_before: int, now: Ints, n_now: int, parent: Ints, bounds: Ints) -> None:
    """Joins the runs of a row with those of the row before that they touch, corners included."""
    i = j = 0
    while i < n_before and j < n_now:
        if before[i, 0] <= now[j, 1] + 1 and now[j, 0] <= before[i, 1] + 1:
            a, b = _root(parent, before[i, 2]), _root(parent, now[j, 2])
            if a != b:
                _merge(min(a, b), max(a, b), parent, bounds)
        if before[i, 1] < now[j, 1]:
            i += 1
        else:
            j += 1


@njit(cache=True, nogil=True)
def _root(parent: Ints, node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@njit(cache=True, nogil=True)
def _merge(first: int, second: int, parent: Ints, bounds: Ints) -> None:
    parent[second] = first
    a, b = bounds[first], bounds[second]
    a[X0], a[Y0] = min(a[X0], b[X0]), min(a[Y0], b[Y0])
    a[X1], a[Y1] = max(a[X1], b[X1]), max(a[Y1], b[Y1])
    a[COUNT] += b[COUNT]


@njit(cache=True, nogil=True)
def _largest(parent: Ints, bounds: Ints, total: int, measure: int) -> Ints:
    best, best_size = -1, 0
    for node in range(total):
        if parent[node] != node:
            continue
        box = bounds[node]
        size = box[COUNT]
        if measure == RECTANGLE:
            size = (box[X1] - box[X0] + 1) * (box[Y1] - box[Y0] + 1)
        if size > best_size or (size == best_size and measure == RECTANGLE):
            best, best_size = node, size
    return bounds[best, :4].copy() if best >= 0 else np.full(4, -1, dtype=np.int64)
