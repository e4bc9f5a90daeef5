"""What a scorer is: it applies one protocol to the raw maps of a batch of targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from wsolbench.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wsolbench.metrics import State
    from wsolbench.protocol import Protocol as ScoringProtocol
    from wsolbench.sample import Truth
    from wsolbench.scorers.maps import MapBatch

ORACLE, CALIBRATED, FIXED = "oracle", "calibrated", "fixed"
POLICIES = (ORACLE, CALIBRATED, FIXED)

States = dict[str, "State"]
S = TypeVar("S", bound="State")


TOP_K = (1, 5)


@dataclass(frozen=True)
class Targets:
    """The targets of a batch: T pairs of image and class, with what every method shares.

    All targets of an image are in one batch. A target is a class that the image shows; where some
    protocol reads predictions, further targets are classes that the network predicts there.

    Attributes:
        truths: T ground truths (of a class that the image does not show: without boxes).
        ranks: ``[T]`` how many classes the network scores higher than the target's; ``None`` where
            no network stands behind the maps: then nothing of top-k is counted.
        predicted: ``[T]`` the place of the class in the network's list of five predictions, 0 for
            the first, -1 where it is not among them; without it, ``ranks`` below 5 are the places.
        shown: ``[T]`` bool, whether the image shows the class; without it, all are shown.
        probabilities: ``[T]`` the network's probability of the class; where a protocol ranks boxes.
    """

    truths: Sequence[Truth]
    ranks: NDArray[np.int64] | None
    predicted: NDArray[np.int64] | None = None
    shown: NDArray[np.bool_] | None = None
    probabilities: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.truths)

    @property
    def places(self) -> NDArray[np.int64]:
        """``[T]`` place among the five predictions, -1 where there is none."""
        if self.predicted is not None:
            return self.predicted
        if self.ranks is None:
            return np.full(len(self), -1)
        return np.where(self.ranks < TOP_K[-1], self.ranks, -1)

    @property
    def is_shown(self) -> NDArray[np.bool_]:
        """``[T]`` whether the image shows the class."""
        return np.ones(len(self), dtype=np.bool_) if self.shown is None else self.shown

    def select(self, indices: NDArray[np.int64]) -> Targets:
        """Some of the targets."""
        return Targets(
            [self.truths[i] for i in indices],
            None if self.ranks is None else self.ranks[indices],
            None if self.predicted is None else self.predicted[indices],
            None if self.shown is None else self.shown[indices],
            None if self.probabilities is None else self.probabilities[indices],
        )

    def by_image(self) -> list[list[int]]:
        """Indices of the targets of each image, images in order of their first target."""
        images: dict[str, list[int]] = {}
        for index, truth in enumerate(self.truths):
            images.setdefault(truth.sample_id, []).append(index)
        return list(images.values())


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
        higher_is_better: whether more is better.
        per_class: the same per class, where the metric has that; NaN for classes without any.
    """

    metric: str
    value: float
    total: int
    policy: str | None = None
    threshold: tuple[float, ...] = ()
    higher_is_better: bool = True
    per_class: tuple[float, ...] = ()


class Scorer(Protocol):
    """Applies one protocol.

    Attributes:
        protocol: what it applies.
        reads_masks: whether it looks at masks.
        reads_predictions: whether it wants targets for the classes that the network predicts; the
            others are never shown such targets.
    """

    protocol: ScoringProtocol
    reads_masks: bool
    reads_predictions: bool

    def prepare(self, targets: Targets) -> Any:
        """What scoring needs of the ground truth, worked out once for all methods."""

    def score(self, maps: MapBatch, targets: Targets, prepared: Any) -> Scores:
        """Score the maps of one method on T targets."""

    def report(self, states: States, calibration: States | None) -> list[Value]:
        """The numbers of merged counts; ``calibration`` are the counts of train-fullsup."""


def merge(a: States, b: States) -> States:
    """The sum of two sets of counts."""
    both = dict(a)
    for name, state in b.items():
        both[name] = both[name] + state if name in both else state
    return both


def state_of(states: States, name: str, kind: type[S]) -> S:
    """One of the counts, checked to be of a kind.

    Raises:
        InputError: it is missing or of another kind; the counts are of another protocol.
    """
    state = states.get(name)
    if not isinstance(state, kind):
        raise InputError(
            f"expected counts {name!r} of kind {kind.__name__}, but got {state!r} among "
            f"{', '.join(states) or 'nothing'}"
        )
    return state
