from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from reference import score_maps
from reference.wsol2020 import THRESHOLDS, pixel_histograms, pxap, score_map
from sklearn.metrics import average_precision_score

from wsolbench.errors import InputError
from wsolbench.metrics import PxAP

UNIT = st.floats(0, 1, allow_subnormal=False) | st.sampled_from([0.0, 1.0, *THRESHOLDS.tolist()])


@st.composite
def batches(draw):
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9)))
    scores = draw(hnp.arrays(np.float64, shape, elements=UNIT))
    masks = draw(hnp.arrays(np.bool_, shape))
    ignores = draw(hnp.arrays(np.bool_, shape)) & ~masks
    return scores, masks, ignores


@given(batches())
@settings(max_examples=80, deadline=None)
def test_histograms_and_area_equal_the_reference(batch):
    scores, masks, ignores = batch
    state = PxAP.of(scores, list(masks), list(ignores))
    foreground, background = pixel_histograms(scores, masks, ignores)
    np.testing.assert_array_equal(state.foreground, foreground)
    np.testing.assert_array_equal(state.background, background)
    if foreground.any():
        assert state.compute() == pytest.approx(pxap(foreground, background), abs=1e-12)


def test_every_threshold_and_its_neighbours_fall_into_numpys_bin():
    around = [np.nextafter(THRESHOLDS[1:], 0), THRESHOLDS, np.nextafter(THRESHOLDS, 1)]
    scores = np.concatenate([*around, [1.0, np.nextafter(1.0, 0)]])[None, None]
    mask = np.ones((1, scores.shape[2]), bool)
    foreground, _ = pixel_histograms(scores, mask[None], ~mask[None])
    np.testing.assert_array_equal(PxAP.of(scores, [mask]).foreground, foreground)


@pytest.mark.parametrize("name", score_maps.adversaries())
def test_adversaries_equal_the_reference(name):
    score = score_map(score_maps.adversaries()[name], (40, 30))
    mask = np.zeros((30, 40), bool)
    mask[5:20, 10:30] = True
    ignore = np.zeros((30, 40), bool)
    ignore[:, :15] = True
    state = PxAP.of([score], [mask], [ignore])
    foreground, background = pixel_histograms([score], [mask], [ignore & ~mask])
    np.testing.assert_array_equal(state.foreground, foreground)
    assert state.compute() == pytest.approx(pxap(foreground, background), abs=1e-15)


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_agrees_with_scikit_learn_on_scores_of_one_value_a_bin(seed):
    rng = np.random.default_rng(seed)
    scores = THRESHOLDS[rng.integers(0, 1000, (1, 12, 12))]
    mask = rng.random((12, 12)) < 0.4
    mask[0, 0] = True
    expected = average_precision_score(mask.ravel(), scores.ravel())
    assert PxAP.of(scores, [mask]).compute() == pytest.approx(expected, abs=1e-12)


def test_by_hand():
    scores = np.array([[[1.0, 0.5], [0.5, 0.0]]])
    mask = np.array([[True, True], [False, True]])
    # top down: 1.0 gives P 1 R 1/3; .5 gives P 2/3 R 2/3; 0 gives P 3/4 R 1
    assert PxAP.of(scores, [mask]).compute() == pytest.approx(1 / 3 + 2 / 9 + 1 / 4)


def test_a_perfect_map_is_one_and_ignored_pixels_count_neither_way():
    mask = np.array([[True, False, False]])
    ignore = np.array([[False, True, False]])
    state = PxAP.of(np.array([[[1.0, 1.0, 0.0]]]), [mask], [ignore])
    assert state.compute() == 1.0
    assert (state.foreground.sum(), state.background.sum()) == (1, 1)


def test_ignore_never_hides_foreground():
    mask = np.array([[True, False]])
    state = PxAP.of(np.array([[[0.2, 0.1]]]), [mask], [np.array([[True, True]])])
    assert (state.foreground.sum(), state.background.sum()) == (1, 0)


def test_masks_may_be_lists_as_the_maps_may():
    scores, mask = [[[0.2, 0.1]]], [[True, False]]
    state = PxAP.of(scores, [mask], [[[False, True]]])
    assert state == PxAP.of(np.array(scores), [np.array(mask)], [np.array([[False, True]])])


def test_pooled_over_the_data_set_not_averaged_over_images():
    perfect = PxAP.of(np.array([[[1.0, 0.0]]]), [np.array([[True, False]])])
    wrong = PxAP.of(np.array([[[0.0, 0.9]]]), [np.array([[True, False]])])
    assert (perfect + wrong).compute() == pytest.approx(0.5 + 0.5 * 2 / 4)


def test_a_set_without_a_positive_pixel_is_an_error():
    with pytest.raises(InputError, match="at least one foreground pixel in the whole split"):
        PxAP.of(np.zeros((1, 2, 2)), [np.zeros((2, 2), bool)]).compute()


def test_nothing_counted_is_nan():
    assert np.isnan(PxAP().compute())


@pytest.mark.parametrize(
    ("scores", "masks", "ignores", "message"),
    [
        (np.zeros((2, 2, 2)), [np.ones((2, 2), bool)], None, "2 maps, 1 masks"),
        (np.zeros((1, 2, 2)), [np.ones((2, 2), bool)], [], "0 ignore masks"),
        (np.zeros((1, 2, 2)), [np.ones((3, 2), bool)], None, r"mask of the map's shape \(2, 2\)"),
        (np.zeros((1, 2, 2)), [np.ones((2, 2))], None, "float64"),
        (np.zeros((1, 2, 2)), [np.ones((2, 2), bool)], [np.ones((2, 2))], "bool ignore mask"),
        (np.full((1, 2, 2), 1.1), [np.ones((2, 2), bool)], None, r"\[0, 1\], but got 1.1"),
        (np.full((1, 2, 2), -0.1), [np.ones((2, 2), bool)], None, "normalise the maps first"),
        (np.full((1, 2, 2), np.nan), [np.ones((2, 2), bool)], None, "but got nan"),
    ],
)
def test_bad_input_is_named(scores, masks, ignores, message):
    with pytest.raises(InputError, match=message):
        PxAP.of(scores, masks, ignores)
