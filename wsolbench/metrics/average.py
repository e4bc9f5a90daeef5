"""Averages of scores that are fractions of a single target, as exact integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from wsolbench.errors import InputError
from wsolbench.metrics.state import State, count

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

UNIT = 10**9


@dataclass(frozen=True, eq=False)
class Average(State):
    """The mean of a score in [0, 1] over targets.

    Sums of floats depend on their order, so every score is rounded to a whole number of
    billionths; sums of those are exact for up to nine thousand million targets.

    Attributes:
        billionths: sum of the scores.
        total: number of targets with a score.
        undefined: number of targets for which the score is undefined (an empty mask): left out.
    """

    billionths: int = count(default=0)
    total: int = count(default=0)
    undefined: int = count(default=0)

    @classmethod
    def of(cls, scores: ArrayLike) -> Self:
        """Count scores ``[B]`` in [0, 1], NaN where a score is undefined.

        Raises:
            InputError: a score outside [0, 1].
        """
        array = np.asarray(scores, dtype=np.float64)
        defined = array[~np.isnan(array)]
        if array.ndim != 1 or ((defined < 0) | (defined > 1)).any():
            raise InputError(f"expected scores of shape [B] in [0, 1], but got {array}")
        rounded = np.rint(defined * UNIT).astype(np.int64)
        return cls(int(rounded.sum()), len(defined), len(array) - len(defined))

    def compute(self) -> float:
        """Mean over the targets with a score; NaN without any."""
        return self.billionths / UNIT / self.total if self.total else float("nan")
