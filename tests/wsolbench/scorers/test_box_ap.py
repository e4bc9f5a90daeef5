from __future__ import annotations

import numpy as np
import pytest
from reference.targets import evaluate, numbers, targets, truth

from wsolbench.errors import InputError


def square():
    score = np.zeros((30, 40))
    score[:10, :10] = 1.0
    return score


def test_boxes_are_ranked_by_the_probability_of_the_class():
    right, wrong = truth("a", 0, [[0, 0, 9, 9]]), truth("b", 0, [[20, 20, 29, 29]])
    maps = [square(), square()]
    for probabilities, precision in (([0.9, 0.2], 0.5), ([0.2, 0.9], 0.25)):
        batch = targets(right, wrong, probabilities=probabilities)
        # half of the truths are found, at precision 1 or 1/2; 51 of the 101 recalls are reached
        found = numbers(evaluate("coco-box-ap", batch, maps))
        assert found["Box AP50", "fixed"] == pytest.approx(precision * 51 / 50.5, abs=1e-9)


def test_the_three_numbers():
    batch = targets(truth("a", 0, [[0, 0, 9, 9]]), probabilities=[0.3])
    found = numbers(evaluate("coco-box-ap", batch, [square()]))
    assert set(found) == {(name, "fixed") for name in ("Box AP", "Box AP50", "Box AP75")}
    assert list(found.values()) == pytest.approx([1, 1, 1])


def test_without_probabilities_it_is_refused():
    with pytest.raises(InputError, match="probability of every target, by which coco-box-ap ranks"):
        evaluate("coco-box-ap", targets(truth("a", 0, [[0, 0, 9, 9]])), [square()])


def test_difficult_objects_are_neither_right_nor_wrong():
    batch = targets(
        truth("a", 0, [[0, 0, 9, 9]]),
        truth("b", 0, [[0, 0, 9, 9]], difficult=[True]),
        probabilities=[0.3, 0.9],
    )
    found = numbers(evaluate("coco-box-ap", batch, [square()] * 2))
    assert found["Box AP", "fixed"] == pytest.approx(1)


def test_predictions_of_classes_not_shown_are_false_alarms():
    shown, other = truth("a", 0, [[0, 0, 9, 9]]), truth("b", 0)
    more = {"predicted": [0, 0], "shown": [True, False], "probabilities": [0.3, 0.9]}
    labels = evaluate("coco-box-ap", targets(shown, other, **more), [square()] * 2)
    assert numbers(labels)["Box AP", "fixed"] == pytest.approx(1)
    predictions = evaluate(
        "coco-box-ap(candidates=predictions)", targets(shown, other, **more), [square()] * 2
    )
    assert predictions.reads_predictions
    assert numbers(predictions)["Box AP", "fixed"] == pytest.approx(0.5)


def test_a_class_that_is_not_predicted_brings_no_box():
    batch = targets(truth("a", 0, [[0, 0, 9, 9]]), predicted=[-1], probabilities=[0.01])
    spec = "coco-box-ap(candidates=predictions)"
    assert numbers(evaluate(spec, batch, [square()]))["Box AP", "fixed"] == 0.0


def test_shown_classes_without_boxes_are_not_scored():
    batch = targets(truth("a", 0), probabilities=[0.3])
    evaluation = evaluate("coco-box-ap", batch, [square()])
    assert numbers(evaluation) == {}
    assert len(evaluation.states["m", "coco-box-ap"]["boxes"].detections) == 0
