from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import roc_auc_score

from wsolbench.errors import InputError
from wsolbench.metrics import SoftMask
from wsolbench.metrics.soft_mask import (
    relevance_mass,
    relevance_rank,
    roc_auc,
    top_k_intersection,
)

SCORES = hnp.arrays(np.float64, st.shared(st.integers(1, 30), key="n"), elements=st.floats(0, 1))
TIED = hnp.arrays(
    np.float64, st.shared(st.integers(1, 30), key="n"), elements=st.sampled_from([0, 0.5, 1.0])
)
MASKS = hnp.arrays(np.bool_, st.shared(st.integers(1, 30), key="n"))


def test_by_hand():
    scores = np.array([0.9, 0.8, 0.2, 0.1])
    inside = np.array([True, False, True, False])
    assert SoftMask.of(scores, inside, k=1) == SoftMask(mass=0.55, rank=0.5, top_k=1.0, auc=0.75)


def test_pixels_of_equal_score_share_the_places_left():
    scores = np.array([1.0, 0.5, 0.5, 0.5])
    inside = np.array([False, True, True, False])
    # two places: the first is taken from outside, the second shared among three, two of them inside
    assert relevance_rank(scores, inside) == pytest.approx((2 / 3) / 2)
    assert top_k_intersection(scores, inside, k=3) == pytest.approx((2 * 2 / 3) / 3)


def test_a_map_without_anything_has_no_mass_and_chance_rank():
    zeros, inside = np.zeros(4), np.array([True, False, False, False])
    assert SoftMask.of(zeros, inside, k=2) == SoftMask(mass=0.0, rank=0.25, top_k=0.25, auc=0.5)


def test_k_is_at_most_all_pixels():
    inside = np.array([True, False])
    assert top_k_intersection(np.array([0.3, 0.2]), inside, k=1000) == 0.5


def test_an_empty_mask_is_undefined_and_never_a_hit():
    found = SoftMask.of(np.ones(3), np.zeros(3, bool))
    assert np.isnan([found.mass, found.rank, found.top_k, found.auc]).all()
    assert np.isnan(relevance_mass(np.ones(3), np.zeros(3, bool)))


def test_auc_is_undefined_where_everything_is_inside():
    found = SoftMask.of(np.array([0.1, 0.2]), np.ones(2, bool))
    assert (found.mass, found.rank) == (1.0, 1.0)
    assert np.isnan(found.auc)


@given(SCORES | TIED, MASKS)
@settings(max_examples=150, deadline=None)
def test_auc_equals_scikit_learn(scores, inside):
    assume(inside.any() and not inside.all())
    assert roc_auc(scores, inside) == pytest.approx(roc_auc_score(inside, scores), abs=1e-12)


@given(SCORES | TIED, MASKS, st.integers(1, 30), st.randoms())
@settings(max_examples=80, deadline=None)
def test_scores_are_shares_that_no_order_of_pixels_changes(scores, inside, k, random):
    assume(inside.any())
    found = SoftMask.of(scores, inside, k)
    order = np.array(random.sample(range(len(scores)), len(scores)))
    again = SoftMask.of(scores[order], inside[order], k)
    for name in ("mass", "rank", "top_k", "auc"):
        value = getattr(found, name)
        assert np.isnan(value) or 0 <= value <= 1
        assert getattr(again, name) == pytest.approx(value, abs=1e-12, nan_ok=True)


@given(st.integers(0, 10**6), st.integers(1, 25))
@settings(max_examples=50, deadline=None)
def test_without_ties_the_obvious_loop_agrees(seed, k):
    rng = np.random.default_rng(seed)
    scores, inside = rng.permutation(25) / 25, rng.random(25) < 0.4
    assume(inside.any())
    best_first = np.argsort(-scores)
    found = SoftMask.of(scores, inside, k)
    assert found.rank == inside[best_first[: inside.sum()]].mean()
    assert found.top_k == inside[best_first[:k]].mean()
    assert found.mass == pytest.approx(scores[inside].sum() / scores.sum())


@pytest.mark.parametrize(
    ("scores", "inside", "message"),
    [
        (np.ones((2, 2)), np.ones((2, 2), bool), r"expected scores \[N\]"),
        (np.ones(3), np.ones(2, bool), "expected scores"),
        (np.ones(2), np.ones(2), "bool mask"),
        (np.array([np.nan, 1]), np.ones(2, bool), "finite scores"),
        (np.array([-1.0, 1]), np.ones(2, bool), "not negative"),
    ],
)
def test_bad_input_is_named(scores, inside, message):
    with pytest.raises(InputError, match=message):
        SoftMask.of(scores, inside)
