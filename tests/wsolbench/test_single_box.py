from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import score_maps
from reference.single_box import component_box, layercam_box, resized, tscam_box
from reference.wsol2020 import score_map

from wsolbench import scoremap
from wsolbench.errors import InputError, OptionError
from wsolbench.protocol import PROTOCOLS, resolve_protocol
from wsolbench.single_box import first_maximum, single_box

SIZES = [(50, 37), (31, 60), (14, 14), (5, 3)]
FINITE = {name: raw for name, raw in score_maps.adversaries().items() if np.isfinite(raw).all()}


def box_of(raw, spec, size_wh):
    box = single_box(np.asarray(raw, float), resolve_protocol(spec), size_wh)
    return None if box is None else box.tolist()


def peaks(value=1.0):
    """A 3x3 square of 1 and a 1x5 stripe, at the size of the frame."""
    score = np.zeros((10, 12))
    score[1:4, 1:4] = value
    score[8, 4:9] = 0.5 * value
    return score


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("cam2016", [1, 1, 3, 3]),
        ("gradcam2017", [1, 1, 3, 3]),
        ("cam2016(fixed_threshold=0.5)", [1, 1, 3, 3]),
        ("layercam2021", [1, 1, 4, 4]),
        ("ilsvrc-loc(boxes=layercam2021)", [1, 1, 4, 4]),
    ],
)
def test_by_hand(spec, expected):
    assert box_of(peaks(), spec, (12, 10)) == expected


def test_the_measures_differ():
    score = np.zeros((12, 12))
    score[1:5, 1:4] = 1  # 12 pixels in a rectangle of 12
    score[np.arange(6, 11), np.arange(6, 11)] = 1  # 5 pixels in a rectangle of 25
    assert box_of(score, "cam2016", (12, 12)) == [1, 1, 3, 4]
    assert box_of(score, "layercam2021", (12, 12)) == [6, 6, 11, 11]


def test_a_threshold_is_strict():
    score = np.array([[1.0, 0.2, 0.0], [0.0, 0.0, 0.0]])
    assert box_of(score, "cam2016", (3, 2)) == [0, 0, 0, 0]
    assert box_of(score, "cam2016(fixed_threshold=0.19)", (3, 2)) == [0, 0, 1, 0]


def test_equal_components_give_the_first_in_reading_order():
    score = np.zeros((5, 5))
    score[0, 3], score[3, 0] = 1, 1
    assert box_of(score, "cam2016", (5, 5)) == [3, 0, 3, 0]


@pytest.mark.parametrize("spec", ["cam2016", "gradcam2017", "corloc", "coco-box-ap"])
@pytest.mark.parametrize(
    "raw", [np.zeros((4, 4)), np.full((4, 4), -2.0)], ids=["zeros", "negative"]
)
def test_without_a_positive_pixel_there_is_no_box(spec, raw):
    assert box_of(raw, spec, (9, 9)) is None


@pytest.mark.parametrize("spec", ["layercam2021", "tscam2021"])
def test_the_box_of_an_empty_mask(spec):
    assert box_of(np.zeros((4, 4)), spec, (224, 224)) == [0, 0, 1, 1]


@pytest.mark.parametrize("name", [n for n, p in PROTOCOLS.items() if "single" in p.scorer])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_map_that_is_not_finite_has_no_box(name, value):
    assert box_of([[0.0, value], [1.0, 0.0]], name, (9, 9)) is None


def test_a_protocol_without_a_single_box_is_refused():
    with pytest.raises(OptionError, match="wsol2020 takes no single box"):
        box_of(np.eye(3), "wsol2020", (9, 9))


@pytest.mark.parametrize("size_wh", SIZES)
@pytest.mark.parametrize("name", FINITE)
def test_adversaries_equal_the_reference(name, size_wh):
    raw = FINITE[name]
    if name == "huge":
        raw = raw / 1e295  # the reference overflows
    large = scoremap.resize(raw[None], (size_wh[1], size_wh[0]), "linear")[0]
    for spec, threshold in (("cam2016", 0.2), ("gradcam2017", 0.15)):
        assert box_of(raw, spec, size_wh) == component_box(large, threshold)
    if size_wh != raw.shape[::-1] or "one" not in name:
        assert box_of(raw, "layercam2021", size_wh) == layercam_box(raw, size_wh)


@given(seed=st.integers(0, 10**6), size_wh=st.sampled_from(SIZES))
@settings(max_examples=60, deadline=None)
def test_real_looking_maps_equal_the_reference(seed, size_wh):
    raw = score_maps.realistic(seed, (7, 9))
    large = scoremap.resize(raw[None], (size_wh[1], size_wh[0]), "linear")[0]
    np.testing.assert_allclose(large, resized(raw, size_wh), atol=1e-6)
    assert box_of(raw, "cam2016", size_wh) == component_box(large, 0.2)
    assert box_of(raw, "layercam2021", size_wh) == layercam_box(raw, size_wh)
    frame = scoremap.normalise(scoremap.resize(raw[None], (224, 224), "linear"))[0]
    assert box_of(raw, "tscam2021", (224, 224)) == tscam_box(frame)
    assert box_of(raw, "tscam2021(fixed_threshold=0.5)", (224, 224)) == tscam_box(frame, 0.5)


@given(st.integers(0, 10**6), st.sampled_from([0.3, 0.5, 0.7]))
@settings(max_examples=40, deadline=None)
def test_components_of_noise_equal_scipys(seed, threshold):
    rng = np.random.default_rng(seed)
    raw = rng.random((rng.integers(1, 20), rng.integers(1, 20)))
    size_wh = raw.shape[1], raw.shape[0]
    spec = f"cam2016(fixed_threshold={threshold})"
    assert box_of(raw, spec, size_wh) == component_box(raw, threshold)


@pytest.mark.parametrize("normaliser", ["minmax", "pas", "ivr", "sigmoid", "tanh"])
def test_other_normalisers_come_between_resizing_and_the_threshold(normaliser):
    raw = score_maps.realistic(4)
    scores = scoremap.normalise(scoremap.resize(raw[None], (37, 50), "linear"), normaliser)[0]
    spec = f"cam2016(normaliser={normaliser},fixed_threshold=0.6)"
    assert box_of(raw, spec, (50, 37)) == component_box(scores, 0.6)


def test_tscam_reads_a_cubic_map_if_told_so():
    raw = score_maps.realistic(8)
    assert box_of(raw, "tscam2021(interpolation=cubic)", (224, 224)) == tscam_box(score_map(raw))


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
@given(seed=st.integers(0, 10**6), size_wh=st.sampled_from(SIZES), cells=st.integers(1, 16))
@settings(max_examples=40, deadline=None)
def test_first_maximum_is_that_of_the_whole_resized_map(interpolation, seed, size_wh, cells):
    rng = np.random.default_rng(seed)
    # few levels, so that equal maxima occur
    raw = rng.integers(-2, 3, (cells, cells + 2)) / 2.0
    large = scoremap.resize(raw[None], (size_wh[1], size_wh[0]), interpolation)[0]
    y, x = divmod(int(large.argmax()), size_wh[0])
    assert first_maximum(raw, (size_wh[1], size_wh[0]), interpolation) == (large.max(), x, y)


def test_a_map_with_nan_has_no_maximum():
    with pytest.raises(InputError, match="holds NaN or infinity"):
        first_maximum(np.array([[np.nan, 1.0]]), (3, 3))


def test_rounding_of_the_uint8_map_is_opencvs():
    """Where rounding decides, ours is exact and OpenCV's fixed point may be one level off."""
    rng = np.random.default_rng(0)
    differing = total = 0
    for _ in range(10):
        levels = rng.integers(0, 256, (14, 14)).astype(np.uint8)
        ours = np.rint(scoremap.resize(levels[None].astype(float), (75, 100))[0]).clip(0, 255)
        theirs = cv2.resize(levels, (100, 75), interpolation=cv2.INTER_CUBIC)
        assert np.abs(ours - theirs).max() <= 1
        differing += (ours != theirs).sum()
        total += theirs.size
    assert differing / total < 1e-3
