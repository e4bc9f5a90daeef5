"""What a scorer is: it applies one protocol to the raw maps of a batch of targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wsolbench.metrics import State
    from wsolbench.protocol import Protocol as ScoringProtocol
    from wsolbench.sample import Truth

ORACLE, CALIBRATED, FIXED = "oracle", "calibrated", "fixed"
POLICIES = (ORACLE, CALIBRATED, FIXED)

States = dict[str, "State"]


@dataclass(frozen=True)
class Targets:
    """The targets of a batch: T pairs of image and class, with what every method shares.

    Attributes:
        truths: T ground truths.
        ranks: ``[T]`` how many classes the network scores higher than the target's.
    """

    truths: Sequence[Truth]
    ranks: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.truths)


@dataclass(frozen=True)
class Task:
    """What a data set asks to be scored on.

    Attributes:
        num_classes: length of the label space.
        pointing_region: whether the pointing game looks at "boxes" or "masks".
    """

    num_classes: int
    pointing_region: str = "boxes"


@dataclass(frozen=True)
class Scores:
    """What one method earned on a batch under one protocol.

    Attributes:
        states: counts to be added up.
        rows: column name -> T values, ``None`` where a target is not scored.
    """

    states: States
    rows: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Value:
    """One number of a leaderboard.

    Attributes:
        metric: its name in the field.
        value: a fraction; NaN where nothing was counted.
        policy: how its threshold was chosen, "oracle", "calibrated" or "fixed"; ``None`` without
            threshold.
        threshold: the threshold or thresholds used.
        total: number of targets (of pixels for pixel metrics) behind it.
    """

    metric: str
    value: float
    total: int
    policy: str | None = None
    threshold: tuple[float, ...] = ()


class Scorer(Protocol):
    """Applies one protocol."""

    protocol: ScoringProtocol
    reads_masks: bool

    def prepare(self, targets: Targets) -> Any:
        """What scoring needs of the ground truth, worked out once for all methods."""

    def score(self, maps: NDArray[np.float64], targets: Targets, prepared: Any) -> Scores:
        """Score raw maps ``[T, h, w]``."""

    def report(self, states: States, calibration: States | None) -> list[Value]:
        """The numbers of merged counts; ``calibration`` are the counts of train-fullsup."""


def merge(a: States, b: States) -> States:
    """The sum of two sets of counts."""
    both = dict(a)
    for name, state in b.items():
        both[name] = both[name] + state if name in both else state
    return both
