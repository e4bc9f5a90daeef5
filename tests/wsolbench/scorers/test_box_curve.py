from __future__ import annotations

import csv
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import score_maps
from reference.targets import evaluate, numbers, targets, truth
from reference.wsol2020 import (
    correct_boxes,
    max_box_acc_v2,
    pixel_histograms,
    pxap,
    scaled_boxes,
    score_map,
    small_mask,
)

from wsolbench.boxes import iou, scale_boxes
from wsolbench.components import component_tree
from wsolbench.metrics import BoxAccuracy, MaxBoxAccV2
from wsolbench.metrics.box_accuracy import THRESHOLDS, best_iou_curves, level_of_threshold
from wsolbench.scoremap import normalise, quantise

SIZES = [(500, 375), (97, 211), (224, 224), (33, 500)]
SMALL = [(7, 7), (14, 10)]
COUNTS = ("single", "multi")


def scene(seed, size_wh, boxes):
    """A target with boxes, their union as mask, and a stripe to ignore."""
    rng = np.random.default_rng(seed)
    width, height = size_wh
    corners = np.sort(rng.integers(0, size_wh, (boxes, 2, 2)), axis=1).reshape(boxes, 4)
    mask = np.zeros((height, width), bool)
    for x0, y0, x1, y1 in corners:
        mask[y0 : y1 + 1, x0 : x1 + 1] = True
    ignore = np.zeros((height, width), bool)
    ignore[:, : width // 5] = True
    return truth(seed, seed % 5, corners, size_wh, mask=mask, ignore=ignore & ~mask)


def assert_equal_to_reference(raws, truths):
    states = evaluate("wsol2020", targets(*truths), raws).states["m", "wsol2020"]
    boxes = [scaled_boxes(one.boxes_xyxy, one.size_wh) for one in truths]
    for name, ious in (("single", (0.5,)), ("multi", (0.3, 0.5, 0.7))):
        expected = correct_boxes(raws, boxes, ious, single=name == "single")
        np.testing.assert_array_equal(states[name].correct, expected)
    assert states["multi"].compute() == pytest.approx(max_box_acc_v2(expected, len(raws)))
    foreground, background = pixel_histograms(
        [score_map(raw) for raw in raws],
        [small_mask(one.mask) for one in truths],
        [small_mask(one.ignore) for one in truths],
    )
    np.testing.assert_array_equal(states["pxap"].foreground, foreground)
    np.testing.assert_array_equal(states["pxap"].background, background)
    assert states["pxap"].compute() == pytest.approx(pxap(foreground, background), abs=1e-12)


@pytest.mark.parametrize("name", score_maps.adversaries())
def test_raw_adversaries_to_counts_equal_the_reference(name):
    assert_equal_to_reference([score_maps.adversaries()[name]], [scene(3, (500, 375), 2)])


@pytest.mark.parametrize(
    ("seed", "size_wh", "cells"),
    [
        *((seed, size_wh, cells) for seed, size_wh in enumerate(SIZES) for cells in SMALL),
        (4, (500, 375), (60, 90)),
        (5, (224, 224), (224, 224)),
    ],
)
def test_raw_maps_to_counts_equal_the_reference(seed, size_wh, cells):
    assert_equal_to_reference(
        [score_maps.realistic(seed, cells)], [scene(seed, size_wh, 1 + seed % 3)]
    )


def test_counts_of_a_batch_are_those_of_its_targets():
    raws = [score_maps.realistic(i) for i in range(5)]
    truths = [scene(i, SIZES[i % 4], 1 + i % 3) for i in range(5)]
    whole = evaluate("wsol2020", targets(*truths), raws)
    parts = [
        evaluate("wsol2020", targets(one), [raw]) for one, raw in zip(truths, raws, strict=True)
    ]
    for name, state in whole.states["m", "wsol2020"].items():
        pieces = [part.states["m", "wsol2020"][name] for part in parts]
        assert sum(pieces[1:], pieces[0]) == state
    assert whole.rows == [row for part in parts for row in part.rows]


def test_rows_hold_the_curves():
    one, raw = scene(1, (500, 375), 2), score_maps.realistic(1)
    row = evaluate("wsol2020", targets(one), [raw]).rows[0]
    levels = quantise(score_map(raw))[None]
    boxes = scaled_boxes(one.boxes_xyxy, one.size_wh).astype(float)
    index = (THRESHOLDS * row["wsol2020.maximum"]).astype(int)
    for mode, curve in zip(COUNTS, best_iou_curves(levels, [boxes], THRESHOLDS), strict=True):
        starts, values = row[f"wsol2020.{mode}_from"], row[f"wsol2020.{mode}_iou"]
        spread = np.repeat(values, np.diff([*starts, 256]))
        np.testing.assert_array_equal(spread[index], curve[0])


@given(seed=st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_gt_known_is_at_least_top5_at_least_top1_at_every_threshold(seed):
    rng = np.random.default_rng(seed)
    raws = rng.normal(size=(4, 7, 7))
    truths = [scene(seed + i, (60, 50), 2) for i in range(4)]
    batch = targets(*truths, ranks=rng.integers(0, 9, 4))
    states = evaluate("wsol2020", batch, raws).states["m", "wsol2020"]
    assert (states["single"].correct >= states["top5"].correct).all()
    assert (states["top5"].correct >= states["top1"].correct).all()
    assert (np.diff(states["multi"].correct, axis=0) <= 0).all()


def test_the_three_policies():
    y, x = np.mgrid[:224, :224]
    steps = np.where((x < 112) & (y < 112), 1.0, 0.0) + np.where((x < 168) & (y < 168), 1.0, 0.0)
    small, large = [0, 0, 112, 112], [0, 0, 168, 168]
    test = evaluate("wsol2020", targets(truth("a", 0, [small], (224, 224))), [steps])
    calibration = evaluate("wsol2020", targets(truth("b", 0, [large], (224, 224))), [steps])
    found = numbers(test, calibration)
    assert found["MaxBoxAcc", "oracle"] == 1.0
    assert found["MaxBoxAcc", "calibrated"] == 0.0  # chosen on the large box: IoU (112/168)^2
    assert found["MaxBoxAcc", "fixed"] == 0.0
    assert numbers(test)["MaxBoxAcc", "oracle"] == 1.0
    assert ("MaxBoxAcc", "calibrated") not in numbers(test)


def test_top_k_is_read_at_the_threshold_that_gt_known_chose():
    truths = [truth(i, 0, [[0, 0, 30, 30]], (224, 224)) for i in range(2)]
    square = np.zeros((224, 224))
    square[:31, :31] = 1
    found = numbers(evaluate("wsol2020", targets(*truths, ranks=[0, 3]), [square, square]))
    assert found["GT-known Loc", "oracle"] == 1.0
    assert found["Top-5 Loc", "oracle"] == 1.0
    assert found["Top-1 Loc", "oracle"] == 0.5


def test_difficult_objects_are_no_ground_truth():
    boxes = [[0, 0, 20, 20], [100, 100, 200, 200]]
    square = np.zeros((224, 224))
    square[:21, :21] = 1
    only = truth("a", 0, boxes[:1], (224, 224), difficult=[True])
    mixed = truth("b", 0, boxes, (224, 224), difficult=[True, False])
    evaluation = evaluate("wsol2020", targets(only, mixed), [square, square])
    assert evaluation.states["m", "wsol2020"]["single"].total == 1
    assert numbers(evaluation)["MaxBoxAcc", "oracle"] == 0.0
    assert evaluation.rows[0].get("wsol2020.maximum") is None


def test_a_target_without_boxes_or_mask_is_not_scored():
    evaluation = evaluate("wsol2020", targets(truth("a")), [np.eye(7)])
    assert evaluation.states["m", "wsol2020"] == {}
    assert numbers(evaluation) == {}


def test_iou_thresholds_are_an_option():
    batch = targets(truth("a", 0, [[0, 0, 39, 29]]))
    found = numbers(evaluate("wsol2020(iou_thresholds=(0.1,0.9))", batch, [np.eye(7)]))
    assert {"MaxBoxAccV2@10", "MaxBoxAccV2@90"} <= {metric for metric, _ in found}


# ---- the rows that need metadata only: published numbers of the reference implementation


def read(folder):
    sizes = {}
    with (folder / "image_sizes.txt").open() as lines:
        for name, width, height in csv.reader(lines):
            sizes[name] = int(width), int(height)
    boxes = defaultdict(list)
    with (folder / "localization.txt").open() as lines:
        for name, *box in csv.reader(lines):
            boxes[name].append([float(c) for c in box])
    return [scale_boxes(own, sizes[name], (224, 224)).astype(float) for name, own in boxes.items()]


def score_one_map_on_all(score, truths):
    """The counts of one map on every image, from a single tree of its boxes."""
    tree = component_tree(quantise(score))
    starts = np.cumsum([0, *(len(own) for own in truths[:-1])])
    ious = iou(tree.boxes_xyxy, np.concatenate(truths))
    best = np.maximum.reduceat(ious, starts, axis=1).T  # [images, boxes of the tree]
    levels = level_of_threshold(np.array([tree.maximum], np.uint8), THRESHOLDS)[0]
    alive = (tree.first_level[:, None] <= levels) & (levels <= tree.last_level[:, None])
    assert (alive.sum(0) == 1).all()  # a Gaussian has one component at every threshold
    by_threshold = alive.argmax(0)
    state = BoxAccuracy.empty((0.3, 0.5, 0.7), THRESHOLDS)
    for chunk in range(0, len(best), 2000):
        state = state.plus(best[chunk : chunk + 2000][:, by_threshold])
    return state


@pytest.fixture(scope="module")
def gaussian():
    y, x = np.mgrid[:224, :224]
    return normalise(np.exp(-((y - 112) ** 2 + (x - 112) ** 2) / (2 * 60**2))[None])[0]


def percent(fractions):
    return [round(100 * float(one), 2) for one in fractions]


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("folder", "images", "centre", "v2", "whole"),
    [
        ("CUB/test", 5794, [93.86, 59.72, 17.33], 56.97, [53.95, 18.95, 4.56]),
        ("ILSVRC/test", 50000, [76.82, 54.08, 29.44], 53.45, [63.06, 41.11, 22.59]),
    ],
)
def test_golden_metadata_rows(wsolbench_data, gaussian, folder, images, centre, v2, whole):
    truths = read(wsolbench_data / "wsolevaluation-metadata" / folder)
    state = score_one_map_on_all(gaussian, truths)
    assert state.total == images
    assert percent(state.at(state.best())) == centre
    assert percent([state.compute()]) == [v2]
    everything = [iou([[0, 0, 223, 223]], own).max() for own in truths]
    assert percent(np.mean([np.array(everything) >= d for d in (0.3, 0.5, 0.7)], axis=1)) == whole


@pytest.mark.realdata
def test_threshold_fixed_on_cub_val_and_applied_to_cub_test(wsolbench_data, gaussian):
    folder = wsolbench_data / "wsolevaluation-metadata/CUB"
    chosen = score_one_map_on_all(gaussian, read(folder / "val")).best()
    test = score_one_map_on_all(gaussian, read(folder / "test"))
    assert percent(test.at(chosen))[1] == 56.78
    assert percent(test.at(test.best()))[1] == 59.72


@pytest.mark.realdata
def test_the_tree_shared_by_all_images_gives_what_the_public_metric_gives(wsolbench_data, gaussian):
    truths = read(wsolbench_data / "wsolevaluation-metadata/CUB/val")[:12]
    clipped = [np.minimum(own, 224) for own in truths]
    counted = MaxBoxAccV2.of([gaussian] * len(clipped), clipped)
    np.testing.assert_array_equal(counted.correct, score_one_map_on_all(gaussian, clipped).correct)
