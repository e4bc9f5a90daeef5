"""Rates: the share of targets that are right, or of images that are wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from wsolbench.errors import InputError
from wsolbench.metrics.state import State, count

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, eq=False)
class Rate(State):
    """Targets of which something is true.

    Attributes:
        true: number of targets.
        total: number of targets.
    """

    true: int = count(default=0)
    total: int = count(default=0)

    @classmethod
    def of(cls, verdicts: ArrayLike) -> Self:
        """Count verdicts ``[B]`` bool.

        Raises:
            InputError: the verdicts are not booleans.
        """
        array = np.asarray(verdicts)
        if array.ndim != 1 or (array.size and array.dtype != np.bool_):
            raise InputError(
                f"expected verdicts of shape [B] and dtype bool, but got shape {array.shape} and "
                f"dtype {array.dtype}"
            )
        return cls(int(array.sum()), len(array))

    def compute(self) -> float:
        """Share of targets; NaN without any."""
        return self.true / self.total if self.total else float("nan")


@dataclass(frozen=True, eq=False)
class ErrorRate(Rate):
    """Targets or images that are wrong, as in the localization error of the ILSVRC devkit."""

    higher_is_better: ClassVar[bool] = False
