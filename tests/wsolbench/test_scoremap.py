from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import score_maps
from reference.wsol2020 import score_map

from wsolbench.errors import InputError, OptionError
from wsolbench.scoremap import (
    NORMALISERS,
    as_maps,
    normalise,
    quantise,
    resize,
    taps,
)

SIDES = st.integers(1, 40)


@given(h=SIDES, w=SIDES, height=SIDES, width=SIDES, seed=st.integers(0, 10**6))
@settings(max_examples=150, deadline=None)
def test_cubic_equals_opencv_bit_by_bit(h, w, height, width, seed):
    raw = np.random.default_rng(seed).normal(size=(h, w))
    expected = cv2.resize(raw, (width, height), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_array_equal(resize(raw[None], (height, width))[0], expected)


@pytest.mark.parametrize("cells", [(7, 7), (14, 14), (28, 28), (14, 20), (56, 37), (224, 224)])
@pytest.mark.parametrize("size_hw", [(224, 224), (375, 500), (600, 450)])
def test_cubic_equals_opencv_at_the_sizes_of_the_field(cells, size_hw):
    raw = np.random.default_rng(1).normal(size=cells)
    expected = cv2.resize(raw, size_hw[::-1], interpolation=cv2.INTER_CUBIC)
    np.testing.assert_array_equal(resize(raw[None], size_hw)[0], expected)


@given(h=SIDES, w=SIDES, height=SIDES, width=SIDES, seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_linear_equals_torch(h, w, height, width, seed):
    raw = np.random.default_rng(seed).normal(size=(h, w))
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(raw)[None, None], size=(height, width), mode="bilinear"
    )[0, 0].numpy()
    found = resize(raw[None], (height, width), "linear")[0]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_map_of_the_size_asked_for_is_left_alone():
    raw = np.random.default_rng(0).normal(size=(2, 5, 6))
    assert resize(raw, (5, 6)) is raw


def test_cubic_overshoots():
    step = np.repeat([0.0, 1.0], 4)[None].repeat(8, 0)
    assert resize(step[None], (32, 32)).max() > 1


def test_weights_sum_to_one():
    for interpolation in ("linear", "cubic"):
        _, weights = taps(7, 29, interpolation)
        np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)


# raw -> normalised, by hand, on ten values (sorted index int(.9 n) = 9, int(.6 n) = 6)
TEN = np.array([[-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0]])
LITERAL = {
    "minmax": [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1],
    "max": [0, 0, 0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 1],
    "pas": [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1],
    "ivr": [0, 0, 0, 0, 0, 0, 0, 0.25, 0.5, 1],
    "sigmoid": (1 / (1 + np.exp(-TEN[0]))).tolist(),
    "tanh": np.tanh(2 * np.maximum(TEN[0], 0) / 8).tolist(),
}


@pytest.mark.parametrize("name", NORMALISERS)
def test_normalisers_by_hand(name):
    np.testing.assert_allclose(normalise(TEN[None], name)[0, 0], LITERAL[name], atol=1e-15)


def test_pas_clips_above_its_percentile():
    twenty = np.arange(20.0)[None]  # sorted index 18
    found = normalise(twenty[None], "pas")[0, 0]
    assert found[[9, 18, 19]].tolist() == [0.5, 1.0, 1.0]


def test_ivr_takes_the_sixtieth_percentile_of_all_pixels():
    twenty = np.arange(20.0)[::-1][None]  # sorted index 12
    found = normalise(twenty[None], "ivr")[0, 0]
    assert (found > 0).sum() == 7
    assert found[0] == 1.0


@pytest.mark.parametrize("name", NORMALISERS)
@pytest.mark.parametrize("adversary", score_maps.adversaries())
def test_normalised_maps_are_in_the_unit_interval(name, adversary):
    raw = score_maps.adversaries()[adversary][None]
    found = normalise(raw, name)
    assert ((found >= 0) & (found <= 1)).all()
    assert found.dtype == np.float64
    assert quantise(found).dtype == np.uint8
    if not np.isfinite(raw).all():
        assert (found == 0).all()


@pytest.mark.parametrize("name", ["minmax", "max", "pas", "ivr", "tanh"])
@pytest.mark.parametrize("value", [0.0, -3.0])
def test_what_cannot_be_scaled_becomes_zeros(name, value):
    assert (normalise(np.full((1, 4, 4), value), name) == 0).all()


def test_a_range_beyond_the_largest_float_is_no_nan():
    found = normalise(np.array([[[-1.5e308, 0.0, 1.5e308]]]))
    np.testing.assert_array_equal(found, [[[0.0, 0.5, 1.0]]])


def test_maps_are_normalised_one_by_one_and_left_as_they_are():
    raw = np.stack([TEN, 10 * TEN])
    before = raw.copy()
    for name in NORMALISERS:
        found = normalise(raw, name)
        np.testing.assert_array_equal(found[0], normalise(raw[:1], name)[0])
        np.testing.assert_array_equal(raw, before)


@pytest.mark.parametrize("adversary", score_maps.adversaries())
def test_resized_then_normalised_equals_the_reference(adversary):
    raw = score_maps.adversaries()[adversary]
    found = normalise(resize(raw[None], (50, 61)))[0]
    np.testing.assert_array_equal(found, score_map(raw, (61, 50)))


def test_quantising_truncates():
    assert quantise(np.array([[[0.0, 0.999, 1.0, 0.6]]]))[0, 0].tolist() == [0, 254, 255, 153]


def test_as_maps():
    assert as_maps(np.ones((2, 3), np.float16)).shape == (1, 2, 3)
    assert as_maps(np.ones((1, 2, 3), bool)).dtype == np.float64
    assert np.isnan(as_maps(np.full((2, 2), np.nan))).all()


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (np.ones(3), r"shape \(3,\)"),
        (np.ones((1, 1, 2, 2)), r"\(1, 1, 2, 2\)"),
        (np.ones((2, 0)), r"\(2, 0\)"),
        (np.ones((2, 2), complex), "complex128"),
        (np.array([["x"]]), "dtype"),
        ([np.ones((2, 2)), np.ones((3, 3))], "differ in shape"),
    ],
)
def test_bad_maps_are_named(maps, message):
    with pytest.raises(InputError, match=message):
        as_maps(maps)


def test_unknown_names_list_those_that_exist():
    with pytest.raises(OptionError, match="minmax, max, pas, ivr, sigmoid, tanh, but got 'mean'"):
        normalise(np.ones((1, 2, 2)), "mean")
    with pytest.raises(OptionError, match="cubic, linear, but got 'nearest'"):
        resize(np.ones((1, 2, 2)), (4, 4), "nearest")
