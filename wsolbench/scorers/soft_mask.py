"""Scores of a map against the mask of its class, without any threshold."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wsolbench.metrics import Average, SoftMask
from wsolbench.metrics.pointing import boxes_mask
from wsolbench.metrics.soft_mask import NAMES
from wsolbench.scorers.base import Scores, States, Targets, Task, Value, state_of
from wsolbench.scorers.frames import fixed_frame, framed_boxes, nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wsolbench.protocol import Protocol
    from wsolbench.sample import Truth
    from wsolbench.scorers.maps import MapBatch

METRICS = {
    "mass": "Relevance mass accuracy",
    "rank": "Relevance rank accuracy",
    "top_k": "Top-k intersection",
    "auc": "Mask AUC",
}
SUFFIXES = {"masks": "", "boxes": " (boxes)"}


@dataclass(frozen=True)
class Area:
    """The pixels of a target in the protocol's frame.

    Attributes:
        kind: "masks", or "boxes" where there is no mask.
        inside: ``[N]`` bool, of the pixels that count.
        counted: ``[H, W]`` bool, ``None`` where all do.
    """

    kind: str
    inside: NDArray[np.bool_]
    counted: NDArray[np.bool_] | None


class SoftMaskScorer:
    """Relevance mass and rank accuracy, top-k intersection and AUC, averaged over targets.

    Masks where there are any, else the union of the boxes; the numbers of the two never mix. An
    empty mask is left out and counted; a map with NaN scores 0.
    """

    reads_masks = True
    reads_predictions = False

    def __init__(self, protocol: Protocol, task: Task) -> None:  # noqa: ARG002
        self.protocol = protocol
        self.size_wh = fixed_frame(protocol)

    def prepare(self, targets: Targets) -> list[Area | None]:
        """The pixels of each target, ``None`` where it has neither mask nor box."""
        return [self._area(truth) for truth in targets.truths]

    def _area(self, truth: Truth) -> Area | None:
        if truth.mask is None:
            boxes = framed_boxes(truth, self.size_wh)
            inside = boxes_mask(boxes, self.size_wh).ravel()
            return Area("boxes", inside, None) if len(boxes) else None
        mask = nearest(truth.mask, self.size_wh)
        counted = ~(nearest(truth.ignore, self.size_wh) & ~mask)
        return Area("masks", mask[counted], None if counted.all() else counted)

    def score(self, maps: MapBatch, targets: Targets, prepared: list[Area | None]) -> Scores:  # noqa: ARG002
        """See `wsolbench.scorers.base.Scorer.score`."""
        protocol = self.protocol
        scores = maps.normalised(self.size_wh, protocol.interpolation, protocol.normaliser)
        found: list[SoftMask | None] = [
            None if area is None else self._score(score_map, bool(finite), area)
            for score_map, finite, area in zip(scores, maps.finite, prepared, strict=True)
        ]
        states: States = {}
        for kind in SUFFIXES:
            chosen = [
                one
                for one, area in zip(found, prepared, strict=True)
                if one is not None and area is not None and area.kind == kind
            ]
            for name in NAMES:
                states[f"{kind}.{name}"] = Average.of([getattr(one, name) for one in chosen])
        return Scores(states, {name: [_plain(one, name) for one in found] for name in NAMES})

    def _score(self, score_map: NDArray[np.float64], finite: bool, area: Area) -> SoftMask:
        values = score_map.ravel() if area.counted is None else score_map[area.counted]
        score = SoftMask.of(values, area.inside, self.protocol.top_pixels or 1)
        if finite:
            return score
        return dataclasses.replace(score, **{n: 0.0 * getattr(score, n) for n in NAMES})

    def report(self, states: States, calibration: States | None) -> list[Value]:  # noqa: ARG002
        """See `wsolbench.scorers.base.Scorer.report`; there is no threshold to calibrate."""
        values = []
        for kind, suffix in SUFFIXES.items():
            for name, metric in METRICS.items():
                key = f"{kind}.{name}"
                state = state_of(states, key, Average) if key in states else Average()
                if state.total:
                    values.append(Value(metric + suffix, state.compute(), state.total))
        return values


def _plain(score: SoftMask | None, name: str) -> Any:
    value = None if score is None else getattr(score, name)
    return None if value is None or np.isnan(value) else value
