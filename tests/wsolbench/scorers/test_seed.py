from __future__ import annotations

import cv2
import numpy as np
import pytest
from reference.targets import evaluate, numbers, targets, truth

from wsolbench.errors import InputError
from wsolbench.evaluation import report


def half_masks():
    left = np.zeros((30, 40), bool)
    left[:, :20] = True
    return left, ~left


def pair(image="a", left_label=0, right_label=1, ignore=None):
    left, right = half_masks()
    return (
        truth(image, left_label, mask=left, ignore=ignore, others=[right_label]),
        truth(image, right_label, mask=right, ignore=ignore, others=[left_label]),
    )


def half_maps():
    left, right = half_masks()
    return [left.astype(float), right.astype(float)]


def test_perfect_maps_of_two_classes():
    found = numbers(evaluate("voc-seed", targets(*pair()), half_maps()))
    assert found["Seed mIoU", "oracle"] == 1.0
    assert found["Seed mIoU", "fixed"] == 1.0
    assert found["Seed mIoU (IRN)", "fixed"] == 1.0
    assert found["Seed mIoU (ReCAM)", "fixed"] == 1.0
    assert ("Seed mIoU", "calibrated") not in found


def test_equals_the_obvious_argmax_with_opencv():
    rng = np.random.default_rng(0)
    left, right = half_masks()
    left[10:], right[:5] = False, False
    ignore = np.zeros((30, 40), bool)
    ignore[0] = True
    truths = (
        truth("a", 3, mask=left & ~ignore, ignore=ignore, others=[1]),
        truth("a", 1, mask=right & ~ignore, ignore=ignore, others=[3]),
    )
    raws = rng.normal(size=(2, 6, 6)) + 0.5
    scores = []
    for raw in raws:
        large = cv2.resize(np.maximum(raw, 0), (40, 30), interpolation=cv2.INTER_LINEAR)
        scores.append(large / (large.max() + 1e-5))
    actual = np.zeros((30, 40), int)
    actual[left], actual[right], actual[ignore] = 4, 2, 255
    got = evaluate("voc-seed", targets(*truths), raws)
    for background, name in ((0.15, "IRN"), (0.21, "ReCAM")):
        stack = np.stack([np.full((30, 40), background), scores[1], scores[0]])
        predicted = np.array([0, 2, 4])[stack.argmax(0)]
        kept = actual != 255
        ious = []
        for c in (0, 2, 4):
            a, b = actual[kept] == c, predicted[kept] == c
            ious.append((a & b).sum() / (a | b).sum())
        assert numbers(got)[f"Seed mIoU ({name})", "fixed"] == pytest.approx(np.mean(ious))


def test_the_background_is_chosen_on_train_fullsup():
    left = half_masks()[0]
    weak = np.where(left, 1.0, 0.4)
    strong = np.where(left, 1.0, 0.1)
    one = targets(truth("a", 0, mask=left))
    calibration = evaluate("voc-seed", one, [strong])
    found = numbers(evaluate("voc-seed", one, [weak]), calibration)
    assert found["Seed mIoU", "oracle"] == 1.0
    assert found["Seed mIoU", "calibrated"] < 0.6


def test_ignored_pixels_count_neither_way():
    ignore = np.zeros((30, 40), bool)
    ignore[:, 20:] = True
    left = half_masks()[0]
    one = truth("a", 0, mask=left, ignore=ignore)
    evaluation = evaluate("voc-seed", targets(one), [np.ones((2, 2))])
    assert evaluation.states["m", "voc-seed"]["seed"].actual.sum() == 600
    assert numbers(evaluation)["Seed mIoU", "fixed"] == 1.0


def test_images_of_a_class_without_mask_are_not_scored():
    first, second = pair()
    unmasked = truth("a", 1, others=[0])
    assert numbers(evaluate("voc-seed", targets(first, unmasked), half_maps())) == {}
    assert numbers(evaluate("voc-seed", targets(first, second), half_maps())) != {}


def test_all_classes_of_an_image_have_to_be_in_one_batch():
    with pytest.raises(InputError, match=r"all classes \[0, 1\] of a in one batch, but got \[0\]"):
        evaluate("voc-seed", targets(pair()[0]), half_maps()[:1])


def test_nan_maps_predict_nothing():
    found = numbers(
        evaluate("voc-seed", targets(*pair()), [np.full((30, 40), np.nan), half_maps()[1]])
    )
    assert found["Seed mIoU", "fixed"] == pytest.approx((0 + 0 + 1) / 3)


def test_report_per_class():
    evaluation = evaluate("voc-seed", targets(*pair()), half_maps(), num_classes=3)
    entry = next(e for e in report(evaluation, None, ["m"]) if e["policy"] == "fixed")
    assert entry["per_class"] == [None, 1.0, 1.0, None]
