from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.contours import inclusive_iou

from wsolbench.boxes import as_boxes, check_inside, iou, scale_boxes
from wsolbench.errors import InputError, OptionError

BOXES = st.lists(
    st.tuples(*[st.integers(0, 30)] * 4).map(
        lambda b: [min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3])]
    ),
    min_size=1,
    max_size=5,
)


def test_golden_scaling_and_iou():
    assert scale_boxes([[1, 2, 4, 3]], (10, 20), (35, 10)).tolist() == [[3, 1, 14, 1]]
    assert iou([[1, 2, 5, 6]], [[3, 1, 4, 5]]).item() == 8 / 27


def test_scaling_truncates():
    assert scale_boxes([[0.9, 1.9, 2.5, 3.999]], (4, 4), (4, 4)).tolist() == [[0, 1, 2, 3]]
    assert scale_boxes([[0, 0, 499, 374]], (500, 375), (224, 224)).tolist() == [[0, 0, 223, 223]]


@given(BOXES, BOXES)
@settings(max_examples=100, deadline=None)
def test_inclusive_iou_equals_the_reference(a, b):
    a, b = np.array(a, float), np.array(b, float)
    np.testing.assert_array_equal(iou(a, b), inclusive_iou(a, b))


@given(BOXES)
@settings(max_examples=30, deadline=None)
def test_a_box_has_iou_one_with_itself_alone(boxes):
    found = iou(boxes, boxes)
    assert (np.diag(found) == 1).all()
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_array_equal(found, found.T)


def test_exclusive_iou_of_a_box_without_area_is_zero():
    assert iou([[2, 2, 2, 9]], [[2, 2, 2, 9]], "exclusive").item() == 0.0
    assert iou([[0, 0, 2, 2]], [[1, 0, 3, 2]], "exclusive").item() == pytest.approx(1 / 3)


def test_no_boxes_are_boxes():
    assert as_boxes([]).shape == (0, 4)
    assert iou([], [[0, 0, 1, 1]]).shape == (0, 1)


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([0, 0, 1, 1], r"shape \[n, 4\]"),
        ([[0, 0, 1]], r"shape \[n, 4\]"),
        ([[0, 0, np.inf, 1]], "finite"),
        ([["a", 0, 1, 1]], "with numbers"),
        ([[0, 0, 1, 1], [0, 0]], "with numbers"),
        ([[0, 5, 3, 2]], "x, y, width, height must be converted"),
    ],
)
def test_bad_boxes_are_named(boxes, message):
    with pytest.raises(InputError, match=message):
        as_boxes(boxes)


@pytest.mark.parametrize(
    "box",
    [[-1, 0, 3, 3], [0, 0, 11, 3], [0, 0, 3, 21], [0, -0.5, 3, 3], [10, 0, 10, 3], [0, 20, 3, 20]],
)
def test_boxes_outside_the_image_are_refused(box):
    with pytest.raises(InputError, match="inside the image of 10x20"):
        check_inside(as_boxes([box]), (10, 20))


def test_the_far_edge_may_lie_on_the_border():
    check_inside(as_boxes([[0, 0, 10, 20]]), (10, 20))


def test_only_known_conventions():
    with pytest.raises(OptionError, match="inclusive, exclusive, but got 'pixels'"):
        iou([[0, 0, 1, 1]], [[0, 0, 1, 1]], "pixels")
