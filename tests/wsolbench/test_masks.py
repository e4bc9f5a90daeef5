"""Where masks come from."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from wsolbench.errors import SampleError
from wsolbench.masks import IndexMasks, RleMasks


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
