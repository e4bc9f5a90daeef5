"""uint8 maps to test with."""

from __future__ import annotations

import cv2
import numpy as np


def quantised(score_map):
    """A map as uint8, from 0 to 255."""
    lowest, highest = score_map.min(), score_map.max()
    return ((score_map - lowest) / max(highest - lowest, 1e-12) * 255).astype(np.uint8)


def upsampled_noise(rng, cells=14, height=224, width=224):
    """What an activation map looks like: random cells [cells, cells], resized by a cubic kernel."""
    grid = rng.random((cells, cells))
    return quantised(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC))


def blobs(rng, count=5, height=224, width=160):
    """A sum of Gaussians, some of them negative."""
    y, x = np.mgrid[:height, :width]
    total = np.zeros((height, width))
    for _ in range(count):
        distance = (y - rng.uniform(0, height)) ** 2 + (x - rng.uniform(0, width)) ** 2
        total += rng.normal() * np.exp(-distance / rng.uniform(9, 4000))
    return quantised(total)


def noise(rng, height, width, values=256):
    """Independent pixels, each of one of a few levels."""
    return rng.choice(256, values, replace=False).astype(np.uint8)[
        rng.integers(0, values, (height, width))
    ]


def terraces(rng, height, width, values=4):
    """A smooth map of a few levels: islands within lakes within islands."""
    smooth = cv2.GaussianBlur(rng.random((height, width)), (0, 0), 1.2)
    steps = quantised(smooth).astype(int) * values // 256
    return (steps * (255 // values)).astype(np.uint8)


def rings(height=61, width=61, period=6):
    """Concentric rings whose level rises inwards."""
    y, x = np.mgrid[:height, :width]
    distance = np.maximum(abs(y - height // 2), abs(x - width // 2))
    return np.where(distance % period < period // 2, 250 - 6 * distance, 10).astype(np.uint8)


def spiral(size=41):
    """One long path, one pixel wide, wound inwards."""
    levels = np.zeros((size, size), np.uint8)
    y = x = 0
    step_y, step_x = 0, 1
    for length in range(size - 1, 1, -2):
        for _ in range(4):
            for _ in range(length):
                levels[y, x] = 90 + length
                y, x = y + step_y, x + step_x
            step_y, step_x = step_x, -step_y
        y, x = y + step_x, x + step_x
    return levels


def comb(height=30, width=41):
    """Teeth that join at the bottom, some of them with a gap."""
    levels = np.zeros((height, width), np.uint8)
    levels[:, ::2] = np.arange(60, 60 + 5 * len(range(0, width, 2)), 5)
    levels[-1] = 50
    levels[height // 2, ::6] = 30
    return levels
