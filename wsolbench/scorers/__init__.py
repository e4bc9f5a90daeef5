"""Scorers: what applies a protocol, found by the protocol's ``scorer``."""

from __future__ import annotations

from collections.abc import Callable

from wsolbench.protocol import Protocol
from wsolbench.scorers.base import Scorer, Task
from wsolbench.scorers.box_curve import BoxCurveScorer
from wsolbench.scorers.pointing import PointingScorer

SCORERS: dict[str, Callable[[Protocol, Task], Scorer]] = {
    "box-curve": BoxCurveScorer,
    "pointing": PointingScorer,
}


def scorer_of(protocol: Protocol, task: Task) -> Scorer:
    """The scorer that applies ``protocol`` to ``task``."""
    return SCORERS[protocol.scorer](protocol, task)
