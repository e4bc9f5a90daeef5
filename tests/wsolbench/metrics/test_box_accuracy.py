from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import score_maps
from reference.contours import best_iou_per_threshold
from reference.wsol2020 import THRESHOLDS, correct_boxes, max_box_acc_v2, score_map

from wsolbench.boxes import iou
from wsolbench.components import component_tree
from wsolbench.errors import InputError
from wsolbench.metrics import BoxAccuracy, MaxBoxAcc, MaxBoxAccV2
from wsolbench.metrics.box_accuracy import best_iou_curves, level_of_threshold
from wsolbench.scoremap import quantise


def two_squares():
    square = np.zeros((10, 10))
    square[1:4, 1:4] = 1.0
    square[6:9, 5:10] = 0.6
    return square


def with_ones(*slices, shape=(10, 10)):
    score = np.zeros(shape)
    for rows, columns in slices:
        score[rows, columns] = 1.0
    return score


def ring():
    y, x = np.mgrid[:224, :224]
    distance = (y - 112) ** 2 + (x - 112) ** 2
    return ((distance <= 80**2) & (distance > 40**2)).astype(float)


ROW, SQUARE = (1, slice(1, 9)), (slice(5, 7), slice(5, 7))
HOLE = np.ones((10, 10))
HOLE[5, 5] = 0.0
GOLDEN = {
    "zeros": (np.zeros((6, 8)), (0.0, 0.5, 0.999), [[0, 0, 0, 0]], [0, 0, 0, 0]),
    "two squares low": (
        two_squares(),
        (0.0, 0.3, 0.59),
        [[5, 6, 9, 9], [1, 1, 4, 4]],
        [5, 6, 9, 9],
    ),
    "two squares at .6": (two_squares(), (0.6,), [[1, 1, 4, 4]], [1, 1, 4, 4]),
    "row and square": (
        with_ones(ROW, SQUARE),
        (0.5,),
        [[5, 5, 7, 7], [1, 1, 9, 2]],
        [5, 5, 7, 7],
    ),
    "two rows": (
        with_ones(ROW, (5, slice(5, 7))),
        (0.5,),
        [[5, 5, 7, 6], [1, 1, 9, 2]],
        [5, 5, 7, 6],
    ),
    "diagonal pixels": (with_ones((2, 2), (3, 3)), (0.5,), [[2, 2, 4, 4]], [2, 2, 4, 4]),
    "hole": (HOLE, (0.5,), [[0, 0, 9, 9], [4, 4, 7, 7]], [0, 0, 9, 9]),
    "ring": (ring(), (0.5,), [[32, 32, 193, 193], [71, 71, 154, 154]], [32, 32, 193, 193]),
}


@pytest.mark.parametrize(("score", "thresholds", "multi", "single"), GOLDEN.values(), ids=GOLDEN)
def test_golden_boxes(score, thresholds, multi, single):
    levels = quantise(score)
    tree = component_tree(levels)
    for threshold in thresholds:
        level = level_of_threshold(levels.max(keepdims=True)[0], np.array([threshold])).item()
        assert sorted(tree.multi_boxes(level).tolist()) == sorted(multi)
        assert tree.single_box(level).tolist() == single


@pytest.mark.parametrize(("score", "thresholds", "multi", "single"), GOLDEN.values(), ids=GOLDEN)
def test_golden_boxes_through_the_public_metrics(score, thresholds, multi, single):
    """A golden box as ground truth is found with IoU 1 at its threshold, by the right metric."""
    index = [int(np.abs(THRESHOLDS - t).argmin()) for t in thresholds]
    for box in multi:
        found = MaxBoxAccV2.of([score], [[box]])
        assert (found.correct[:, index] == 1).all()
    alone = MaxBoxAcc.of([score], [[single]])
    assert (alone.correct[0, index] == 1).all()
    for other in [box for box in multi if iou([box], [single]).item() < 0.5]:
        assert (MaxBoxAcc.of([score], [[other]]).correct[0, index] == 0).all()


def test_int_of_threshold_times_maximum_keeps_arange():
    exact = level_of_threshold(np.array([153], np.uint8), THRESHOLDS)[0]
    assert exact.tolist() == [int(t * 153) for t in THRESHOLDS]
    naive = [int(i / 1000 * m) for m in range(256) for i in range(1000)]
    kept = level_of_threshold(np.arange(256).astype(np.uint8), THRESHOLDS).ravel().tolist()
    assert sum(a != b for a, b in zip(naive, kept, strict=True)) == 10


@pytest.mark.parametrize("name", score_maps.adversaries())
def test_adversaries_agree_with_opencv(name):
    score = score_map(score_maps.adversaries()[name], (37, 29))
    boxes = [[3, 4, 20, 21], [0, 0, 36, 28], [10, 2, 12, 27]]
    for mode, metric in ((True, MaxBoxAcc), (False, MaxBoxAccV2)):
        expected = best_iou_per_threshold(score, np.array(boxes), THRESHOLDS, mode)
        counted = metric.of([score], [boxes])
        for d, row in zip(counted.iou_thresholds, counted.correct, strict=True):
            np.testing.assert_array_equal(row, expected >= d)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    size_wh=st.sampled_from([(16, 16), (31, 17), (9, 40), (1, 1), (2, 33)]),
    cells=st.sampled_from([(4, 4), (7, 5), (14, 14)]),
    count=st.integers(1, 3),
)
def test_counts_equal_the_reference(seed, size_wh, cells, count):
    rng = np.random.default_rng(seed)
    raws = [score_maps.realistic(seed + i, cells) for i in range(count)]
    boxes = [_random_boxes(rng, size_wh, n=int(rng.integers(1, 4))) for _ in raws]
    scores = [score_map(raw, size_wh) for raw in raws]
    for single, metric in ((True, MaxBoxAcc), (False, MaxBoxAccV2)):
        counted = metric.of(scores, boxes)
        expected = correct_boxes(
            raws, boxes, counted.iou_thresholds, single=single, size_wh=size_wh
        )
        np.testing.assert_array_equal(counted.correct, expected)
        assert counted.compute() == pytest.approx(max_box_acc_v2(expected, count), abs=1e-15)


def _random_boxes(rng, size_wh, n):
    corners = np.sort(rng.integers(0, size_wh, size=(n, 2, 2)), axis=1)
    return corners.reshape(n, 4)


def test_curves_are_the_best_iou_at_every_threshold():
    score = score_map(score_maps.realistic(5), (24, 30))
    boxes = np.array([[2.0, 3.0, 15.0, 20.0], [1.0, 1.0, 22.0, 25.0]])
    single, multi = best_iou_curves(quantise(score)[None], [boxes], THRESHOLDS)
    for mode, curve in ((True, single), (False, multi)):
        expected = best_iou_per_threshold(score, boxes, THRESHOLDS, mode)
        np.testing.assert_array_equal(curve[0], expected)


def test_v2_is_the_mean_of_maxima_at_separate_thresholds():
    state = BoxAccuracy((0.3, 0.5), np.array([0.1, 0.2]), np.array([[3, 1], [1, 2]]), 4)
    assert state.best().tolist() == [0, 1]
    assert state.at(state.best()).tolist() == [0.75, 0.5]
    assert state.compute() == 0.625


def test_a_target_not_counted_is_wrong_and_in_the_total():
    state = BoxAccuracy.empty((0.5,), np.array([0.0]))
    state = state.plus(np.array([[0.9], [0.9]]), np.array([True, False]))
    assert (state.correct.tolist(), state.total) == ([[1]], 2)


def test_nothing_counted_is_nan():
    assert np.isnan(MaxBoxAcc().compute())
    assert np.isnan(MaxBoxAccV2().compute())


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_accuracy_falls_with_the_iou_threshold(seed):
    rng = np.random.default_rng(seed)
    best = rng.random((6, 11))
    state = BoxAccuracy.empty((0.1, 0.3, 0.5, 0.7, 0.9), np.linspace(0, 1, 11)).plus(best)
    assert (np.diff(state.correct, axis=0) <= 0).all()
    assert (np.diff(state.at(state.best())) <= 0).all()


@pytest.mark.parametrize(
    ("maps", "boxes", "message"),
    [
        (np.zeros((2, 8, 8)), [[[0, 0, 1, 1]]], "2 maps and 1"),
        (np.zeros((2, 2, 8, 8)), [[[0, 0, 1, 1]]], r"shape \(2, 2, 8, 8\)"),
        (np.array([["a", "b"]]), [[[0, 0, 1, 1]]], "numbers"),
        (np.full((1, 8, 8), np.nan), [[[0, 0, 1, 1]]], r"maps \[0\] hold NaN"),
        (np.full((1, 8, 8), np.inf), [[[0, 0, 1, 1]]], "NaN or infinity"),
        (np.zeros((1, 0, 8)), [[[0, 0, 1, 1]]], "shape"),
        (np.zeros((1, 8, 8)), [[[0, 0, 9, 1]]], "inside the image of 8x8"),
        (np.zeros((1, 8, 8)), [[[-1, 0, 2, 1]]], "inside the image"),
        (np.zeros((1, 8, 8)), [[[5, 0, 2, 1]]], "x0 <= x1"),
        (np.zeros((1, 8, 8)), [[[0, 0, np.nan, 1]]], "finite"),
        (np.zeros((1, 8, 8)), [[0, 0, 1, 1]], r"\[n, 4\]"),
        (np.zeros((1, 8, 8)), [[]], "for every map, but map 0 has none"),
        ([np.zeros((8, 8)), np.zeros((9, 9))], [[[0, 0, 1, 1]]] * 2, "differ in shape"),
    ],
)
def test_bad_input_is_named(maps, boxes, message):
    with pytest.raises(InputError, match=message):
        MaxBoxAccV2.of(maps, boxes)
