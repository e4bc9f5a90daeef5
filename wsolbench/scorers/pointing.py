"""Scores of the pointing game, over all targets and over the paper's difficult subset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wsolbench import scoremap
from wsolbench.errors import InputError
from wsolbench.metrics import PointingGame
from wsolbench.metrics.pointing import boxes_mask, first_maximum, hits_mask
from wsolbench.scorers.base import Scores, States, Targets, Task, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wsolbench.protocol import Protocol
    from wsolbench.sample import Truth

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

    def __init__(self, protocol: Protocol, task: Task) -> None:
        self.protocol, self.task = protocol, task
        self.reads_masks = task.pointing_region == "masks"

    def prepare(self, targets: Targets) -> list[Region | None]:
        """The region of each target, ``None`` where it is skipped."""
        return [self._region(truth) for truth in targets.truths]

    def _region(self, truth: Truth) -> Region | None:
        if len(truth.difficult) and truth.difficult.all():
            return None
        mask = truth.mask if self.reads_masks else boxes_mask(truth.boxes_xyxy, truth.size_wh)
        if mask is None or not mask.any():
            return None
        return Region(mask, bool(mask.mean() < 0.25 and truth.others))

    def score(
        self, maps: NDArray[np.float64], targets: Targets, prepared: list[Region | None]
    ) -> Scores:
        """See `wsolbench.scorers.base.Scorer.score`."""
        hits = [
            None if region is None else self._hit(score_map, region)
            for score_map, region in zip(maps, prepared, strict=True)
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
        if not np.isfinite(score_map).all():
            return False
        height, width = region.mask.shape
        resized = scoremap.resize(score_map[None], (height, width), self.protocol.interpolation)[0]
        return hits_mask(first_maximum(resized), region.mask, self.protocol.radius or 0)

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
        for subset, metric in SUBSETS.items():
            state = states[subset]
            if not isinstance(state, PointingGame):
                raise InputError(f"expected counts of the pointing game, but got {state!r}")
            total = int(state.hits.sum() + state.misses.sum())
            if total:
                values.append(Value(metric, state.compute(), total))
        return values
