"""Pointing game (Zhang et al., IJCV 2018): does the maximum of the map hit the object?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wsolbench.errors import InputError
from wsolbench.metrics.class_rate import ClassRate

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class PointingGame(ClassRate):
    """Hits and misses per class; `compute` is the plain mean over classes."""


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
