"""Top-k accuracy of the classifier itself, counted in the same run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from wsolbench.metrics.state import State, count

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class TopK(State):
    """Targets whose label is among the k highest logits.

    Attributes:
        k: how many predictions count.
        correct: number of targets.
        total: number of targets.
    """

    k: int
    correct: int = count(default=0)
    total: int = count(default=0)

    @classmethod
    def of(cls, ranks: ArrayLike, k: int) -> Self:
        """Count the ranks ``[B]`` of the labels, 0 for the highest logit."""
        ranked = np.asarray(ranks)
        return cls(k, int((ranked < k).sum()), len(ranked))

    def compute(self) -> float:
        """Share of targets; NaN without any."""
        return self.correct / self.total if self.total else float("nan")


def label_ranks(logits: NDArray[np.floating], labels: ArrayLike) -> NDArray[np.int64]:
    """How many classes score strictly higher than each target's label.

    Args:
        logits: ``[B, K]``.
        labels: ``[B]``.
    """
    own = np.take_along_axis(logits, np.asarray(labels)[:, None], axis=1)
    return np.asarray((logits > own).sum(1), dtype=np.int64)
