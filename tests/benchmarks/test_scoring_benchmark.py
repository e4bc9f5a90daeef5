"""What scoring costs, beside the slow OpenCV reference on the same maps; times are never asserted.

``pytest tests/benchmarks --benchmark-only``; ratios and milliseconds per map are in ``extra_info``.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from reference import score_maps
from reference.contours import best_iou_per_threshold
from reference.targets import targets, truth
from reference.wsol2020 import THRESHOLDS, pixel_histograms, score_map

from wsolbench.evaluation import Evaluation
from wsolbench.metrics import MaxBoxAccV2, PxAP
from wsolbench.protocol import PROTOCOLS
from wsolbench.scorers.base import Task

MAPS, METHODS = 16, 3


def per_map(benchmark, maps, reference_seconds=None):
    """Put milliseconds per map, and how many times faster than the reference, in ``extra_info``."""
    seconds = benchmark.stats.stats.min / maps
    benchmark.extra_info["ms_per_map"] = round(1e3 * seconds, 4)
    if reference_seconds is not None:
        benchmark.extra_info["reference_ms_per_map"] = round(1e3 * reference_seconds, 3)
        benchmark.extra_info["times_the_reference"] = round(reference_seconds / seconds, 1)


def seconds_of(function, *arguments):
    """The faster of two calls."""
    times = []
    for _ in range(2):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return min(times)


@pytest.fixture(scope="module")
def maps():
    return np.stack([score_maps.realistic(i) for i in range(MAPS)])


@pytest.fixture(scope="module")
def scores(maps):
    return np.stack([score_map(raw) for raw in maps])


@pytest.fixture(scope="module")
def batch():
    """Images of 500x375 with two classes each, boxes and masks."""
    rng = np.random.default_rng(0)
    found = []
    for i in range(MAPS):
        x, y = rng.integers(0, 200, 2)
        mask = np.zeros((375, 500), bool)
        mask[y : y + 120, x : x + 150] = True
        box = [x, y, x + 149, y + 119]
        found.append(
            truth(
                i // 2,
                i % 2,
                [box],
                (500, 375),
                mask=mask,
                ignore=~mask & False,
                others=[1 - i % 2],
            )
        )
    return targets(*found, ranks=np.arange(MAPS) % 7, probabilities=rng.random(MAPS))


@pytest.mark.parametrize("boxes", [1, 3, 20])
def test_max_box_acc_v2(benchmark, scores, boxes):
    rng = np.random.default_rng(1)
    truths = np.sort(rng.integers(0, 224, (MAPS, boxes, 2, 2)), axis=2).reshape(MAPS, boxes, 4)
    benchmark(MaxBoxAccV2.of, scores, truths)
    slow = seconds_of(best_iou_per_threshold, scores[0], truths[0].astype(float), THRESHOLDS)
    per_map(benchmark, MAPS, slow)


def test_pxap_with_masks_in_memory(benchmark, scores):
    masks = [score > 0.5 for score in scores[::-1]]
    ignores = [~mask & (score > 0.45) for mask, score in zip(masks, scores[::-1], strict=True)]
    benchmark(PxAP.of, scores, masks, ignores)
    slow = seconds_of(pixel_histograms, scores, masks, ignores) / MAPS
    per_map(benchmark, MAPS, slow)


@pytest.mark.parametrize("name", [*PROTOCOLS, "all"])
def test_scoring_under_a_protocol(benchmark, maps, batch, name):
    protocols = PROTOCOLS.values() if name == "all" else [PROTOCOLS[name]]

    def score():
        evaluation = Evaluation(protocols, Task(20))
        evaluation.add(batch, ((f"method{i}", maps) for i in range(METHODS)))

    score()  # compiled
    benchmark(score)
    per_map(benchmark, MAPS * METHODS)
