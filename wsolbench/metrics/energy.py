"""Energy-based pointing game (Wang et al., Score-CAM, CVPR Workshops 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wsolbench.errors import InputError
from wsolbench.scoremap import axis_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray


def energy_weights(mask: NDArray[np.bool_], map_hw: tuple[int, int]) -> NDArray[np.float64]:
    """What each cell of a map adds to the sum inside and to the whole sum of its resized copy.

    Bilinear resizing is linear, ``R M C^T``; so the sum over a mask of the resized map is the sum
    of the map times ``R^T mask C``, worked out once per mask for all maps.

    Args:
        mask: ``[H, W]`` bool in the frame that maps are resized to.
        map_hw: height and width of the maps before.

    Returns:
        ``[2, h, w]``: inside, and everywhere.
    """
    rows = axis_weights(map_hw[0], mask.shape[0])
    columns = axis_weights(map_hw[1], mask.shape[1])
    inside = rows.T @ mask.astype(np.float64) @ columns
    return np.stack([inside, np.outer(rows.sum(0), columns.sum(0))])


def energy_share(score_map: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
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
