"""Caltech-101: folders, annotations in MATLAB files or a table."""

import numpy as np
import pytest

from wsolbench.checks import check_dataset
from wsolbench.errors import OptionError
from wsolbench.registry import DATASETS
from wsolbench.sample import Instance

ANCHOR, FACES = 6, 0


def images(tree, name="anchor", count=2, home="caltech101"):
    for number in range(1, count + 1):
        tree.image(f"{home}/101_ObjectCategories/{name}/image_{number:04d}.jpg")


def annotate(tree, folder="anchor", number=2, box=(2, 5, 3, 8), contour=None, home="caltech101"):
    """Box: top, bottom, left, right, 1-based."""
    corners = [[0, 5, 5, 0], [0, 0, 3, 3]] if contour is None else contour
    path = f"{home}/Annotations/{folder}/annotation_{number:04d}.mat"
    tree.mat(path, box_coord=[list(box)], obj_contour=corners)


def test_no_official_split_so_the_first_thirty_are_for_training(tree):
    images(tree, count=32)
    numbers = {
        split: [int(s.id[-8:-4]) for s in tree.load("caltech101", split).samples]
        for split in ("train-weaksup", "train-fullsup", "test")
    }
    assert numbers == {
        "train-weaksup": list(range(1, 31)),
        "train-fullsup": [26, 27, 28, 29, 30],
        "test": [31, 32],
    }
    assert len(tree.load("caltech101", train=15).samples) == 17
    with pytest.raises(OptionError, match="expected train=5 or more"):
        tree.load("caltech101", train=4)


@pytest.mark.parametrize("home", ["caltech101", "caltech-101", "."])
def test_boxes_and_outlines(tree, home):
    images(tree, count=6, home=home)
    annotate(tree, number=6, home=home)
    (sample,) = tree.load("caltech101", train=5).samples
    assert (sample.id, sample.labels, sample.size_wh) == (
        "anchor/image_0006.jpg",
        (ANCHOR,),
        (20, 10),
    )
    assert sample.instances == (Instance(ANCHOR, (2.0, 1.0, 7.0, 4.0)),)
    foreground, ignore = sample.masks.read(ANCHOR)
    rows, columns = np.nonzero(foreground)
    # the outline runs from (2, 1) to (7, 4)
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == (2, 1, 6, 3)
    assert not ignore.any()
    assert DATASETS["caltech101"].classes[ANCHOR] == "anchor"


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Faces", "Faces_2"),
        ("Faces_easy", "Faces_3"),
        ("Motorbikes", "Motorbikes_16"),
        ("airplanes", "Airplanes_Side_2"),
        ("airplanes", "airplanes"),
    ],
)
def test_folders_of_annotations_with_other_names(tree, name, folder):
    images(tree, name, count=6)
    annotate(tree, folder, number=6)
    (sample,) = tree.load("caltech101", train=5).samples
    assert len(sample.instances) == 1


def test_background_is_left_out(tree):
    images(tree, count=6)
    images(tree, "BACKGROUND_Google", count=9)
    assert {s.labels for s in tree.load("caltech101", train=5).samples} == {(ANCHOR,)}


def test_boxes_of_a_table(tree):
    images(tree, count=7)
    line = "anchor/image_0006.jpg,2,1,7,4,a note"
    tree.text("caltech101/boxes_xyxy.csv", "path,x1,y1,x2,y2,note", line)
    boxed, bare = tree.load("caltech101", train=5).samples
    assert boxed.instances == (Instance(ANCHOR, (2.0, 1.0, 7.0, 4.0)),)
    assert (boxed.masks, bare.instances) == (None, ())


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ({"box": (2, 50, 3, 8)}, "reaches outside of the image, 20 x 10"),
        ({"box": (2, 5, 3)}, "annotation_0006.mat is not what it should be"),
        ({"box": (2, 5, 3, np.nan)}, "holds a coordinate that is no number"),
        ({"box": (5, 2, 3, 8)}, "holds no pixel"),
        ({"contour": [[1, 2, 3]]}, "annotation_0006.mat is not what it should be"),
    ],
    ids=["outside", "short", "nan", "inverted", "contour"],
)
def test_wrong_annotation_is_a_problem(tree, annotation, reason):
    images(tree, count=7)
    annotate(tree, number=6, **annotation)
    loaded = tree.load("caltech101", train=5)
    assert [sample.id for sample in loaded.samples] == ["anchor/image_0007.jpg"]
    (problem,) = loaded.problems
    assert reason in problem.reason


def test_conforms(tree):
    images(tree, count=31)
    annotate(tree, number=31)
    assert check_dataset("caltech101", tree.root) == []


@pytest.mark.realdata
def test_real_sample(wsolbench_data):
    loaded = {
        split: DATASETS["caltech101"].load(split, wsolbench_data)
        for split in ("train-weaksup", "train-fullsup", "test")
    }
    assert len(loaded["train-weaksup"].samples) == 5 * 30
    assert len(loaded["train-fullsup"].samples) == 5 * 5
    assert all(one.problems == () for one in loaded.values())
    samples = [*loaded["train-weaksup"].samples, *loaded["test"].samples]
    counts = dict.fromkeys(("butterfly", "dalmatian", "dolphin", "kangaroo", "sunflower"), 0)
    boxes = dict(counts)
    for sample in samples:
        name = DATASETS["caltech101"].classes[sample.labels[0]]
        counts[name] += 1
        boxes[name] += len(sample.instances)
    assert counts == {
        "butterfly": 91,
        "dalmatian": 67,
        "dolphin": 65,
        "kangaroo": 86,
        "sunflower": 85,
    }
    assert boxes == {"butterfly": 65, "dalmatian": 65, "dolphin": 65, "kangaroo": 0, "sunflower": 0}
