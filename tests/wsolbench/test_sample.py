"""Samples and the ground truth of one target."""

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest

from wsolbench.errors import InputError
from wsolbench.masks import RleMasks
from wsolbench.sample import Instance, Sample, truth_of

DOG, CAT, COW = 2, 1, 5
SAMPLE = Sample(
    id="a",
    path=Path("a.jpg"),
    size_wh=(20, 10),
    labels=(CAT, DOG),
    instances=(
        Instance(DOG, (0, 1, 2, 3)),
        Instance(CAT, (4, 4, 5, 5)),
        Instance(DOG, (6, 7, 8, 9), difficult=True),
    ),
)


def with_mask(height, width):
    mask = np.zeros((height, width), dtype=bool)
    mask[1:4, 0:3] = True
    return dataclasses.replace(SAMPLE, masks=RleMasks.of({DOG: mask}))


def test_instances_of_a_label():
    assert [instance.box_xyxy for instance in SAMPLE.of_label(DOG)] == [(0, 1, 2, 3), (6, 7, 8, 9)]
    assert SAMPLE.of_label(COW) == ()


def test_samples_are_frozen_and_picklable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SAMPLE.id = "b"
    assert pickle.loads(pickle.dumps(with_mask(10, 20))) == with_mask(10, 20)  # noqa: S301


def test_truth_gathers_the_boxes_of_a_class():
    truth = truth_of(SAMPLE, DOG, (20, 10), masks=False)
    assert truth.key == "a#2"
    assert truth.boxes_xyxy.dtype == np.float64
    assert truth.boxes_xyxy.tolist() == [[0, 1, 2, 3], [6, 7, 8, 9]]
    assert truth.difficult.tolist() == [False, True]
    assert truth.scored_boxes_xyxy.tolist() == [[0, 1, 2, 3]]
    assert truth.others == (CAT,)
    assert truth.mask is None
    assert truth.ignore is None


def test_truth_of_an_absent_class_is_empty():
    truth = truth_of(SAMPLE, COW, (20, 10), masks=False)
    assert truth.boxes_xyxy.shape == (0, 4)
    assert truth.difficult.shape == (0,)
    assert truth.others == (CAT, DOG)


def test_masks_are_read_only_when_asked_for():
    assert truth_of(with_mask(10, 20), DOG, (20, 10), masks=False).mask is None
    truth = truth_of(with_mask(10, 20), DOG, (20, 10), masks=True)
    assert truth.mask.sum() == 9
    assert truth.ignore.sum() == 0


def test_mask_of_another_size_is_refused():
    with pytest.raises(InputError, match=r"image's size \(10, 20\) .* but got \(20, 10\)"):
        truth_of(with_mask(20, 10), DOG, (20, 10), masks=True)
