"""Scores of protocols with one box at one threshold: cam2016, gradcam2017 and their kin.

Two senses of Top-k stand side by side. In the *gt-map* sense a target counts if the box of the true
class's map is right and its label is among the top k. In the sense of the ILSVRC *devkit* each of
the network's five predictions brings the box of its own map, and the error of an image is the least
over the first k predictions of max(label wrong, box wrong). A prediction of a class that the image
does not show has error 1 whatever its box; so only the maps of shown classes can matter, and the
devkit's error needs no map of any other.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wsolbench.boxes import iou
from wsolbench.metrics import ErrorRate, Rate
from wsolbench.scorers.base import FIXED, TOP_K, Scores, States, Targets, Task, Value, state_of
from wsolbench.scorers.frames import boxed_targets, framed_boxes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wsolbench.protocol import Protocol
    from wsolbench.scorers.maps import MapBatch

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {">=": operator.ge, ">": operator.gt}
GT_MAP, DEVKIT = "gt-map", "devkit"


@dataclass(frozen=True)
class Boxed:
    """The targets that have boxes.

    Attributes:
        indices: ``[n]`` among the targets.
        boxes_xyxy: their boxes in the protocol's frame, ``[g, 4]`` each.
        images: positions among ``indices`` of each image.
    """

    indices: list[int]
    boxes_xyxy: list[NDArray[np.float64]]
    images: list[list[int]]

    @classmethod
    def of(cls, targets: Targets, size_wh: tuple[int, int] | None) -> Boxed:
        """Those of a batch in a frame, ``None`` for the official one."""
        indices = boxed_targets(targets)
        boxes = [framed_boxes(targets.truths[i], size_wh) for i in indices]
        return cls(indices, boxes, targets.select(np.array(indices, dtype=np.int64)).by_image())


@dataclass(frozen=True)
class Found:
    """The one box of each target with boxes, and its best IoU with them.

    Attributes:
        boxes: ``[n]`` a box in the protocol's frame, or ``None``.
        ious: ``[n]``, 0 without box.
    """

    boxes: list[NDArray[np.float64] | None]
    ious: NDArray[np.float64]

    @classmethod
    def of(cls, maps: MapBatch, targets: Targets, boxed: Boxed, protocol: Protocol) -> Found:
        """Take the box of every map by the protocol's rule."""
        boxes = [
            maps.box(i, protocol, protocol.size_wh or targets.truths[i].size_wh)
            for i in boxed.indices
        ]
        ious = [
            0.0 if box is None else iou(box[None], true, protocol.iou_convention).max()
            for box, true in zip(boxes, boxed.boxes_xyxy, strict=True)
        ]
        return cls(boxes, np.array(ious, dtype=np.float64))

    def rows(self, total: int, boxed: Boxed) -> dict[str, list[Any]]:
        """Box and IoU per target, ``None`` where a target is not scored."""
        rows: dict[str, list[Any]] = {"box": [None] * total, "iou": [None] * total}
        for i, box, value in zip(boxed.indices, self.boxes, self.ious.tolist(), strict=True):
            rows["box"][i] = None if box is None else box.tolist()
            rows["iou"][i] = value
        return rows


class SingleBoxScorer:
    """One box a map: GT-known, Top-1 and Top-5 localization, and the devkit's errors."""

    reads_masks = False
    reads_predictions = False

    def __init__(self, protocol: Protocol, task: Task) -> None:  # noqa: ARG002
        self.protocol = protocol

    def prepare(self, targets: Targets) -> Boxed:
        """Boxes in the protocol's frame."""
        return Boxed.of(targets, self.protocol.size_wh)

    def score(self, maps: MapBatch, targets: Targets, prepared: Boxed) -> Scores:
        """See `wsolbench.scorers.base.Scorer.score`."""
        found = Found.of(maps, targets, prepared, self.protocol)
        states: States = {}
        if GT_MAP in self.protocol.senses:
            states["known"] = Rate.of(self._right(found.ious))
            if targets.ranks is not None:
                states.update(self._top_k(found.ious, targets.ranks[prepared.indices]))
        if DEVKIT in self.protocol.senses and targets.ranks is not None:
            places = targets.places[prepared.indices]
            states.update(self._devkit(self._right(found.ious), places, prepared.images))
        return Scores(states, found.rows(len(targets), prepared))

    def _right(self, ious: NDArray[np.float64], comparison: str = "") -> NDArray[np.bool_]:
        compare = COMPARISONS[comparison or self.protocol.iou_comparison]
        right: NDArray[np.bool_] = compare(ious, self.protocol.single_iou_threshold)
        return right

    def _top_k(self, ious: NDArray[np.float64], ranks: NDArray[np.int64]) -> States:
        right = self._right(ious, self.protocol.top_k_comparison)
        return {f"top{k}": Rate.of(right & (ranks < k)) for k in TOP_K}

    @staticmethod
    def _devkit(
        right: NDArray[np.bool_], places: NDArray[np.int64], images: list[list[int]]
    ) -> States:
        states: States = {}
        for k in TOP_K:
            hit = right & (places >= 0) & (places < k)
            states[f"error{k}"] = ErrorRate.of([not hit[image].any() for image in images])
        return states

    def report(self, states: States, calibration: States | None) -> list[Value]:  # noqa: ARG002
        """See `wsolbench.scorers.base.Scorer.report`; the one threshold is the protocol's."""
        names = {"known": "GT-known Loc", **{f"top{k}": f"Top-{k} Loc" for k in TOP_K}}
        names |= {f"error{k}": f"Top-{k} error (devkit)" for k in TOP_K}
        return [
            fixed_value(name, state_of(states, key, Rate), self.protocol)
            for key, name in names.items()
            if key in states and state_of(states, key, Rate).total
        ]


def fixed_value(name: str, rate: Rate, protocol: Protocol) -> Value:
    """A rate at the protocol's one threshold."""
    return Value(
        name,
        rate.compute(),
        rate.total,
        FIXED,
        (protocol.fixed_threshold or 0.0,),
        higher_is_better=rate.higher_is_better,
    )
