"""Pointing game (Zhang et al., IJCV 2018): does the maximum of the map hit the object?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from wsolbench.errors import InputError
from wsolbench.metrics.state import State, count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class PointingGame(State):
    """Hits and misses per class.

    Attributes:
        hits: ``[K]``.
        misses: ``[K]``.
    """

    hits: NDArray[np.int64] = count()
    misses: NDArray[np.int64] = count()

    @classmethod
    def of(cls, hit: Sequence[bool], labels: Sequence[int], num_classes: int) -> Self:
        """Count verdicts ``[B]`` with their labels ``[B]`` among ``num_classes`` classes."""
        verdicts = np.asarray(hit, dtype=np.bool_)
        classes = np.asarray(labels, dtype=np.int64)
        return cls(
            hits=np.bincount(classes[verdicts], minlength=num_classes),
            misses=np.bincount(classes[~verdicts], minlength=num_classes),
        )

    def per_class(self) -> NDArray[np.float64]:
        """Hits / (hits + misses) of each class ``[K]``, NaN for a class without targets."""
        tried = self.hits + self.misses
        undefined = np.full(len(tried), np.nan)
        return np.divide(self.hits, tried, out=undefined, where=tried > 0)

    def compute(self) -> float:
        """Plain mean over the classes that have targets; NaN without any."""
        present = self.hits + self.misses > 0
        return float(self.per_class()[present].mean()) if present.any() else float("nan")

    def pooled(self) -> float:
        """Share of hits over all targets alike; NaN without any."""
        tried = int(self.hits.sum() + self.misses.sum())
        return int(self.hits.sum()) / tried if tried else float("nan")


def first_maximum(score_map: NDArray[np.float64]) -> tuple[int, int]:
    """Column and row of the first maximum in reading order of a ``[H, W]`` map."""
    row, column = divmod(int(score_map.argmax()), score_map.shape[1])
    return column, row


def hits_mask(point_xy: tuple[int, int], mask: NDArray[np.bool_], radius: int = 15) -> bool:
    """Whether some pixel of ``mask`` is nearer to the point than ``radius`` (strictly).

    Raises:
        InputError: the mask is empty; such a target has no verdict.
    """
    if not mask.any():
        raise InputError("expected a mask with at least one pixel for the pointing game; skip it")
    x, y = point_xy
    top, left = max(y - radius + 1, 0), max(x - radius + 1, 0)
    rows, columns = np.nonzero(mask[top : y + radius, left : x + radius])
    return bool(((columns + left - x) ** 2 + (rows + top - y) ** 2 < radius**2).any())


def boxes_mask(boxes_xyxy: NDArray[np.float64], size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """The union of boxes as a ``[H, W]`` mask; both ends of a box count."""
    mask = np.zeros((size_wh[1], size_wh[0]), dtype=np.bool_)
    for x0, y0, x1, y1 in np.rint(boxes_xyxy).astype(np.int64):
        mask[max(y0, 0) : y1 + 1, max(x0, 0) : x1 + 1] = True
    return mask
