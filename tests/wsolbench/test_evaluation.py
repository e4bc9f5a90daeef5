from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import score_maps
from reference.targets import evaluate, numbers, targets, truth

from wsolbench.errors import MapError, OptionError
from wsolbench.evaluation import Evaluation, report
from wsolbench.protocol import PROTOCOLS, resolve_protocol
from wsolbench.scorers.base import Task, merge
from wsolbench.scorers.maps import MapBatch

ALL = list(PROTOCOLS)
CLASSES = 4


def scenes(seed, images):
    """Batches of one image each, with one or two classes, boxes and masks."""
    rng = np.random.default_rng(seed)
    found = []
    for image in range(images):
        labels = np.sort(rng.permutation(CLASSES)[: rng.integers(1, 3)]).tolist()
        size_wh = (int(rng.integers(20, 50)), int(rng.integers(20, 50)))
        for label in labels:
            x0, y0 = rng.integers(0, 10, 2)
            mask = np.zeros(size_wh[::-1], bool)
            mask[y0 : y0 + 10, x0 : x0 + 8] = True
            others = [other for other in labels if other != label]
            box = [x0, y0, x0 + 7, y0 + 9]
            found.append(
                truth(image, label, [box], size_wh, mask=mask, ignore=~mask & False, others=others)
            )
    return found


def batch_of(truths, ranks, probabilities, indices):
    return targets(
        *(truths[i] for i in indices),
        ranks=ranks[indices],
        probabilities=probabilities[indices],
    )


@given(seed=st.integers(0, 10**6), data=st.data())
@settings(max_examples=10, deadline=None)
def test_shards_batches_and_orders_give_identical_counts_under_every_protocol(seed, data):
    truths = scenes(seed, 5)
    rng = np.random.default_rng(seed)
    ranks, probabilities = rng.integers(0, 8, len(truths)), rng.random(len(truths))
    maps = np.stack([score_maps.realistic(seed + i, (6, 6)) for i in range(len(truths))])
    images = [[i for i, t in enumerate(truths) if t.sample_id == str(n)] for n in range(5)]

    def run(order):
        evaluation = Evaluation(PROTOCOLS.values(), Task(CLASSES))
        for batch in order:
            indices = [i for image in batch for i in images[image]]
            evaluation.add(batch_of(truths, ranks, probabilities, indices), [("m", maps[indices])])
        return evaluation

    whole = run([range(5)])
    order = data.draw(st.permutations(range(5)))
    parts = run([order[:2], order[2:3], order[3:]])
    assert parts.states == whole.states
    assert parts.classification == whole.classification
    shards = [run([order[:3]]), run([order[3:]])]
    for key, states in whole.states.items():
        assert merge(shards[0].states[key], shards[1].states[key]) == states
    by_key = {(row["sample_id"], row["label"]): row for row in whole.rows}
    assert {(row["sample_id"], row["label"]): row for row in parts.rows} == by_key
    assert json.dumps(report(whole, whole, ["m"])) == json.dumps(report(parts, parts, ["m"]))


def test_every_protocol_reports_from_the_same_maps_in_one_run():
    truths = scenes(1, 4)
    n = len(truths)
    batch = batch_of(truths, np.zeros(n, int), np.full(n, 0.5), list(range(n)))
    evaluation = evaluate(ALL, batch, [score_maps.realistic(i) for i in range(n)], CLASSES)
    entries = report(evaluation, evaluation, ["m"])
    assert {entry["protocol"] for entry in entries} == set(ALL)
    json.dumps(entries, allow_nan=False)
    policies = {(e["protocol"], e["policy"]) for e in entries}
    for name in ("wsol2020", "voc-seed"):
        assert {(name, p) for p in ("oracle", "calibrated", "fixed")} <= policies
    json.dumps(evaluation.rows, allow_nan=False)
    assert set(evaluation.seconds) == set(ALL)


def test_values_are_told_apart_by_protocol_metric_and_policy():
    truths = scenes(2, 3)
    batch = batch_of(truths, np.zeros(len(truths), int), np.ones(len(truths)), range(len(truths)))
    evaluation = evaluate(ALL, batch, np.ones((len(truths), 3, 3)), CLASSES)
    keys = [
        (e["protocol"], e["metric"], e["policy"]) for e in report(evaluation, evaluation, ["m"])
    ]
    assert len(keys) == len(set(keys))


def test_variants_of_one_protocol_stand_side_by_side():
    batch = targets(truth("a", 0, [[0, 0, 9, 9]]))
    specs = ["wsol2020", "wsol2020(normaliser=ivr)"]
    evaluation = evaluate(specs, batch, [score_maps.realistic(0)])
    assert [label for _, label in evaluation.states] == specs
    assert {"wsol2020.maximum", "wsol2020(normaliser=ivr).maximum"} <= set(evaluation.rows[0])


def test_one_protocol_twice_is_refused():
    twice = [resolve_protocol("wsol2020"), resolve_protocol("wsol2020(normaliser=minmax)")]
    with pytest.raises(OptionError, match="every protocol once, but got wsol2020, wsol2020"):
        Evaluation(twice, Task(3))


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (np.ones((2, 4, 4)), r"\[1, h, w\], one per target, from method m, but got shape \(2"),
        (np.ones((4, 4)), r"got shape \(4, 4\)"),
        (np.ones((1, 0, 4)), "method m: expected score maps"),
        (np.ones((1, 4, 4), complex), "complex"),
        (np.array([[["a"]]]), "numbers"),
    ],
)
def test_maps_of_a_wrong_shape_or_kind_name_the_method(maps, message):
    evaluation = Evaluation([PROTOCOLS["wsol2020"]], Task(3))
    with pytest.raises(MapError, match=message):
        evaluation.add(targets(truth("a", 0, [[0, 0, 9, 9]])), [("m", maps)])


def test_maps_that_are_not_finite_are_counted():
    batch = targets(*(truth(i, 0, [[0, 0, 9, 9]]) for i in range(3)))
    maps = np.ones((3, 4, 4))
    maps[1, 0, 0], maps[2, 3, 3] = np.nan, np.inf
    evaluation = evaluate("wsol2020", batch, maps)
    assert evaluation.not_finite == {"m": 2}
    assert [row["finite"] for row in evaluation.rows] == [True, False, False]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"boxes": [[0, 0, 50, 9]]}, "boxes of a#0 inside the image of 40x30"),
        ({"boxes": [[9, 0, 5, 9]]}, "boxes of a#0 as x0, y0, x1, y1"),
        ({"boxes": [[0, 0, np.nan, 9]]}, "finite boxes of a#0"),
        ({"mask": np.zeros((3, 3), bool)}, r"bool mask of a#0 of the image's size \(30, 40\)"),
        ({"mask": np.zeros((30, 40))}, "float64"),
    ],
)
def test_an_image_with_unsound_truth_is_named_counted_and_left_out(bad, message):
    boxes = bad.pop("boxes", [[0, 0, 9, 9]])
    batch = targets(
        truth("a", 0, boxes, others=[1], **bad),
        truth("b", 1, [[0, 0, 39, 29]]),
        truth("a", 1, [[0, 0, 9, 9]], others=[0]),
    )
    evaluation = evaluate(["wsol2020", "corloc"], batch, np.ones((3, 4, 4)))
    assert list(evaluation.refused) == ["a"]
    assert re.search(message, evaluation.refused["a"])
    assert [row["sample_id"] for row in evaluation.rows] == ["b"]
    assert evaluation.states["m", "wsol2020"]["single"].total == 1
    assert evaluation.classification["top1"].total == 1


def test_targets_that_are_only_predicted_are_shown_to_scorers_that_ask():
    batch = targets(
        truth("a", 0, [[0, 0, 9, 9]]),
        truth("a", 2),
        shown=[True, False],
        predicted=[1, 0],
        ranks=[1, 0],
        probabilities=[0.2, 0.7],
    )
    maps = np.stack([score_maps.realistic(0), score_maps.realistic(1)])
    maps[1, 0, 0] = np.nan
    plain = evaluate(ALL, batch, maps)
    assert not plain.reads_predictions
    assert [row["label"] for row in plain.rows] == [0]
    assert plain.not_finite == {"m": 0}
    asking = evaluate([*ALL, "coco-box-ap(candidates=predictions)"], batch, maps)
    assert asking.reads_predictions
    assert [(row["label"], row["shown"]) for row in asking.rows] == [(0, True), (2, False)]
    assert asking.classification["top1"].total == 1
    for key, states in plain.states.items():
        assert asking.states[key] == states


def test_a_batch_of_nothing_is_nothing():
    evaluation = Evaluation(PROTOCOLS.values(), Task(3))
    bad = truth("a", 0, [[5, 5, 1, 1]])
    evaluation.add(targets(bad), [("m", np.ones((1, 4, 4)))])
    assert report(evaluation, None, ["m"]) == []
    assert evaluation.rows == []


def test_higher_iou_thresholds_are_never_easier():
    truths = scenes(7, 6)
    batch = batch_of(truths, np.zeros(len(truths), int), np.ones(len(truths)), range(len(truths)))
    maps = [score_maps.realistic(i) for i in range(len(truths))]
    for name, metric in (("wsol2020", "MaxBoxAcc"), ("cam2016", "GT-known Loc")):
        policy = "fixed" if name == "cam2016" else "oracle"
        found = [
            numbers(evaluate(f"{name}(single_iou_threshold={d / 10})", batch, maps))[metric, policy]
            for d in range(1, 10)
        ]
        assert found == sorted(found, reverse=True)


class TestMapBatch:
    def test_what_is_asked_for_twice_is_worked_out_once(self):
        maps = MapBatch(np.random.default_rng(0).random((2, 4, 4)))
        frame = (8, 6), "cubic", "minmax"
        assert maps.levels(*frame) is maps.levels(*frame)
        assert maps.normalised(*frame) is maps.normalised(*frame)
        assert maps.resized((8, 6), "cubic").shape == (2, 6, 8)
        assert maps.normalised((8, 6), "cubic", "max") is not maps.normalised(*frame)

    def test_protocols_of_one_box_rule_share_their_boxes(self):
        maps = MapBatch(np.random.default_rng(0).random((2, 4, 4)))
        names = ("cam2016", "corloc", "ilsvrc-loc", "coco-box-ap", "gradcam2017")
        boxes = [maps.box(1, PROTOCOLS[name], (30, 20)) for name in names]
        assert all(box is boxes[0] for box in boxes[:4])
        assert boxes[4] is not boxes[0]
        assert maps.box(1, PROTOCOLS["cam2016"], (20, 30)) is not boxes[0]

    def test_select(self):
        maps = MapBatch(np.arange(12.0).reshape(3, 2, 2))
        np.testing.assert_array_equal(maps.select(np.array([2])).raw, maps.raw[2:])
