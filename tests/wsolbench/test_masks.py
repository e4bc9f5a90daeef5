"""Where masks come from."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from wsolbench.errors import SampleError
from wsolbench.masks import (
    ColourMasks,
    GreyMasks,
    IndexMasks,
    InstanceRles,
    ObjectMasks,
    RleMasks,
    ValueMasks,
    box_of,
    decode,
    encode,
)


@pytest.fixture
def index_png(tmp_path):
    indices = np.array([[0, 1, 1, 255], [3, 3, 0, 255]], dtype=np.uint8)
    picture = Image.fromarray(indices)
    picture.putpalette([7, 7, 7] * 256)  # pixels are indices, whatever their colours
    picture.save(tmp_path / "mask.png")
    return tmp_path / "mask.png"


def test_index_masks_read_pixels_as_labels_plus_offset(index_png):
    foreground, ignore = IndexMasks(index_png).read(2)
    assert foreground.tolist() == [[False] * 4, [True, True, False, False]]
    assert ignore.tolist() == [[False, False, False, True]] * 2
    assert foreground.dtype == ignore.dtype == np.bool_
    assert not IndexMasks(index_png).read(1)[0].any()


def test_index_masks_with_other_offset_and_void(index_png):
    foreground, ignore = IndexMasks(index_png, offset=0, void=3).read(1)
    assert foreground.tolist() == [[False, True, True, False], [False] * 4]
    assert ignore.tolist() == [[False] * 4, [True, True, False, False]]


def test_mask_file_that_is_missing_or_damaged_is_named(tmp_path, index_png):
    with pytest.raises(SampleError, match=r"the mask none\.png cannot be read"):
        IndexMasks(tmp_path / "none.png").read(0)
    index_png.write_bytes(index_png.read_bytes()[:45])
    with pytest.raises(SampleError, match=r"the mask mask\.png cannot be read"):
        IndexMasks(index_png).read(0)


@given(arrays.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_run_length_masks_give_back_what_was_put_in(mask):
    masks = pickle.loads(pickle.dumps(RleMasks.of({4: mask})))  # noqa: S301
    foreground, ignore = masks.read(4)
    assert np.array_equal(foreground, mask)
    assert foreground.dtype == ignore.dtype == np.bool_
    assert not ignore.any()


def test_run_length_masks_are_united_and_absent_classes_are_empty():
    left, right = np.zeros((2, 2, 3), dtype=bool)
    left[:, 0], right[1, 2] = True, True
    one, other = RleMasks.of({0: left}), RleMasks.of({0: right})
    both = RleMasks({0: one.codes[0] + other.codes[0]}, (2, 3))
    assert both.read(0)[0].tolist() == [[True, False, False], [True, False, True]]
    assert both.read(1)[0].shape == (2, 3)
    assert not both.read(1)[0].any()


@pytest.fixture
def save(tmp_path):
    def save(name, pixels):
        Image.fromarray(np.array(pixels, dtype=np.uint8)).save(tmp_path / name)
        return tmp_path / name

    return save


def test_value_masks_read_trimaps_of_one_class(save):
    masks = ValueMasks(save("trimap.png", [[1, 2, 3], [1, 1, 0]]), label=4)
    foreground, ignore = masks.read(4)
    assert foreground.tolist() == [[True, False, False], [True, True, False]]
    assert ignore.tolist() == [[False, False, True], [False] * 3]
    assert not masks.read(5)[0].any()


def test_colour_masks_read_foreground_or_background_with_tolerance(save):
    path = save("colours.png", [[[128, 0, 0], [0, 0, 254], [20, 30, 240], [90, 90, 90]]])
    not_blue = ColourMasks(path, 0, background=(0, 0, 254))
    assert not_blue.read(0)[0].tolist() == [[True, False, False, True]]
    red = ColourMasks(path, 0, foreground=(128, 0, 0), ignored=(90, 90, 90), tolerance=0)
    foreground, ignore = red.read(0)
    assert foreground.tolist() == [[True, False, False, False]]
    assert ignore.tolist() == [[False, False, False, True]]
    assert not red.read(1)[0].any()


def test_grey_masks_are_united_resized_and_come_before_ignored_pixels(save):
    small = save("small.png", [[0, 127, 128, 255]])
    large = save("large.png", [[255, 255, 0, 0, 0, 0, 0, 0]] * 2)
    rest = save("rest.png", [[255, 255, 0, 0]])
    foreground, ignore = GreyMasks({0: (small, large)}, (rest,), (1, 4)).read(0)
    assert foreground.tolist() == [[True, False, True, True]]
    assert ignore.tolist() == [[False, True, False, False]]
    nothing, ignore = GreyMasks({0: (small,)}, (rest,), (1, 4)).read(1)
    assert (nothing.any(), ignore.tolist()) == (False, [[True, True, False, False]])


def test_run_length_masks_to_ignore_give_way_to_foreground():
    mask, rest = np.zeros((2, 2, 3), dtype=bool)
    mask[0], rest[:, 0] = True, True
    foreground, ignore = RleMasks.of({0: mask}, {0: rest}).read(0)
    assert np.array_equal(foreground, mask)
    assert ignore.tolist() == [[False] * 3, [True, False, False]]


@pytest.mark.parametrize(
    "code",
    [
        [[1, 0, 3, 0, 3, 2, 1, 2]],
        [[1, 0, 2, 0, 2, 2, 1, 2], [2, 0, 3, 0, 3, 2, 2, 2]],
        {"size": [2, 4], "counts": [2, 4, 2]},
        encode(np.array([[0, 1, 1, 0]] * 2, dtype=bool)),
        {"size": [2, 4], "counts": encode(np.array([[0, 1, 1, 0]] * 2, bool))["counts"].decode()},
    ],
    ids=["polygon", "two polygons", "counts", "bytes", "text"],
)
def test_regions_of_every_form_of_coco(code):
    expected = [[False, True, True, False]] * 2
    assert decode((code,), (2, 4)).tolist() == expected
    assert InstanceRles((code,), (2, 4)).read(0).tolist() == expected


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("a square", "is no polygon and no run-length code"),
        ([[1, 2, 3, 4]], "expected polygons of three points or more"),
        (None, "is no polygon and no run-length code"),
        ({"size": [2, 4]}, "is no polygon and no run-length code"),
        (encode(np.ones((3, 3), dtype=bool)), r"expected a region of size \(2, 4\)"),
    ],
)
def test_region_of_no_form_of_coco_is_refused(code, reason):
    with pytest.raises(SampleError, match=reason):
        decode((code,), (2, 4))


def test_object_masks_want_the_objects_of_the_annotation(save):
    path = save("objects.png", [[1, 1, 0, 255], [0, 0, 2, 2]])
    boxes = ((0.0, 0.0, 1.0, 0.0), (2.0, 1.0, 3.0, 1.0))
    assert ObjectMasks(path, boxes).read(1).tolist() == [[False] * 4, [False, False, True, True]]
    with pytest.raises(SampleError, match="shows 2 objects, but the annotation lists 1"):
        ObjectMasks(path, boxes[:1]).read(0)
    with pytest.raises(SampleError, match=r"object 1 of the mask objects\.png is not where"):
        ObjectMasks(path, boxes[::-1]).read(0)


def test_box_of_a_mask_is_inclusive():
    mask = np.zeros((4, 5), dtype=bool)
    assert box_of(mask) is None
    mask[1, 2], mask[3, 4] = True, True
    assert box_of(mask) == (2.0, 1.0, 4.0, 3.0)
