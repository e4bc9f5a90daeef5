"""CUB-200-2011: the official files, and the wsol2020 metadata."""

import numpy as np
import pytest

from wsolbench.checks import check_dataset
from wsolbench.errors import DataError
from wsolbench.registry import DATASETS
from wsolbench.sample import Instance, Problem

ALBATROSS = "001.Black_footed_Albatross"


def official(tree, rows, home="CUB_200_2011"):
    """Rows: (name, class, is training, box)."""
    names = ("images", "image_class_labels", "train_test_split", "bounding_boxes")
    for column, name in enumerate(names):
        lines = [f"{number} {row[column]}" for number, row in enumerate(rows, start=1)]
        tree.text(f"{home}/{name}.txt", *lines)
    for name, *_ in rows:
        tree.image(f"{home}/images/{name}")


def test_classes_are_the_200_species():
    classes = DATASETS["cub"].classes
    assert len(classes) == len(set(classes)) == 200
    assert (classes[0], classes[199]) == ("Black footed Albatross", "Common Yellowthroat")


@pytest.mark.parametrize("home", ["CUB_200_2011", "."])
def test_official_files(tree, home):
    rows = [
        (f"{ALBATROSS}/a.jpg", 1, 0, "2.0 1.0 5.0 3.0"),
        (f"{ALBATROSS}/b.jpg", 1, 1, "0.0 0.0 20.0 10.0"),
        ("200.Common_Yellowthroat/c.jpg", 200, 0, "19.0 9.0 1.0 1.0"),
    ]
    official(tree, rows, home)
    first, second = tree.load("cub").samples
    assert (first.id, first.size_wh, first.labels) == (f"{ALBATROSS}/a.jpg", (20, 10), (0,))
    assert first.instances == (Instance(0, (2.0, 1.0, 7.0, 4.0)),)  # x + width, as in wsol2020
    assert second.instances == (Instance(199, (19.0, 9.0, 19.0, 9.0)),)
    (training,) = tree.load("cub", "train-weaksup").samples
    assert training.instances == (Instance(0, (0.0, 0.0, 19.0, 9.0)),)
    for split in ("test", "train-weaksup"):
        assert check_dataset("cub", tree.root, split) == []


def test_masks_are_what_most_annotators_drew(tree):
    official(tree, [(f"{ALBATROSS}/a.jpg", 1, 0, "2.0 1.0 5.0 3.0")])
    mask = np.zeros((10, 20))
    mask[0, :6] = 0, 51, 102, 153, 204, 255
    tree.array(f"segmentations/{ALBATROSS}/a.png", mask)
    (sample,) = tree.load("cub").samples
    foreground, ignore = sample.masks.read(0)
    assert np.argwhere(foreground).tolist() == [[0, 3], [0, 4], [0, 5]]
    assert not ignore.any()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((f"{ALBATROSS}/x.jpg", 0, 0, "1 1 2 2"), "expected a class of 1..200, but got 0"),
        ((f"{ALBATROSS}/x.jpg", 201, 0, "1 1 2 2"), "expected a class of 1..200, but got 201"),
        ((f"{ALBATROSS}/x.jpg", "one", 0, "1 1 2 2"), "but got one"),
        ((f"{ALBATROSS}/x.jpg", 1, 0, "1 1 2"), "expected a box 'x y width height', but got '1 1"),
        ((f"{ALBATROSS}/x.jpg", 1, 0, "30 1 2 2"), "reaches outside of the image, 20 x 10"),
        ((f"{ALBATROSS}/x.jpg", 1, 0, "1 1 -3 2"), "holds no pixel"),
    ],
)
def test_wrong_row_is_a_problem(tree, row, reason):
    official(tree, [row, (f"{ALBATROSS}/good.jpg", 1, 0, "1 1 2 2")])
    (problem,) = tree.load("cub").problems
    assert problem.id == f"{ALBATROSS}/x.jpg"
    assert reason in problem.reason


def test_absent_and_damaged_images_are_problems(tree):
    names = [f"{ALBATROSS}/{name}.jpg" for name in ("absent", "damaged", "good")]
    official(tree, [(name, 1, 0, "1 1 2 2") for name in names])
    (tree.root / "CUB_200_2011/images" / names[0]).unlink()
    (tree.root / "CUB_200_2011/images" / names[1]).write_bytes(b"no image")
    absent, damaged = tree.load("cub").problems
    assert absent == Problem(names[0], f"no image file images/{names[0]}")
    assert "the size of damaged.jpg cannot be read" in damaged.reason


def test_absent_file_is_named(tree):
    official(tree, [(f"{ALBATROSS}/a.jpg", 1, 0, "1 1 2 2")])
    (tree.root / "CUB_200_2011/bounding_boxes.txt").unlink()
    with pytest.raises(DataError, match=r"looked for bounding_boxes\.txt; found image"):
        tree.load("cub")


def described(tree, split, folder):
    name = f"{ALBATROSS}/a b.jpg"
    home = f"metadata/CUB/{split}"
    tree.text(f"{home}/image_ids.txt", name)
    tree.text(f"{home}/class_labels.txt", f"{name},0")
    tree.text(f"{home}/image_sizes.txt", f"{name},40,20")
    tree.text(f"{home}/localization.txt", f"{name},1,2,3,4")
    tree.image(f"{folder}/{name}")  # a resized copy, half the official size


@pytest.mark.parametrize(
    ("split", "name", "folder"),
    [
        ("test", "test", "CUB_200_2011/images"),
        ("test", "test", "dataset/CUB"),
        ("train-weaksup", "train", "CUB/images"),
        ("train-fullsup", "val", "CUBV2"),
        ("train-fullsup", "val", "dataset/CUBV2/images"),
    ],
)
def test_wsol2020_metadata(tree, split, name, folder):
    described(tree, name, folder)
    (sample,) = tree.load("cub", split).samples
    assert (sample.id, sample.size_wh) == (f"{ALBATROSS}/a b.jpg", (40, 20))
    assert sample.instances == (Instance(0, (1.0, 2.0, 3.0, 4.0)),)


def test_cubv2_needs_its_metadata(tree):
    tree.image(f"CUBV2/{ALBATROSS}/a.jpg")
    with pytest.raises(DataError, match="holds no metadata of CUBV2"):
        tree.load("cub", "train-fullsup")
