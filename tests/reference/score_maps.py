"""Raw score maps to test with: realistic ones and adversaries."""

from __future__ import annotations

import numpy as np


def adversaries():
    """Name -> raw map of 14x14 (or as stated), each a trap of its own."""
    y, x = np.mgrid[:14, :14]
    radius = np.hypot(y - 6.5, x - 6.5)
    point = np.zeros((14, 14))
    point[4, 9] = 1.0
    border = np.zeros((14, 14))
    border[0], border[:, -1] = 1.0, 0.7
    nan = np.linspace(0, 1, 196).reshape(14, 14)
    nan[3, 3] = np.nan
    spiral = np.cos(3 * np.arctan2(y - 6.5, x - 6.5) + radius)
    return {
        "constant": np.full((14, 14), 3.0),
        "zeros": np.zeros((14, 14)),
        "checkerboard": ((x + y) % 2).astype(float),
        "noise": np.random.default_rng(0).normal(size=(14, 14)),
        "rings": np.sin(radius),
        "spiral": spiral,
        "border": border,
        "single pixel": point,
        "below one": 0.3 * np.exp(-(radius**2) / 8),
        "negative": -np.exp(-(radius**2) / 8) - 5,
        "tiny": 1e-300 * point,
        "huge": 1e300 * point,
        "nan": nan,
        "all nan": np.full((14, 14), np.nan),
        "one cell": np.array([[2.0]]),
        "one row": np.linspace(-1, 1, 9)[None],
    }


def realistic(seed, cells_hw=(14, 14)):
    """A sum of a few bumps and some noise, as the maps of classifiers are."""
    rng = np.random.default_rng(seed)
    height, width = cells_hw
    y, x = np.mgrid[:height, :width]
    total = rng.normal(scale=0.05, size=cells_hw)
    for _ in range(rng.integers(1, 4)):
        distance = (y - rng.uniform(0, height)) ** 2 + (x - rng.uniform(0, width)) ** 2
        total += rng.uniform(0.3, 1) * np.exp(-distance / rng.uniform(3, 30))
    return total
