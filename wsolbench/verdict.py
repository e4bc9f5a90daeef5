"""The verdict of one target taken apart into stages that two protocols can exchange.

`wsolbench diff-protocols` asks which choice turns a verdict: it takes one stage after another from
the second protocol and looks whether the first one's verdict turns. So every stage here works with
every other, unlike in the scorers, which run each protocol as one fast piece; tests hold that both
give the same verdicts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from wsolbench import scoremap
from wsolbench.boxes import iou
from wsolbench.components import component_tree
from wsolbench.errors import OptionError
from wsolbench.scorers.frames import framed_boxes
from wsolbench.single_box import EPSILON

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wsolbench.protocol import Protocol
    from wsolbench.sample import Truth

    Map = NDArray[np.float64]  # [H, W]
    Mask = NDArray[np.bool_]  # [H, W]
    Bounds = tuple[int, int, int, int]  # x0, y0, x1, y1, inclusive

STAGES: dict[str, tuple[str, ...]] = {
    "frame": ("frame", "interpolation"),
    "normaliser": ("order", "normaliser"),
    "threshold": ("threshold_rule", "fixed_threshold"),
    "box rule": ("box_rule", "box_edge", "no_box", "connectivity"),
    "IoU convention": ("iou_convention", "iou_comparison", "single_iou_threshold"),
}
SCORERS = ("box-curve", "single-box", "corloc")
LAYERCAM_ORDER = ("ReLU / (max + 1e-8)", "uint8(map * 255)", "resize, rounded")


@dataclass(frozen=True)
class Framed:
    """A map in a protocol's frame.

    Attributes:
        values: ``[H, W]``, in [0, 1].
        levels: ``[H, W]`` uint8.
    """

    values: Map
    levels: NDArray[np.uint8]


def comparable(protocol: Protocol) -> bool:
    """Whether a protocol gives one box a target, with a verdict that stages make up."""
    return protocol.scorer in SCORERS


def at_threshold(protocol: Protocol, threshold: float) -> Protocol:
    """The protocol with its one box taken at a threshold."""
    return dataclasses.replace(protocol, fixed_threshold=threshold)


def exchanged(protocol: Protocol, other: Protocol, stage: str) -> Protocol:
    """The protocol with one stage of another."""
    return dataclasses.replace(protocol, **{name: getattr(other, name) for name in STAGES[stage]})


def differing_stages(a: Protocol, b: Protocol) -> list[str]:
    """The stages in which two protocols are not the same."""
    return [
        stage
        for stage, names in STAGES.items()
        if any(getattr(a, name) != getattr(b, name) for name in names)
    ]


def right_box(protocol: Protocol, score_map: Map, truth: Truth) -> bool:
    """Whether the one box of a raw map ``[h, w]`` is right; a map with NaN has none.

    Raises:
        OptionError: the protocol has no such verdict.
    """
    if not comparable(protocol):
        raise OptionError(
            f"protocol {protocol.label} gives no right or wrong box; expected one whose scorer is "
            f"{', '.join(SCORERS)}"
        )
    box = _box(protocol, score_map, truth)
    if box is None:
        return False
    best = iou(box[None], framed_boxes(truth, protocol.size_wh), protocol.iou_convention).max()
    wanted = protocol.single_iou_threshold or 0.0
    return bool(best > wanted if protocol.iou_comparison == ">" else best >= wanted)


def _box(protocol: Protocol, score_map: Map, truth: Truth) -> NDArray[np.float64] | None:
    finite = np.isfinite(score_map).all()
    if not finite and protocol.scorer != "box-curve":
        return None
    width, height = protocol.size_wh or truth.size_wh
    framed = _framed(protocol, np.where(finite, score_map, 0.0), (height, width))
    mask = _THRESHOLDS[protocol.threshold_rule](framed, protocol.fixed_threshold or 0.0)
    if not mask.any():
        return None if protocol.no_box is None else np.array(protocol.no_box, dtype=np.float64)
    return _edged(protocol, _BOXES[protocol.box_rule](mask), (height, width))


def _framed(protocol: Protocol, score_map: Map, size_hw: tuple[int, int]) -> Framed:
    if protocol.order == LAYERCAM_ORDER:
        positive = np.maximum(score_map, 0.0)
        small = scoremap.quantise(positive / (positive.max() + EPSILON))
        resized = scoremap.resize(small[None].astype(np.float64), size_hw, protocol.interpolation)
        levels = np.clip(np.rint(resized[0]), 0, 255).astype(np.uint8)
        return Framed(levels / 255, levels)
    resized = scoremap.resize(score_map[None], size_hw, protocol.interpolation)
    if protocol.normaliser == "none":
        return Framed(resized[0], scoremap.quantise(np.clip(resized[0], 0, 1)))
    values = scoremap.normalise(resized, protocol.normaliser)[0]
    return Framed(values, scoremap.quantise(values))


def _edged(protocol: Protocol, bounds: Bounds, size_hw: tuple[int, int]) -> NDArray[np.float64]:
    x0, y0, x1, y1 = bounds
    if protocol.box_edge.startswith("x + w, y + h"):
        x1, y1 = x1 + 1, y1 + 1
    if protocol.box_edge.endswith("clipped to the last pixel"):
        x1, y1 = min(x1, size_hw[1] - 1), min(y1, size_hw[0] - 1)
    return np.array([x0, y0, x1, y1], dtype=np.float64)


def _largest_contour(mask: Mask) -> Bounds:
    padded = np.pad(mask, ((0, 1), (0, 1))).astype(np.uint8)  # then no edge is clipped
    x0, y0, x1, y1 = component_tree(padded).single_box(0).tolist()
    return x0, y0, x1 - 1, y1 - 1


def _largest(measure: Callable[[int, Bounds], int]) -> Callable[[Mask], Bounds]:
    """The bounds of the 8-connected component that measures most, the first of equals."""

    def bounds_of(mask: Mask) -> Bounds:
        labels, _ = ndimage.label(mask, structure=np.ones((3, 3)))
        pixels = np.bincount(labels.ravel())
        found = [
            (columns.start, rows.start, columns.stop - 1, rows.stop - 1)
            for rows, columns in ndimage.find_objects(labels)
        ]
        best = max(range(len(found)), key=lambda i: measure(int(pixels[i + 1]), found[i]))
        return found[best]

    return bounds_of


def _rectangle(_: int, bounds: Bounds) -> int:
    x0, y0, x1, y1 = bounds
    return (x1 - x0 + 1) * (y1 - y0 + 1)


_THRESHOLDS: dict[str, Callable[[Framed, float], Mask]] = {
    "uint8(map * 255) > int(t * max of the uint8 map)": lambda framed, t: (
        framed.levels > int(t * framed.levels.max())
    ),
    "map > t * max of the map": lambda framed, t: (
        framed.values > t * max(float(framed.values.max()), 0.0)
    ),
    "uint8 map > t * 255": lambda framed, t: framed.levels > t * 255,
}
_BOXES: dict[str, Callable[[Mask], Bounds]] = {
    "all contours, holes included; single mode: the largest polygon area": _largest_contour,
    "largest contour": _largest_contour,
    "largest component": _largest(lambda pixels, _: pixels),
    "largest rectangle": _largest(_rectangle),
}
