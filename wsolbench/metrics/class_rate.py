"""Hits per class: the plain mean over classes, and the share over all targets alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from wsolbench.errors import InputError
from wsolbench.metrics.state import State, count

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ClassRate(State):
    """Hits and misses per class.

    Attributes:
        hits: ``[K]``.
        misses: ``[K]``.
    """

    hits: NDArray[np.int64] = count()
    misses: NDArray[np.int64] = count()

    @classmethod
    def of(cls, hit: Sequence[bool], labels: Sequence[int], num_classes: int) -> Self:
        """Count verdicts ``[B]`` with their labels ``[B]`` among ``num_classes`` classes.

        Raises:
            InputError: not one label per verdict, or a label outside the classes.
        """
        verdicts = np.asarray(hit, dtype=np.bool_)
        classes = np.asarray(labels, dtype=np.int64)
        outside = (classes < 0) | (classes >= num_classes)
        if verdicts.shape != classes.shape or outside.any():
            raise InputError(
                f"expected one label in 0..{num_classes - 1} per verdict, but got "
                f"{len(verdicts)} verdicts and labels {classes.tolist()}"
            )
        return cls(
            hits=np.bincount(classes[verdicts], minlength=num_classes),
            misses=np.bincount(classes[~verdicts], minlength=num_classes),
        )

    @property
    def total(self) -> int:
        """Number of targets."""
        return int(self.hits.sum() + self.misses.sum())

    def per_class(self) -> NDArray[np.float64]:
        """Hits / (hits + misses) of each class ``[K]``, NaN for a class without targets."""
        tried = self.hits + self.misses
        rates = np.full(len(tried), np.nan)
        np.divide(self.hits, tried, out=rates, where=tried > 0)
        return rates

    def compute(self) -> float:
        """Plain mean over the classes that have targets; NaN without any."""
        present = self.hits + self.misses > 0
        return float(self.per_class()[present].mean()) if present.any() else float("nan")

    def pooled(self) -> float:
        """Share of hits over all targets alike; NaN without any."""
        return int(self.hits.sum()) / self.total if self.total else float("nan")
