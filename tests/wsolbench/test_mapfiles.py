"""Score maps on disk: names, and what is refused."""

import numpy as np
import pytest

from wsolbench.errors import SampleError
from wsolbench.mapfiles import map_path, method_folder, read_map, write_map
from wsolbench.sample import Sample

ONE = Sample("val/a b é.JPEG", None, (4, 3), (7,))
TWO = Sample("000032", None, (4, 3), (0, 14))


def test_names_follow_wsolevaluation_and_add_the_label_where_there_are_several(tmp_path):
    assert map_path(tmp_path, ONE, 7) == tmp_path / "val" / "a b é.JPEG.npy"
    assert map_path(tmp_path, TWO, 14) == tmp_path / "000032#14.npy"
    assert method_folder(tmp_path, "cam(layers=a/b)") == tmp_path / "cam(layers=a_b)"


def test_round_trip_is_float32_and_keeps_nan(tmp_path):
    score_map = np.array([[0.1, np.nan], [1e30, -2.0]])
    write_map(tmp_path, ONE, 7, score_map)
    found = read_map(tmp_path, ONE, 7)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, score_map.astype(np.float32))


@pytest.mark.parametrize(
    "content",
    [np.zeros(4), np.zeros((1, 2, 2)), np.zeros((0, 3)), np.array([["a"]]), np.zeros((2, 2), "c8")],
    ids=["1-d", "3-d", "empty", "text", "complex"],
)
def test_no_map_is_refused_with_its_shape(tmp_path, content):
    np.save(tmp_path / "000032#0.npy", content)
    with pytest.raises(SampleError, match=r"expected a score map \[h, w\].*but got shape"):
        read_map(tmp_path, TWO, 0)


def test_missing_damaged_and_pickled_files_are_refused(tmp_path):
    with pytest.raises(SampleError, match="there is no score map"):
        read_map(tmp_path, TWO, 0)
    (tmp_path / "000032#0.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(SampleError, match="cannot be read"):
        read_map(tmp_path, TWO, 0)
    np.save(tmp_path / "000032#14.npy", np.array([[{}]], dtype=object), allow_pickle=True)
    with pytest.raises(SampleError, match="cannot be read"):
        read_map(tmp_path, TWO, 14)
