from __future__ import annotations

import numpy as np
import pytest

from wsolbench.errors import InputError
from wsolbench.metrics import Average, ClassRate, CorLoc, ErrorRate, Rate, TopK
from wsolbench.metrics.classification import label_ranks


def test_rate_is_a_share():
    assert (Rate.of([True, False]) + Rate.of(np.array([True, True]))).compute() == 0.75
    assert ErrorRate.of([True]).compute() == 1.0
    assert np.isnan(Rate.of([]).compute())


def test_a_rate_wants_booleans():
    with pytest.raises(InputError, match="dtype bool, but got shape"):
        Rate.of([0.3, 1.0])


def test_class_rate_averages_classes_not_targets():
    state = ClassRate.of([True, True, True, False], [0, 0, 0, 1], 3)
    assert state.compute() == 0.5
    assert state.pooled() == 0.75
    assert state.total == 4
    np.testing.assert_array_equal(state.per_class(), [1.0, 0.0, np.nan])


@pytest.mark.parametrize(("hit", "labels"), [([True], [3]), ([True], [-1]), ([True], [0, 1])])
def test_labels_outside_the_classes_are_refused(hit, labels):
    with pytest.raises(InputError, match=r"one label in 0\.\.2 per verdict"):
        CorLoc.of(hit, labels, 3)


def test_average_is_exact_in_any_order():
    scores = [0.1] * 10 + [1 / 3] * 7 + [1.0]
    one_by_one = sum((Average.of([score]) for score in scores), Average())
    assert one_by_one == Average.of(scores) == Average.of(scores[::-1])
    assert one_by_one.compute() == pytest.approx(np.mean(scores), abs=1e-9)


def test_undefined_scores_are_counted_and_left_out():
    state = Average.of([np.nan, 0.5, np.nan])
    assert (state.total, state.undefined, state.compute()) == (1, 2, 0.5)
    assert np.isnan(Average.of([np.nan]).compute())


@pytest.mark.parametrize("scores", [[1.5], [-0.1], [np.inf], [[0.5]]])
def test_scores_outside_the_unit_interval_are_refused(scores):
    with pytest.raises(InputError, match=r"in \[0, 1\]"):
        Average.of(scores)


def test_ranks_count_strictly_higher_logits():
    logits = np.array([[3.0, 1.0, 2.0], [5.0, 5.0, 5.0]])
    assert label_ranks(logits, [1, 2]).tolist() == [2, 0]
    assert TopK.of([2, 0], 1).compute() == 0.5
