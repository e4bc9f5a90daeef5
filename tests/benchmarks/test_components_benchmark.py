"""Every threshold at once, against the loop over thresholds that it replaces, on the same maps.

``extra_info`` of each fast run holds the milliseconds per map and how many times the loop takes.
"""

from __future__ import annotations

import time
from functools import cache

import numpy as np
import pytest
from reference.contours import best_iou_per_threshold
from reference.levels import upsampled_noise

from wsolbench.components import best_iou_by_level, best_iou_by_level_batch

THRESHOLDS = np.arange(0, 1, 0.001)
SIZES = [(224, 224), (375, 500)]
BOX_COUNTS = [1, 3, 20]
MAPS = 32
SLOW_MAPS = 3


@cache
def maps(height, width):
    rng = np.random.default_rng(0)
    return np.stack([upsampled_noise(rng, 14, height, width) for _ in range(MAPS)])


@cache
def true_boxes(count, height, width):
    """The boxes [MAPS, count, 4] of all maps."""
    rng = np.random.default_rng(count)
    corners = np.sort(rng.integers(0, [width, height], (MAPS, 2, count, 2)), axis=1)
    return np.concatenate([corners[:, 0], corners[:, 1]], axis=-1)


def loop_over_thresholds(index, count, height, width, largest_only=False):
    score_map = maps(height, width)[index] / 255
    boxes = true_boxes(count, height, width)[index]
    best_iou_per_threshold(score_map, boxes, THRESHOLDS, largest_only)


@cache
def seconds_of_the_loop(count, height, width):
    """The median over a few maps of the faster of two runs: all contours and the largest one."""
    seconds = []
    for index in range(SLOW_MAPS):
        runs = []
        for _ in range(2):
            begin = time.perf_counter()
            loop_over_thresholds(index, count, height, width)
            runs.append(time.perf_counter() - begin)
        seconds.append(min(runs))
    return float(np.median(seconds))


def note(benchmark, count, height, width):
    seconds = benchmark.stats.stats.min / MAPS
    benchmark.extra_info["milliseconds_per_map"] = round(seconds * 1e3, 3)
    benchmark.extra_info["times_faster_than_the_loop"] = round(
        seconds_of_the_loop(count, height, width) / seconds, 1
    )


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("count", BOX_COUNTS, ids=lambda count: f"{count} boxes")
@pytest.mark.parametrize("largest_only", [False, True], ids=["multi", "single"])
def test_loop_over_thresholds(benchmark, size, count, largest_only):
    benchmark.pedantic(loop_over_thresholds, (0, count, *size, largest_only), rounds=3)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("count", BOX_COUNTS, ids=lambda count: f"{count} boxes")
def test_best_iou_by_level(benchmark, size, count):
    pairs = list(zip(maps(*size), true_boxes(count, *size), strict=True))

    def score_all():
        for levels, boxes in pairs:
            best_iou_by_level(levels, boxes)

    benchmark.pedantic(score_all, rounds=15, warmup_rounds=2)
    note(benchmark, count, *size)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("count", BOX_COUNTS, ids=lambda count: f"{count} boxes")
@pytest.mark.parametrize("threads", [1, 2], ids=lambda threads: f"{threads} threads")
def test_best_iou_by_level_batch(benchmark, size, count, threads):
    boxes = true_boxes(count, *size).reshape(-1, 4)
    offsets = np.arange(MAPS + 1) * count
    benchmark.pedantic(
        best_iou_by_level_batch,
        (maps(*size), boxes, offsets),
        {"threads": threads},
        rounds=15,
        warmup_rounds=2,
    )
    note(benchmark, count, *size)
