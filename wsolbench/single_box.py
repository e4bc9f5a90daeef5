"""The one box of a score map at one threshold, as the box rules of single papers take it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from wsolbench import scoremap
from wsolbench._streamed import PIXELS, RECTANGLE, Axis, largest_component, peak
from wsolbench.components import component_tree
from wsolbench.errors import InputError, OptionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wsolbench._protocol import Protocol

    Map = NDArray[np.float64]  # [h, w]
    Box = NDArray[np.float64]  # [4]

EDGES = {"x + w - 1, y + h - 1": 0, "x, y, w, h": 0, "x + w, y + h": 1}
EPSILON = 1e-8  # of layercam2021


def first_maximum(
    score_map: Map, size_hw: tuple[int, int], interpolation: str = "linear"
) -> tuple[float, int, int]:
    """Value, column and row of the first maximum, in reading order, of a map resized to a size.

    Args:
        score_map: ``[h, w]``, finite.
        size_hw: height and width to resize to.
        interpolation: of `wsolbench.scoremap.INTERPOLATIONS`.

    Raises:
        InputError: the map holds NaN or infinity: it has no maximum.
    """
    if not np.isfinite(score_map).all():
        raise InputError("expected a finite score map, but it holds NaN or infinity")
    rows, columns = _axes(score_map, size_hw, interpolation)
    value, y, x = peak(np.ascontiguousarray(score_map), rows, columns)
    return value, x, y


def single_box(score_map: Map, protocol: Protocol, size_wh: tuple[int, int]) -> Box | None:
    """The box that a protocol takes from a raw map, in a frame of ``size_wh`` pixels.

    Args:
        score_map: ``[h, w]``, raw.
        protocol: of scorer "single-box" or another one with a ``box_rule``.
        size_wh: the frame that the map is resized to.

    Returns:
        ``[4]`` inclusive, ``protocol.no_box`` where nothing exceeds the threshold, and ``None``
        where there is no such box or the map holds NaN or infinity.

    Raises:
        OptionError: a protocol whose box rule is none of these.
    """
    if not np.isfinite(score_map).all():
        return None
    try:
        rule = RULES[protocol.threshold_rule, protocol.box_rule]
    except KeyError:
        raise OptionError(
            f"protocol {protocol.name} takes no single box at one threshold: its rules are "
            f"{protocol.threshold_rule!r} and {protocol.box_rule!r}"
        ) from None
    bounds = rule(np.ascontiguousarray(score_map), protocol, (size_wh[1], size_wh[0]))
    if bounds[0] < 0:
        return None if protocol.no_box is None else np.array(protocol.no_box, dtype=np.float64)
    edge = EDGES[protocol.box_edge]
    return bounds.astype(np.float64) + np.array([0, 0, edge, edge], dtype=np.float64)


def box_key(protocol: Protocol) -> tuple[object, ...]:
    """All that `single_box` reads of a protocol: protocols with one key take the same boxes."""
    return (
        protocol.interpolation,
        protocol.normaliser,
        protocol.threshold_rule,
        protocol.box_rule,
        EDGES.get(protocol.box_edge),
        protocol.no_box,
        protocol.fixed_threshold,
    )


def _of_maximum(score_map: Map, protocol: Protocol, size_hw: tuple[int, int]) -> NDArray[np.int64]:
    """Largest component above a share of the maximum."""
    threshold = protocol.fixed_threshold or 0.0
    if protocol.normaliser != "max":
        resized = scoremap.resize(score_map[None], size_hw, protocol.interpolation)
        score_map = scoremap.normalise(resized, protocol.normaliser)[0]
    rows, columns = _axes(score_map, size_hw, protocol.interpolation)
    top = max(peak(score_map, rows, columns)[0], 0.0)
    bounds: NDArray[np.int64] = largest_component(score_map, rows, columns, threshold * top, PIXELS)
    return bounds


def _absolute(score_map: Map, protocol: Protocol, size_hw: tuple[int, int]) -> NDArray[np.int64]:
    """Component of the largest rectangle above an absolute level of the resized uint8 map."""
    positive = np.maximum(score_map, 0.0)
    levels = scoremap.quantise(positive / (positive.max() + EPSILON)).astype(np.float64)
    rows, columns = _axes(levels, size_hw, protocol.interpolation)
    # a rounded value exceeds the threshold from the next whole level on, that is from .5 below it
    level = np.floor((protocol.fixed_threshold or 0.0) * 255)
    above = level + 0.5 if level % 2 == 0 else np.nextafter(level + 0.5, 0)
    bounds: NDArray[np.int64] = largest_component(levels, rows, columns, above, RECTANGLE)
    return bounds


def _largest_contour(
    score_map: Map, protocol: Protocol, size_hw: tuple[int, int]
) -> NDArray[np.int64]:
    """Component of the largest contour above a share of the quantised maximum."""
    resized = scoremap.resize(score_map[None], size_hw, protocol.interpolation)
    levels = scoremap.quantise(scoremap.normalise(resized, protocol.normaliser))[0]
    level = int((protocol.fixed_threshold or 0.0) * levels.max())
    mask = np.pad(levels > level, ((0, 1), (0, 1)))  # then the tree clips no edge
    if not mask.any():
        return np.full(4, -1, dtype=np.int64)
    bounds = component_tree(mask.astype(np.uint8)).single_box(0)
    return np.asarray(bounds - np.array([0, 0, 1, 1]), dtype=np.int64)


def _axes(score_map: Map, size_hw: tuple[int, int], interpolation: str) -> tuple[Axis, Axis]:
    if score_map.shape == size_hw:  # as `scoremap.resize`, which leaves such a map alone
        interpolation = "linear"
    rows, columns = (
        Axis(*scoremap.taps(source, target, interpolation))
        for source, target in zip(score_map.shape, size_hw, strict=True)
    )
    return rows, columns


RULES: dict[tuple[str, str], Callable[[Map, Protocol, tuple[int, int]], NDArray[np.int64]]] = {
    ("map > t * max of the map", "largest component"): _of_maximum,
    ("uint8 map > t * 255", "largest rectangle"): _absolute,
    ("uint8(map * 255) > int(t * max of the uint8 map)", "largest contour"): _largest_contour,
}
