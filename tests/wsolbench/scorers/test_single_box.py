from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import score_maps
from reference.single_box import component_box, devkit_error
from reference.targets import evaluate, numbers, targets, truth

from wsolbench import scoremap
from wsolbench.evaluation import report

NAMES = ["cam2016", "gradcam2017", "layercam2021", "tscam2021", "ilsvrc-loc"]
SIZE_WH = (40, 30)


def square(x0=0, y0=0, x1=9, y1=9, size_wh=SIZE_WH):
    score = np.zeros(size_wh[::-1])
    score[y0 : y1 + 1, x0 : x1 + 1] = 1.0
    return score


@pytest.mark.parametrize("name", NAMES)
def test_a_perfect_box_is_right_and_a_far_one_is_wrong(name):
    frame = (224, 224)
    hit = truth("a", 0, [[50, 60, 150, 160]], frame)
    miss = truth("b", 0, [[180, 0, 223, 40]], frame)
    maps = [square(50, 60, 150, 160, frame)] * 2
    found = numbers(evaluate(name, targets(hit, miss), maps))
    assert found["GT-known Loc", "fixed"] == 0.5
    assert found["Top-1 Loc", "fixed"] == found["Top-5 Loc", "fixed"] == 0.5


def test_top_k_of_both_senses_by_hand():
    """Image a shows two classes, ranked 1st and 8th, both boxes right; image b one, ranked 3rd."""
    batch = targets(
        truth("a", 0, [[0, 0, 9, 9]], others=[1]),
        truth("a", 1, [[0, 0, 9, 9]], others=[0]),
        truth("b", 2, [[0, 0, 9, 9]]),
        ranks=[0, 7, 2],
    )
    found = numbers(evaluate("cam2016", batch, [square()] * 3))
    assert found == {
        ("GT-known Loc", "fixed"): 1.0,
        ("Top-1 Loc", "fixed"): pytest.approx(1 / 3),
        ("Top-5 Loc", "fixed"): pytest.approx(2 / 3),
        ("Top-1 error (devkit)", "fixed"): 0.5,
        ("Top-5 error (devkit)", "fixed"): 0.0,
    }


def test_the_devkit_reads_the_list_of_predictions_where_there_is_one():
    """Six equal logits: no class ranks above the label, yet it is not among the five."""
    one = truth("a", 0, [[0, 0, 9, 9]])
    for place, error in ((-1, 1.0), (4, 0.0)):
        batch = targets(one, ranks=[0], predicted=[place])
        assert (
            numbers(evaluate("ilsvrc-loc", batch, [square()]))["Top-5 error (devkit)", "fixed"]
            == error
        )


def test_predicted_classes_that_the_image_does_not_show_change_nothing():
    """A prediction of a wrong label has error 1 whatever its box: its map is not needed."""
    shown, other = truth("a", 0, [[0, 0, 9, 9]]), truth("a", 3)
    alone = evaluate("ilsvrc-loc", targets(shown, ranks=[1]), [square()])
    batch = targets(shown, other, ranks=[1, 0], predicted=[1, 0], shown=[True, False])
    both = evaluate("ilsvrc-loc", batch, [square(), square()])
    assert alone.states == both.states


@given(seed=st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_devkit_error_equals_the_obvious_loop_over_five_predictions(seed):
    rng = np.random.default_rng(seed)
    truths, maps, places, errors = [], [], [], {1: [], 5: []}
    for image in range(3):
        labels = rng.permutation(8)[: rng.integers(1, 4)].tolist()
        predicted = rng.permutation(8)[:5].tolist()
        raw = {label: rng.random((4, 5)) for label in range(8)}
        boxes = {
            label: np.sort(rng.integers(0, [40, 30], (2, 2, 2)), axis=1).reshape(2, 4).tolist()
            for label in labels
        }
        found = [
            (label, component_box(scoremap.resize(raw[label][None], (30, 40), "linear")[0], 0.2))
            for label in predicted
        ]
        for k, listed in errors.items():
            listed.append(devkit_error(found[:k], boxes))
        for label in labels:
            others = [other for other in labels if other != label]
            truths.append(truth(image, label, boxes[label], others=others))
            maps.append(raw[label])
            places.append(predicted.index(label) if label in predicted else -1)
    ranks = [place if place >= 0 else 6 for place in places]
    batch = targets(*truths, ranks=ranks, predicted=places)
    got = numbers(evaluate("cam2016", batch, maps, num_classes=8))
    for k, listed in errors.items():
        assert got[f"Top-{k} error (devkit)", "fixed"] == pytest.approx(np.mean(listed))


def test_iou_of_exactly_a_half_counts_for_gt_known_and_not_for_tscams_top_k():
    """Box 10x10 of a truth 10x20: IoU .5 exactly in inclusive pixels."""
    batch = targets(truth("a", 0, [[0, 0, 10, 21]], (224, 224)))
    score = square(0, 0, 9, 9, (224, 224))  # box [0, 0, 10, 10] of 11x11; truth 11x22
    found = numbers(evaluate("tscam2021", batch, [score]))
    assert (found["GT-known Loc", "fixed"], found["Top-1 Loc", "fixed"]) == (1.0, 0.0)
    assert numbers(evaluate("layercam2021", batch, [score]))["Top-1 Loc", "fixed"] == 1.0


def test_boxes_are_in_original_coordinates():
    one = truth("a", 0, [[100, 20, 399, 99]], (400, 100))
    raw = np.zeros((4, 4))
    raw[1:, 1:] = 1.0
    row = evaluate("cam2016", targets(one), [raw]).rows[0]
    large = scoremap.resize(raw[None], (100, 400), "linear")[0]
    assert row["cam2016.box"] == component_box(large, 0.2)
    assert row["cam2016.iou"] > 0.7


def test_difficult_only_and_unboxed_targets_are_not_scored():
    only = truth("a", 0, [[0, 0, 9, 9]], difficult=[True])
    evaluation = evaluate("cam2016", targets(only, truth("b", 1)), [square()] * 2)
    assert numbers(evaluation) == {}
    assert [row["cam2016.iou"] for row in evaluation.rows] == [None, None]


def test_an_image_counts_once_in_the_devkits_error():
    batch = targets(*(truth("a", i, [[0, 0, 9, 9]]) for i in range(3)))
    states = evaluate("cam2016", batch, [square()] * 3).states["m", "cam2016"]
    assert states["error1"].total == 1
    assert states["known"].total == 3


def test_nan_maps_miss():
    batch = targets(truth("a", 0, [[0, 0, 1, 1]]))
    for name in NAMES:
        found = numbers(evaluate(name, batch, [np.full((3, 3), np.nan)]))
        assert found["GT-known Loc", "fixed"] == 0.0


@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_gt_known_is_at_least_top5_at_least_top1(seed):
    rng = np.random.default_rng(seed)
    truths = [truth(i, 0, [[0, 0, 25, 20]]) for i in range(6)]
    maps = [score_maps.realistic(seed + i, (5, 5)) for i in range(6)]
    batch = targets(*truths, ranks=rng.integers(0, 8, 6))
    for name in NAMES:
        found = numbers(evaluate(name, batch, maps))
        assert (
            found["GT-known Loc", "fixed"]
            >= found["Top-5 Loc", "fixed"]
            >= found["Top-1 Loc", "fixed"]
        )


def test_errors_are_better_when_lower():
    entries = report(
        evaluate("cam2016", targets(truth("a", 0, [[0, 0, 9, 9]])), [square()]), None, ["m"]
    )
    lower = {entry["metric"] for entry in entries if not entry["higher_is_better"]}
    assert lower == {"Top-1 error (devkit)", "Top-5 error (devkit)"}
