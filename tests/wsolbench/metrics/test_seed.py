from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsolbench.errors import InputError
from wsolbench.metrics import SeedIoU

BACKGROUNDS = tuple(i / 100 for i in range(60))


def confusion(scores, labels, truth, background, classes):
    """One confusion matrix [true, predicted], pixel by pixel."""
    matrix = np.zeros((classes + 1, classes + 1), np.int64)
    stack = np.concatenate([np.full((1, *truth.shape), background), scores])
    for y, x in np.ndindex(truth.shape):
        if truth[y, x] >= 0:
            winner = int(np.argmax(stack[:, y, x]))
            matrix[truth[y, x], 0 if winner == 0 else labels[winner - 1] + 1] += 1
    return matrix


def iou_of(matrix):
    union = matrix.sum(0) + matrix.sum(1) - np.diag(matrix)
    return np.where(union > 0, np.diag(matrix) / np.maximum(union, 1), np.nan)


@given(st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_equals_one_confusion_matrix_per_background(seed):
    rng = np.random.default_rng(seed)
    state, classes = SeedIoU.empty(BACKGROUNDS, 5), 5
    matrices = [np.zeros((6, 6), np.int64) for _ in BACKGROUNDS]
    for _ in range(2):
        labels = np.sort(rng.permutation(classes)[: rng.integers(1, 4)])
        truth = rng.choice([-1, 0, *(labels + 1)], (6, 7))
        # scores on the grid itself, so that ties with the background and between classes occur
        scores = rng.integers(0, 70, (len(labels), 6, 7)) / 100
        state = state.plus(scores, labels, truth)
        for i, background in enumerate(BACKGROUNDS):
            matrices[i] += confusion(scores, labels, truth, background, classes)
    expected = np.array([iou_of(matrix) for matrix in matrices])
    np.testing.assert_allclose(state.per_class(), expected, atol=1e-15)
    np.testing.assert_allclose(state.curve(), np.nanmean(expected, axis=1), atol=1e-15)
    assert state.compute() == pytest.approx(np.nanmax(np.nanmean(expected, axis=1)), abs=1e-15)


def test_by_hand():
    truth = np.array([[0, 1, 1, -1]])
    state = SeedIoU.empty((0.15, 0.5), 2).plus(np.array([[[0.15, 0.4, 0.6, 0.9]]]), [0], truth)
    # at .15 the first pixel ties: background; at .5 the second pixel falls to the background
    np.testing.assert_array_equal(state.per_class(), [[1.0, 1.0, np.nan], [0.5, 0.5, np.nan]])
    assert state.curve().tolist() == [1.0, 0.5]
    assert state.best() == 0


def test_the_lowest_label_wins_ties_between_classes():
    scores = np.array([[[0.7]], [[0.7]]])
    state = SeedIoU.empty((0.1,), 3).plus(scores, [1, 2], np.array([[2]]))
    assert state.per_class()[0, 2] == 1.0


@pytest.mark.parametrize(
    ("scores", "labels", "truth", "message"),
    [
        (np.zeros((1, 2, 2)), [0], np.zeros((3, 2), int), "expected scores"),
        (np.zeros((2, 2, 2)), [0], np.zeros((2, 2), int), "m labels"),
        (np.zeros((2, 2, 2)), [1, 0], np.zeros((2, 2), int), "ascending labels"),
        (np.zeros((1, 2, 2)), [3], np.zeros((2, 2), int), r"labels in 0\.\.2"),
        (np.zeros((1, 2, 2)), [0], np.full((2, 2), 9), "0 .background. to 3"),
        (np.full((1, 2, 2), np.nan), [0], np.zeros((2, 2), int), "finite scores"),
    ],
)
def test_bad_input_is_named(scores, labels, truth, message):
    with pytest.raises(InputError, match=message):
        SeedIoU.empty((0.1,), 3).plus(scores, labels, truth)


def test_backgrounds_have_to_ascend():
    with pytest.raises(InputError, match="ascending backgrounds"):
        SeedIoU.empty((0.5, 0.1), 3)
