from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsolbench.errors import InputError
from wsolbench.metrics.energy import energy_share, energy_weights
from wsolbench.metrics.pointing import boxes_mask, hits_mask
from wsolbench.scoremap import resize


def mask_with(*pixels_xy, size_wh=(60, 50)):
    mask = np.zeros(size_wh[::-1], bool)
    for x, y in pixels_xy:
        mask[y, x] = True
    return mask


@pytest.mark.parametrize(
    ("point_xy", "hit"),
    [((30, 20), True), ((44, 20), True), ((45, 20), False), ((30, 34), True), ((30, 35), False),
     ((39, 31), True), ((40, 31), True), ((41, 31), False), ((20, 10), True), ((18, 11), False)],
)  # fmt: skip
def test_the_distance_is_strictly_below_the_radius(point_xy, hit):
    assert hits_mask(point_xy, mask_with((30, 20)), 15) is hit


def test_the_border_cuts_the_circle():
    assert hits_mask((0, 0), mask_with((9, 9)), 15)
    assert not hits_mask((59, 49), mask_with((44, 49)), 15)


@given(st.integers(0, 10**6), st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_equals_the_obvious_loop(seed, radius):
    rng = np.random.default_rng(seed)
    mask = rng.random((23, 31)) < 0.01
    mask[rng.integers(23), rng.integers(31)] = True
    x, y = int(rng.integers(31)), int(rng.integers(23))
    near = [(i - x) ** 2 + (j - y) ** 2 < radius**2 for j, i in zip(*np.nonzero(mask), strict=True)]
    assert hits_mask((x, y), mask, radius) == any(near)


def test_an_empty_mask_has_no_verdict():
    with pytest.raises(InputError, match="at least one pixel"):
        hits_mask((0, 0), np.zeros((3, 3), bool))


def test_the_union_of_boxes_counts_both_ends():
    mask = boxes_mask(np.array([[0.0, 1.0, 1.0, 1.0], [3.0, 0.0, 9.0, 0.0]]), (5, 3))
    assert mask.astype(int).tolist() == [[0, 0, 0, 1, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]]


def test_energy_by_hand():
    weights = energy_weights(np.array([[True, False], [False, False]]), (2, 2))
    assert energy_share(np.array([[3.0, -5.0], [0.0, 1.0]]), weights) == 0.75


def test_a_map_without_positive_energy_has_a_share_of_zero():
    weights = energy_weights(np.ones((4, 4), bool), (2, 2))
    assert energy_share(np.full((2, 2), -1.0), weights) == 0.0
    assert energy_share(np.full((2, 2), 1e300), weights) == 1.0


@given(st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_energy_equals_the_sum_over_the_resized_map(seed):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(3, 60, 2).tolist()
    mask = rng.random((height, width)) < 0.3
    raw = rng.normal(size=(7, 5)) + 0.5
    resized = resize(np.maximum(raw, 0)[None], (height, width), "linear")[0]
    expected = resized[mask].sum() / resized.sum()
    assert energy_share(raw, energy_weights(mask, (7, 5))) == pytest.approx(expected, abs=1e-12)


def test_weights_of_another_map_size_are_refused():
    with pytest.raises(InputError, match=r"weights of shape \(2, 3, 3\)"):
        energy_share(np.ones((3, 3)), energy_weights(np.ones((4, 4), bool), (2, 2)))
