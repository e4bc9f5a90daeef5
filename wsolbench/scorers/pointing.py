"""Scores of the pointing game, over all targets and over the paper's difficult subset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wsolbench.metrics import PointingGame
from wsolbench.metrics.pointing import hits_mask
from wsolbench.scorers.base import Scores, States, Targets, Task, Value, state_of
from wsolbench.scorers.frames import pointing_region
from wsolbench.single_box import first_maximum

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wsolbench.protocol import Protocol
    from wsolbench.sample import Truth
    from wsolbench.scorers.maps import MapBatch

SUBSETS = {"all": "Pointing game", "difficult": "Pointing game (difficult)"}


@dataclass(frozen=True)
class Region:
    """Where a target may be hit.

    Attributes:
        mask: ``[H, W]`` bool in the official frame.
        difficult: whether the target belongs to the difficult subset: it covers less than a
            quarter of the image and another class is present.
    """

    mask: NDArray[np.bool_]
    difficult: bool


class PointingScorer:
    """Maximum of the map at the original size against the boxes or masks of the class.

    A target whose every object is difficult (VOC) is skipped; otherwise difficult objects count
    as places to hit. The radius is in pixels of the official frame.
    """

    reads_predictions = False

    def __init__(self, protocol: Protocol, task: Task) -> None:
        self.protocol, self.task = protocol, task
        self.reads_masks = task.pointing_region == "masks"

    def prepare(self, targets: Targets) -> list[Region | None]:
        """The region of each target, ``None`` where it is skipped."""
        return [self._region(truth) for truth in targets.truths]

    def _region(self, truth: Truth) -> Region | None:
        mask = pointing_region(truth, masks=self.reads_masks)
        if mask is None:
            return None
        return Region(mask, bool(mask.mean() < 0.25 and truth.others))

    def score(self, maps: MapBatch, targets: Targets, prepared: list[Region | None]) -> Scores:
        """See `wsolbench.scorers.base.Scorer.score`."""
        hits = [
            None if region is None else bool(finite) and self._hit(score_map, region)
            for score_map, finite, region in zip(maps.raw, maps.finite, prepared, strict=True)
        ]
        labels = [truth.label for truth in targets.truths]
        states: States = {
            "all": self._state(hits, labels, [region is not None for region in prepared]),
            "difficult": self._state(
                hits, labels, [region is not None and region.difficult for region in prepared]
            ),
        }
        return Scores(states, {"hit": hits})

    def _hit(self, score_map: NDArray[np.float64], region: Region) -> bool:
        size_hw = region.mask.shape[0], region.mask.shape[1]
        _, x, y = first_maximum(score_map, size_hw, self.protocol.interpolation)
        return hits_mask((x, y), region.mask, self.protocol.radius or 0)

    def _state(
        self, hits: list[bool | None], labels: list[int], counted: list[bool]
    ) -> PointingGame:
        chosen = [
            (bool(hit), label) for hit, label, use in zip(hits, labels, counted, strict=True) if use
        ]
        return PointingGame.of(
            [hit for hit, _ in chosen], [label for _, label in chosen], self.task.num_classes
        )

    def report(self, states: States, calibration: States | None) -> list[Value]:  # noqa: ARG002
        """See `wsolbench.scorers.base.Scorer.report`; there is no threshold to calibrate."""
        values = []
        for subset, metric in SUBSETS.items() if states else ():
            state = state_of(states, subset, PointingGame)
            if state.total:
                per_class = tuple(state.per_class().tolist())
                values.append(Value(metric, state.compute(), state.total, per_class=per_class))
        return values
