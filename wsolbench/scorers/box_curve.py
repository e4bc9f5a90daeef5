"""Scores of protocols that threshold a map at every level: MaxBoxAcc, MaxBoxAccV2, PxAP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wsolbench.metrics import BoxAccuracy, PxAP
from wsolbench.metrics.box_accuracy import best_iou_by_level, level_of_threshold
from wsolbench.scorers.base import (
    CALIBRATED,
    FIXED,
    ORACLE,
    TOP_K,
    Scores,
    States,
    Targets,
    Task,
    Value,
    state_of,
)
from wsolbench.scorers.frames import boxed_targets, fixed_frame, framed_boxes, nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wsolbench.protocol import Protocol
    from wsolbench.scorers.maps import MapBatch

    Levels = NDArray[np.float64]  # [B, 256]

# counts that choose the threshold -> metric -> counts that it is read from
METRICS = {
    "single": {
        "MaxBoxAcc": "single",
        "GT-known Loc": "single",
        "Top-1 Loc": "top1",
        "Top-5 Loc": "top5",
    },
    "multi": {"MaxBoxAccV2": "multi"},
}


@dataclass(frozen=True)
class Prepared:
    """The ground truth in the protocol's frame.

    Attributes:
        boxed: indices of the targets that have boxes.
        boxes_xyxy: their boxes, ``[n, 4]`` each.
        masked: indices of the targets that have a mask.
        masks, ignores: their masks.
    """

    boxed: list[int]
    boxes_xyxy: list[NDArray[np.float64]]
    masked: list[int]
    masks: list[NDArray[np.bool_]]
    ignores: list[NDArray[np.bool_]]


class BoxCurveScorer:
    """wsol2020: single- and multi-contour boxes at every threshold, and PxAP where masks exist.

    Targets whose every object is difficult are not scored; difficult objects are no ground truth.
    """

    reads_masks = True
    reads_predictions = False

    def __init__(self, protocol: Protocol, task: Task) -> None:  # noqa: ARG002
        self.protocol = protocol
        self.size_wh = fixed_frame(protocol)
        self.frame = self.size_wh, protocol.interpolation, protocol.normaliser
        self.thresholds = protocol.threshold_grid

    def prepare(self, targets: Targets) -> Prepared:
        """Boxes and masks in the protocol's frame."""
        truths = targets.truths
        boxed = boxed_targets(targets)
        masked = [i for i, truth in enumerate(truths) if truth.mask is not None]
        return Prepared(
            boxed=boxed,
            boxes_xyxy=[framed_boxes(truths[i], self.size_wh) for i in boxed],
            masked=masked,
            masks=[nearest(truths[i].mask, self.size_wh) for i in masked],
            ignores=[nearest(truths[i].ignore, self.size_wh) for i in masked],
        )

    def score(self, maps: MapBatch, targets: Targets, prepared: Prepared) -> Scores:
        """See `wsolbench.scorers.base.Scorer.score`."""
        states: States = {}
        rows: dict[str, list[Any]] = {}
        if prepared.boxed:
            levels = _chosen(maps.levels(*self.frame), prepared.boxed)
            states, rows = self._score_boxes(levels, targets, prepared)
        if prepared.masked:
            scores = _chosen(maps.normalised(*self.frame), prepared.masked)
            states["pxap"] = PxAP.of(scores, prepared.masks, prepared.ignores)
        return Scores(states, rows)

    def _score_boxes(
        self, levels: NDArray[np.uint8], targets: Targets, prepared: Prepared
    ) -> tuple[States, dict[str, list[Any]]]:
        single, multi = best_iou_by_level(levels, prepared.boxes_xyxy)
        maxima = levels.max((1, 2))
        index = level_of_threshold(maxima, self.thresholds)
        known = BoxAccuracy.empty((self.protocol.single_iou_threshold or 0.5,), self.thresholds)
        any_box = BoxAccuracy.empty(self.protocol.iou_thresholds, self.thresholds)
        best_single = np.take_along_axis(single, index, 1)
        states: States = {
            "multi": any_box.plus(np.take_along_axis(multi, index, 1)),
            "single": known.plus(best_single),
        }
        if targets.ranks is not None:
            ranks = targets.ranks[prepared.boxed]
            states |= {f"top{k}": known.plus(best_single, ranks < k) for k in TOP_K}
        return states, self._rows(len(targets), prepared.boxed, maxima, single, multi)

    def _rows(
        self,
        total: int,
        boxed: list[int],
        maxima: NDArray[np.uint8],
        single: Levels,
        multi: Levels,
    ) -> dict[str, list[Any]]:
        names = ("maximum", "single_from", "single_iou", "multi_from", "multi_iou")
        rows: dict[str, list[Any]] = {name: [None] * total for name in names}
        for i, maximum, single_iou, multi_iou in zip(boxed, maxima, single, multi, strict=True):
            rows["maximum"][i] = int(maximum)
            rows["single_from"][i], rows["single_iou"][i] = steps(single_iou)
            rows["multi_from"][i], rows["multi_iou"][i] = steps(multi_iou)
        return rows

    def report(self, states: States, calibration: States | None) -> list[Value]:
        """See `wsolbench.scorers.base.Scorer.report`."""
        values: list[Value] = []
        for policy in (ORACLE, CALIBRATED, FIXED):
            values += self._box_values(states, calibration, policy)
        pxap = states.get("pxap")
        if isinstance(pxap, PxAP):
            pixels = int(pxap.foreground.sum() + pxap.background.sum())
            undefined = not pxap.foreground.any()  # no mask has a pixel: the run is not lost
            values.append(Value("PxAP", np.nan if undefined else pxap.compute(), pixels))
        return values

    def _box_values(self, states: States, calibration: States | None, policy: str) -> list[Value]:
        values: list[Value] = []
        for chooser, metrics in METRICS.items():
            indices = self._indices(states, calibration, policy, chooser)
            if indices is not None:
                for metric, name in metrics.items():
                    if name in states:  # no top k without a network
                        state = state_of(states, name, BoxAccuracy)
                        values += self._values(metric, state, indices, policy)
        return values

    def _values(
        self, metric: str, state: BoxAccuracy, indices: NDArray[np.int64], policy: str
    ) -> list[Value]:
        accuracy, at = state.at(indices), self.thresholds[indices]
        values = [Value(metric, float(accuracy.mean()), state.total, policy, tuple(at.tolist()))]
        if len(accuracy) > 1:
            values += [
                Value(f"{metric}@{d * 100:g}", float(a), state.total, policy, (float(t),))
                for d, a, t in zip(state.iou_thresholds, accuracy, at, strict=True)
            ]
        return values

    def _indices(
        self, states: States, calibration: States | None, policy: str, name: str
    ) -> NDArray[np.int64] | None:
        """Threshold index per IoU threshold under a policy; ``None`` where it cannot be chosen."""
        if name not in states:
            return None
        state = state_of(states, name, BoxAccuracy)
        if policy == ORACLE:
            return state.best()
        if policy == CALIBRATED:
            chosen_on = (calibration or {}).get(name)
            return (
                None if chosen_on is None else state_of({name: chosen_on}, name, BoxAccuracy).best()
            )
        fixed = self.protocol.fixed_threshold
        if fixed is None:
            return None
        nearest_index = int(np.abs(self.thresholds - fixed).argmin())
        return np.full(len(state.iou_thresholds), nearest_index)


def steps(by_level: NDArray[np.float64]) -> tuple[list[int], list[float]]:
    """A piecewise constant ``[256]`` curve as the levels where it changes and its values there."""
    starts = np.flatnonzero(np.diff(by_level, prepend=np.nan) != 0)
    return starts.tolist(), by_level[starts].tolist()


def _chosen(batch: NDArray[Any], indices: list[int]) -> NDArray[Any]:
    """Some maps of a batch; no copy where all are meant."""
    return batch if len(indices) == len(batch) else batch[indices]
