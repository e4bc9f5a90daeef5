"""Scorers: what applies a protocol, found by the protocol's ``scorer``."""

from __future__ import annotations

from collections.abc import Callable

from wsolbench.protocol import Protocol
from wsolbench.scorers.base import Scorer, Task
from wsolbench.scorers.box_ap import BoxAPScorer
from wsolbench.scorers.box_curve import BoxCurveScorer
from wsolbench.scorers.corloc import CorLocScorer
from wsolbench.scorers.energy import EnergyScorer
from wsolbench.scorers.pointing import PointingScorer
from wsolbench.scorers.seed import SeedScorer
from wsolbench.scorers.single_box import SingleBoxScorer
from wsolbench.scorers.soft_mask import SoftMaskScorer

SCORERS: dict[str, Callable[[Protocol, Task], Scorer]] = {
    "box-ap": BoxAPScorer,
    "box-curve": BoxCurveScorer,
    "corloc": CorLocScorer,
    "energy": EnergyScorer,
    "pointing": PointingScorer,
    "seed": SeedScorer,
    "single-box": SingleBoxScorer,
    "soft-mask": SoftMaskScorer,
}


def scorer_of(protocol: Protocol, task: Task) -> Scorer:
    """The scorer that applies ``protocol`` to ``task``."""
    return SCORERS[protocol.scorer](protocol, task)
