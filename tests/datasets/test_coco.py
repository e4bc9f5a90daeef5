"""COCO 2017: its JSON, boxes, regions and crowds."""

import numpy as np
import pytest

from wsolbench.checks import check_dataset
from wsolbench.errors import DataError
from wsolbench.registry import DATASETS
from wsolbench.sample import Instance, Problem

PERSON, BICYCLE, TOOTHBRUSH = 0, 1, 79
IDS = [number for number in range(1, 91) if number not in {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}]


def annotation(image_id, category_id, bbox, segmentation=None, **more):
    square = [[bbox[0], bbox[1], bbox[0] + bbox[2], bbox[1], bbox[0] + bbox[2],
               bbox[1] + bbox[3], bbox[0], bbox[1] + bbox[3]]]  # fmt: skip
    segmentation = square if segmentation is None else segmentation
    entry = {"image_id": image_id, "category_id": category_id, "bbox": bbox, "iscrowd": 0}
    return {"id": 7, **entry, "segmentation": segmentation, **more}


def write(tree, annotations, part="val2017", images=(3,), home="", classes=None):
    names = classes or DATASETS["coco"].classes
    content = {
        "images": [
            {"id": n, "file_name": f"{n:012d}.jpg", "width": 20, "height": 10}
            for n in reversed(images)
        ],
        "categories": [{"id": n, "name": name} for n, name in zip(IDS, names, strict=True)][::-1],
        "annotations": annotations,
    }
    tree.json(f"{home}annotations/instances_{part}.json", content)
    for number in images:
        tree.image(f"{home}{part}/{number:012d}.jpg")


@pytest.mark.parametrize("home", ["", "coco/"])
def test_boxes_labels_and_masks(tree, home):
    entries = [
        annotation(3, 90, [2, 1, 4, 3]),
        annotation(3, 1, [0, 0, 20, 10]),
        annotation(3, 1, [10.5, 2.5, 0.5, 1]),
    ]
    write(tree, entries, home=home)
    (sample,) = tree.load("coco").samples
    assert (sample.id, sample.size_wh) == ("000000000003.jpg", (20, 10))
    assert sample.labels == (PERSON, TOOTHBRUSH)
    assert sample.instances == (
        Instance(TOOTHBRUSH, (2.0, 1.0, 5.0, 3.0)),
        Instance(PERSON, (0.0, 0.0, 19.0, 9.0)),
        Instance(PERSON, (10.5, 2.5, 10.5, 2.5)),
    )
    foreground, ignore = sample.masks.read(TOOTHBRUSH)
    assert (foreground.sum(), foreground[1:4, 2:6].all(), ignore.any()) == (12, True, False)
    assert np.array_equal(sample.instance_masks.read(0), foreground)


def test_crowd_is_run_length_coded_and_part_of_the_class(tree):
    # columns first: 30 pixels off, 5 on (the first half of column 3), 165 off
    crowd = {"size": [10, 20], "counts": [30, 5, 165]}
    entries = [
        annotation(3, 1, [3, 0, 1, 5], crowd, iscrowd=1),
        annotation(3, 1, [5, 5, 2, 2]),
    ]
    write(tree, entries)
    (sample,) = tree.load("coco").samples
    assert [instance.crowd for instance in sample.instances] == [True, False]
    foreground, _ = sample.masks.read(PERSON)
    assert (foreground.sum(), foreground[0:5, 3].all()) == (9, True)
    assert sample.instance_masks.read(0).sum() == 5
    assert check_dataset("coco", tree.root) == []


def test_images_without_instances_are_left_out_and_calibration_is_of_the_training_set(tree):
    entries = [annotation(9, 1, [1, 1, 2, 2]), annotation(5, 2, [1, 1, 2, 2])]
    write(tree, entries, "train2017", images=(3, 5, 9))
    for split in ("train-weaksup", "train-fullsup"):
        loaded = tree.load("coco", split)
        assert [sample.id for sample in loaded.samples] == ["000000000005.jpg", "000000000009.jpg"]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (annotation(3, 1, [1, 1, 0, 2]), "annotation 7 left out: the box is 0 x 2 pixels"),
        (annotation(3, 1, [1, 1, float("nan"), 2]), "the box is nan x 2 pixels"),
        (annotation(3, 1, [25, 1, 2, 2]), "reaches outside"),
        (annotation(3, 12, [1, 1, 2, 2]), "no category 12"),
        (annotation(3, 1, [1, 1, 2, 2]) | {"bbox": [1, 1]}, "annotation 7 left out"),
    ],
)
def test_annotation_that_cannot_be_used_is_left_out(tree, entry, reason):
    write(tree, [entry, annotation(3, 2, [1, 1, 2, 2])])
    loaded = tree.load("coco")
    assert [sample.labels for sample in loaded.samples] == [(BICYCLE,)]
    (problem,) = loaded.problems
    assert problem.id == "000000000003.jpg"
    assert reason in problem.reason


def test_absent_image_is_a_problem(tree):
    write(tree, [annotation(n, 1, [1, 1, 2, 2]) for n in (3, 4)], images=(3, 4))
    (tree.root / "val2017/000000000003.jpg").unlink()
    assert tree.load("coco").problems == (
        Problem("000000000003.jpg", "no image file 000000000003.jpg"),
    )


def test_other_categories_or_no_json_are_refused(tree):
    with pytest.raises(DataError, match=r"looked for annotations/instances_val2017\.json"):
        tree.load("coco")
    write(tree, [], classes=DATASETS["coco"].classes[::-1])
    with pytest.raises(DataError, match="does not have the 80 categories"):
        tree.load("coco")
    tree.text("annotations/instances_val2017.json", "{")
    with pytest.raises(DataError, match="cannot be read as JSON"):
        tree.load("coco")
    tree.json("annotations/instances_val2017.json", {"images": []})
    with pytest.raises(DataError, match="is not of COCO's form"):
        tree.load("coco")


@pytest.mark.realdata
def test_real_sample(wsolbench_data):
    loaded = DATASETS["coco"].load("train-weaksup", wsolbench_data)
    assert (len(loaded.samples), loaded.problems) == (177, ())  # 3 of the 180 show nothing
    assert sum(len(sample.instances) for sample in loaded.samples) == 1228
    assert sum(i.crowd for sample in loaded.samples for i in sample.instances) == 9
    first = loaded.samples[0]
    assert (first.id, first.size_wh) == ("000000000009.jpg", (640, 480))
    for sample in loaded.samples:
        for position, instance in enumerate(sample.instances):
            mask = sample.instance_masks.read(position)
            rows, columns = np.nonzero(mask)
            x0, y0, x1, y1 = instance.box_xyxy
            assert columns.min() >= x0 - 2
            assert rows.min() >= y0 - 2
            assert columns.max() <= x1 + 2
            assert rows.max() <= y1 + 2
