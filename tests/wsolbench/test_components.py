from __future__ import annotations

import dataclasses
import itertools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from reference import levels as maps
from reference.contours import best_iou_at, contour_boxes, inclusive_iou

from wsolbench.components import best_iou_by_level, best_iou_by_level_batch, component_tree
from wsolbench.errors import InputError


def assert_boxes_of_opencv(levels, at_levels=range(256)):
    tree = component_tree(levels)
    for k in at_levels:
        expected = sorted(contour_boxes(levels, k).tolist())
        assert sorted(tree.multi_boxes(k).tolist()) == expected, f"multi, level {k}"
        largest = contour_boxes(levels, k, largest_only=True)[0].tolist()
        assert tree.single_box(k).tolist() == largest, f"single, level {k}"


def deciding_levels(levels):
    """Every level at which the mask changes, and its neighbours."""
    values = {int(value) for value in np.unique(levels)}
    near = values | {value - 1 for value in values} | {value + 1 for value in values}
    return sorted((near & set(range(256))) | {0, 255})


def painted(height, width, *rectangles):
    """A map of zeros with rectangles (rows, columns, value), bounds inclusive."""
    score_map = np.zeros((height, width))
    for (top, bottom), (left, right), value in rectangles:
        score_map[top : bottom + 1, left : right + 1] = value
    return score_map


def ring():
    y, x = np.mgrid[:224, :224]
    distance = (y - 112) ** 2 + (x - 112) ** 2
    return ((distance <= 80**2) & (distance > 40**2)).astype(float)


TWO_SQUARES = painted(10, 10, ((1, 3), (1, 3), 1.0), ((6, 8), (5, 9), 0.6))
LINE_AND_SQUARE = painted(10, 10, ((1, 1), (1, 8), 1.0), ((5, 6), (5, 6), 1.0))
TWO_LINES = painted(10, 10, ((1, 1), (1, 8), 1.0), ((5, 5), (5, 6), 1.0))
DIAGONAL = painted(10, 10, ((2, 2), (2, 2), 1.0), ((3, 3), (3, 3), 1.0))
ONE_HOLE = 1 - painted(10, 10, ((5, 5), (5, 5), 1.0))


@pytest.mark.parametrize(
    ("score_map", "threshold", "multi", "single"),
    [
        pytest.param(np.zeros((6, 8)), 0.0, [[0, 0, 0, 0]], [0, 0, 0, 0], id="zeros"),
        pytest.param(np.zeros((6, 8)), 0.5, [[0, 0, 0, 0]], [0, 0, 0, 0], id="zeros, t = .5"),
        pytest.param(TWO_SQUARES, 0.0, [[5, 6, 9, 9], [1, 1, 4, 4]], [5, 6, 9, 9], id="t = 0"),
        pytest.param(TWO_SQUARES, 0.3, [[5, 6, 9, 9], [1, 1, 4, 4]], [5, 6, 9, 9], id="t = .3"),
        pytest.param(TWO_SQUARES, 0.59, [[5, 6, 9, 9], [1, 1, 4, 4]], [5, 6, 9, 9], id="t = .59"),
        pytest.param(TWO_SQUARES, 0.6, [[1, 1, 4, 4]], [1, 1, 4, 4], id="level at the threshold"),
        pytest.param(
            LINE_AND_SQUARE, 0.5, [[5, 5, 7, 7], [1, 1, 9, 2]], [5, 5, 7, 7], id="line and square"
        ),
        pytest.param(
            TWO_LINES, 0.5, [[5, 5, 7, 6], [1, 1, 9, 2]], [5, 5, 7, 6], id="two lines of area 0"
        ),
        pytest.param(DIAGONAL, 0.5, [[2, 2, 4, 4]], [2, 2, 4, 4], id="diagonal"),
        pytest.param(ONE_HOLE, 0.5, [[0, 0, 9, 9], [4, 4, 7, 7]], [0, 0, 9, 9], id="hole"),
        pytest.param(
            ring(), 0.5, [[32, 32, 193, 193], [71, 71, 154, 154]], [32, 32, 193, 193], id="ring"
        ),
    ],
)
def test_golden_boxes(score_map, threshold, multi, single):
    levels = (score_map * 255).astype(np.uint8)
    k = int(threshold * levels.max())
    tree = component_tree(levels)
    assert sorted(tree.multi_boxes(k).tolist()) == sorted(multi)
    assert tree.single_box(k).tolist() == single
    assert sorted(contour_boxes(levels, k).tolist()) == sorted(multi)


def test_tree_of_a_hand_made_map():
    levels = np.array([[9, 9, 9, 0], [9, 4, 9, 7], [9, 9, 9, 0]], np.uint8)
    tree = component_tree(levels)
    found = zip(
        tree.boxes_xyxy.tolist(), tree.first_level, tree.last_level, tree.is_hole, strict=True
    )
    assert sorted(found) == [
        ([0, 0, 3, 2], 0, 6, False),
        ([0, 0, 3, 2], 4, 8, True),
        ([0, 0, 3, 2], 7, 8, False),
    ]
    assert tree.maximum == 9
    assert tree.multi_boxes(9).tolist() == [[0, 0, 0, 0]]
    with pytest.raises(dataclasses.FrozenInstanceError):
        tree.maximum = 3


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 37), (37, 1), (2, 2), (3, 3), (7, 11), (16, 16), (50, 31)], ids=str
)
@pytest.mark.parametrize("values", [1, 2, 3, 5, 256])
def test_noise(shape, values):
    rng = np.random.default_rng([*shape, values])
    for _ in range(6):
        levels = maps.noise(rng, *shape, values)
        assert_boxes_of_opencv(levels, deciding_levels(levels))


@pytest.mark.parametrize("values", [2, 3, 256])
def test_large_noise(values):
    levels = maps.noise(np.random.default_rng(values), 224, 160, values)
    assert_boxes_of_opencv(levels, deciding_levels(levels)[:: max(1, values // 8)])


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize("cells", [7, 14, 28])
def test_upsampled_noise(seed, cells):
    height, width = [(224, 224), (224, 160), (90, 131)][seed % 3]
    rng = np.random.default_rng([seed, cells])
    assert_boxes_of_opencv(maps.upsampled_noise(rng, cells, height, width))


@pytest.mark.parametrize("seed", range(24))
def test_blobs(seed):
    assert_boxes_of_opencv(maps.blobs(np.random.default_rng(seed), count=1 + seed % 8))


@pytest.mark.parametrize("seed", range(40))
def test_terraces(seed):
    rng = np.random.default_rng(seed)
    levels = maps.terraces(rng, *rng.integers(2, 90, 2), values=2 + seed % 5)
    assert_boxes_of_opencv(levels, deciding_levels(levels))


CHECKERBOARD = (np.indices((12, 15)).sum(0) % 2 * 200).astype(np.uint8)
BORDER_FRAME = np.pad(np.zeros((9, 9), np.uint8), 1, constant_values=180)
LONE_PIXELS = np.zeros((9, 9), np.uint8)
LONE_PIXELS[[0, 0, 4, 8, 8], [0, 8, 4, 0, 8]] = [9, 9, 40, 9, 9]
LINES = np.zeros((20, 20), np.uint8)
LINES[2, 3:9] = LINES[5:15, 12] = LINES[2, 12:15] = LINES[17, 3:9] = 77
LINES[np.arange(6, 12), np.arange(2, 8)] = 77
EQUAL_SQUARES = np.kron(np.array([[1, 0, 1], [0, 0, 0], [1, 0, 2]]), np.ones((4, 4)))


@pytest.mark.parametrize(
    "levels",
    [
        pytest.param(np.full((8, 5), 255, np.uint8), id="all 255"),
        pytest.param(np.full((8, 5), 3, np.uint8), id="constant"),
        pytest.param(CHECKERBOARD, id="checkerboard"),
        pytest.param(200 - CHECKERBOARD, id="the other checkerboard"),
        pytest.param(BORDER_FRAME, id="frame"),
        pytest.param(LONE_PIXELS, id="lone pixels"),
        pytest.param(LINES, id="lines"),
        pytest.param(EQUAL_SQUARES.astype(np.uint8), id="equal squares"),
        pytest.param(maps.rings(), id="rings"),
        pytest.param(255 - maps.rings(), id="dark rings"),
        pytest.param(maps.spiral(), id="spiral"),
        pytest.param(255 - maps.spiral(), id="dark spiral"),
        pytest.param(maps.comb(), id="comb"),
        pytest.param(maps.comb().T, id="lying comb"),
    ],
)
def test_patterns(levels):
    assert_boxes_of_opencv(levels)


few_levels = hnp.arrays(
    np.uint8,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements=st.sampled_from([0, 1, 2, 100, 255]),
)


@settings(max_examples=150, deadline=None)
@given(few_levels)
def test_any_map_has_the_boxes_of_opencv(levels):
    assert_boxes_of_opencv(levels, [0, 1, 2, 99, 100, 254, 255])


@settings(max_examples=80, deadline=None)
@given(few_levels, st.integers(0, 2**32 - 1))
def test_any_map_has_the_iou_of_opencv(levels, seed):
    boxes = random_boxes(np.random.default_rng(seed), 3, *levels.shape)
    best = best_iou_by_level(levels, boxes)
    for k in (0, 1, 2, 99, 100, 254, 255):
        assert best.multi[k] == best_iou_at(levels, k, boxes)
        assert best.single[k] == best_iou_at(levels, k, boxes, largest_only=True)


@settings(max_examples=60, deadline=None)
@given(few_levels)
def test_a_mirrored_map_has_mirrored_components(levels):
    width = levels.shape[1]
    tree, mirrored = component_tree(levels), component_tree(levels[:, ::-1])
    for k in (0, 1, 2, 100):
        boxes, others = tree.multi_boxes(k), mirrored.multi_boxes(k)
        assert len(boxes) == len(others)
        assert sorted(boxes[:, 1::2].tolist()) == sorted(others[:, 1::2].tolist())
        assert (others[:, 2] < width).all()


def random_boxes(rng, count, height, width):
    corners = np.sort(rng.integers(0, [width, height], (2, count, 2)), axis=0)
    return np.concatenate(corners, axis=1)


@pytest.mark.parametrize("count", [1, 3, 20])
def test_best_iou_is_the_same_number_as_with_opencv(count):
    rng = np.random.default_rng(count)
    levels = maps.upsampled_noise(rng, 14, 224, 160)
    boxes = random_boxes(rng, count, 224, 160)
    best = best_iou_by_level(levels, boxes)
    expected = [best_iou_at(levels, k, boxes) for k in range(256)]
    np.testing.assert_array_equal(best.multi, expected)
    expected = [best_iou_at(levels, k, boxes, largest_only=True) for k in range(256)]
    np.testing.assert_array_equal(best.single, expected)


def test_iou_by_hand():
    levels = painted(10, 10, ((2, 5), (1, 4), 200)).astype(np.uint8)  # its box is (1, 2, 5, 6)
    best = best_iou_by_level(levels, [[3, 1, 4, 5]])
    assert set(best.multi[:200]) == set(best.single[:200]) == {8 / 27}
    assert set(best.multi[200:]) == set(best.single[200:]) == {0.0}


def test_an_empty_mask_is_scored_as_the_first_pixel():
    best = best_iou_by_level(np.zeros((6, 8), np.uint8), [[0, 0, 1, 1]])
    assert set(best.multi) == set(best.single) == {0.25}


def test_true_boxes_may_reach_out_of_the_map():
    levels = np.full((4, 4), 9, np.uint8)
    boxes = np.array([[-2, -2, 9, 9]])
    whole = np.array([[0, 0, 3, 3]])
    assert best_iou_by_level(levels, boxes).multi[0] == inclusive_iou(whole, boxes).item()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_batch_is_scored_as_its_maps_one_by_one(threads):
    rng = np.random.default_rng(0)
    levels = np.stack([maps.upsampled_noise(rng, 7, 48, 32) for _ in range(21)])
    counts = rng.integers(1, 5, len(levels))
    offsets = np.concatenate([[0], counts.cumsum()])
    boxes = random_boxes(rng, counts.sum(), 48, 32)
    batch = best_iou_by_level_batch(levels, boxes, offsets, threads=threads)
    for index, (begin, end) in enumerate(itertools.pairwise(offsets)):
        alone = best_iou_by_level(levels[index], boxes[begin:end])
        np.testing.assert_array_equal(batch.multi[index], alone.multi)
        np.testing.assert_array_equal(batch.single[index], alone.single)


def test_an_empty_batch_is_refused():
    with pytest.raises(InputError, match=r"expected levels \[B, H, W\].*got .* shape \[0, 4, 4\]"):
        best_iou_by_level_batch(np.zeros((0, 4, 4), np.uint8), [[0, 0, 1, 1]], [0])


def test_views_and_read_only_maps_are_fine():
    levels = maps.terraces(np.random.default_rng(3), 40, 30)
    view = levels[::2, ::-1]
    view.flags.writeable = False
    assert_boxes_of_opencv(view, deciding_levels(view))


def test_the_map_is_left_as_it_was():
    levels = maps.terraces(np.random.default_rng(3), 40, 30)
    before = levels.copy()
    best_iou_by_level(levels, [[0, 0, 5, 5]])
    np.testing.assert_array_equal(levels, before)


@pytest.mark.parametrize(
    "levels",
    [np.zeros((4, 4)), np.zeros(4, np.uint8), np.zeros((0, 4), np.uint8), [[0, 1], [2, 3]]],
    ids=["float64", "1-D", "no pixel", "int64"],
)
def test_what_is_no_map_is_refused(levels):
    with pytest.raises(InputError, match=r"expected levels \[H, W\] of dtype uint8.*got dtype"):
        component_tree(levels)


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([], r"expected true boxes \[G, 4\].*got shape \[0\]"),
        (np.zeros((0, 4)), r"G >= 1, got shape \[0, 4\]"),
        ([1, 2, 3, 4], r"got shape \[4\]"),
        ([[0, 0, 1, 1], [3, 0, 2, 1]], r"x0 <= x1.*got \[3.0, 0.0, 2.0, 1.0\] in row 1"),
        ([[0, 0, np.nan, 1]], "expected finite true boxes"),
        ([[0, 0, np.inf, 1]], "expected finite true boxes"),
    ],
)
def test_what_is_no_box_is_refused(boxes, message):
    with pytest.raises(InputError, match=message):
        best_iou_by_level(np.zeros((4, 4), np.uint8), boxes)


@pytest.mark.parametrize(
    ("offsets", "message"),
    [
        ([0, 2], r"expected offsets \[3\]"),
        ([0, 1, 3], "number of boxes 2"),
        ([1, 1, 2], "from 0"),
        ([0, 2, 2], "none for map 1"),
        ([0, 3, 2], "none for map 1"),
    ],
)
def test_offsets_that_do_not_fit_are_refused(offsets, message):
    levels, boxes = np.zeros((2, 4, 4), np.uint8), [[0, 0, 1, 1], [0, 0, 2, 2]]
    with pytest.raises(InputError, match=message):
        best_iou_by_level_batch(levels, boxes, offsets)


def test_threads_leave_a_process_able_to_fork():
    code = (
        "import multiprocessing, numpy as np\n"
        "from wsolbench.components import best_iou_by_level_batch as best\n"
        "args = np.ones((9, 3, 3), np.uint8), np.ones((9, 4)), np.arange(10)\n"
        "best(*args, threads=2)\n"
        "child = multiprocessing.get_context('fork').Process(\n"
        "    target=best, args=args, kwargs={'threads': 2})\n"
        "child.start()\n"
        "child.join()\n"
        "raise SystemExit(child.exitcode)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
