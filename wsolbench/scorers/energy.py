"""Scores of the energy-based pointing game: the share of a map inside the boxes of its class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wsolbench.metrics import Average
from wsolbench.metrics.energy import energy_share, energy_weights
from wsolbench.scorers.base import Scores, States, Targets, Task, Value, state_of
from wsolbench.scorers.frames import pointing_region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wsolbench.protocol import Protocol
    from wsolbench.scorers.maps import MapBatch

METRIC = "Energy-based pointing game"


class Regions:
    """The region of every target, and its weights for the map sizes that come."""

    def __init__(self, masks: list[NDArray[np.bool_] | None]) -> None:
        self.masks = masks
        self._weights: dict[tuple[int, int], list[NDArray[np.float64] | None]] = {}

    def weights(self, map_hw: tuple[int, int]) -> list[NDArray[np.float64] | None]:
        """Those of `energy_weights` for maps of one size; worked out once for all methods."""
        if map_hw not in self._weights:
            self._weights[map_hw] = [
                None if mask is None else energy_weights(mask, map_hw) for mask in self.masks
            ]
        return self._weights[map_hw]


class EnergyScorer:
    """Sum of the positive part of the map inside the boxes / its sum, averaged over targets.

    A map without any positive value, or with NaN, has a share of 0.
    """

    reads_masks = False
    reads_predictions = False

    def __init__(self, protocol: Protocol, task: Task) -> None:  # noqa: ARG002
        self.protocol = protocol

    def prepare(self, targets: Targets) -> Regions:
        """The region of each target, ``None`` where it is skipped."""
        return Regions([pointing_region(truth, masks=False) for truth in targets.truths])

    def score(self, maps: MapBatch, targets: Targets, prepared: Regions) -> Scores:  # noqa: ARG002
        """See `wsolbench.scorers.base.Scorer.score`."""
        weights = prepared.weights((maps.raw.shape[1], maps.raw.shape[2]))
        shares: list[Any] = [None] * len(maps)
        for i, own in enumerate(weights):
            if own is not None:
                shares[i] = energy_share(maps.raw[i], own) if maps.finite[i] else 0.0
        state = Average.of([share for share in shares if share is not None])
        return Scores({"energy": state}, {"share": shares})

    def report(self, states: States, calibration: States | None) -> list[Value]:  # noqa: ARG002
        """See `wsolbench.scorers.base.Scorer.report`; there is no threshold to calibrate."""
        if not states:
            return []
        state = state_of(states, "energy", Average)
        return [Value(METRIC, state.compute(), state.total)] if state.total else []
