"""Energy-based pointing game (Wang et al., Score-CAM, CVPR Workshops 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from wsolbench.errors import InputError
from wsolbench.scoremap import taps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Indices = NDArray[np.int64]  # [n, 4]
    Weights = NDArray[np.float64]


def energy_weights(mask: NDArray[np.bool_], map_hw: tuple[int, int]) -> Weights:
    """What each cell of a map adds to the sum inside and to the whole sum of its resized copy.

    Bilinear resizing is linear: every pixel is a weighted sum of cells. So the sum over a mask of
    the resized map is a weighted sum of the map, whose weights are worked out once per mask for
    all maps.

    Args:
        mask: ``[H, W]`` bool in the frame that maps are resized to.
        map_hw: height and width of the maps before.

    Returns:
        ``[2, h, w]``: inside, and everywhere.
    """
    rows, row_weights = taps(map_hw[0], mask.shape[0], "linear")
    columns, column_weights = taps(map_hw[1], mask.shape[1], "linear")
    weights = np.zeros((2, *map_hw))
    _gather(mask, rows, row_weights, columns, column_weights, weights[0])
    weights[1] = np.outer(
        np.bincount(rows.ravel(), row_weights.ravel(), map_hw[0]),
        np.bincount(columns.ravel(), column_weights.ravel(), map_hw[1]),
    )
    return weights


@njit(cache=True, nogil=True)
def _gather(
    mask: NDArray[np.bool_],
    rows: Indices,
    row_weights: Weights,
    columns: Indices,
    column_weights: Weights,
    out: Weights,
) -> None:
    """Adds to each cell its weight in every pixel of the mask."""
    line = np.empty(out.shape[1])
    for y in range(mask.shape[0]):
        line[:] = 0.0
        for x in range(mask.shape[1]):
            if mask[y, x]:
                for tap in range(4):
                    line[columns[x, tap]] += column_weights[x, tap]
        for tap in range(4):
            weight = row_weights[y, tap]
            if weight != 0.0:
                for x in range(line.size):
                    out[rows[y, tap], x] += weight * line[x]


def energy_share(score_map: NDArray[np.float64], weights: Weights) -> float:
    """Sum of the positive part of a map inside the mask / its sum; 0 for a map without any.

    Args:
        score_map: ``[h, w]`` raw, finite.
        weights: of `energy_weights`.

    Raises:
        InputError: shapes that do not fit.
    """
    if weights.shape != (2, *score_map.shape):
        raise InputError(
            f"expected weights of shape {(2, *score_map.shape)}, but got {weights.shape}"
        )
    positive = np.maximum(score_map, 0.0)
    top = positive.max()
    if top <= 0:
        return 0.0
    inside, everywhere = ((positive / top) * weights).sum((1, 2))
    return float(min(inside / everywhere, 1.0))
