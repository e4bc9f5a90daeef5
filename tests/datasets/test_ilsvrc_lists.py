"""Kaggle's solutions of ILSVRC, and the blacklist of the devkit."""

import pytest

from wsolbench.checks import check_dataset
from wsolbench.datasets._ilsvrc import SYNSETS
from wsolbench.errors import DataError, OptionError
from wsolbench.registry import DATASETS
from wsolbench.sample import Instance, Problem

TENCH, GOLDFISH = "n01440764", "n01443537"
HEADER = "ImageId,PredictionString"


def kaggle(tree, *rows, part="val"):
    tree.text(f"LOC_{part}_solution.csv", HEADER, *rows)
    tree.text(
        "LOC_synset_mapping.txt",
        *(f"{one.wnid} {', '.join(one.words)}" for one in SYNSETS),
    )


def test_validation_labels_and_boxes_come_from_the_solution(ilsvrc_tree):
    ilsvrc_tree.image("ILSVRC/Data/CLS-LOC/val/a.JPEG")
    ilsvrc_tree.image("ILSVRC/Data/CLS-LOC/val/b.JPEG")
    kaggle(ilsvrc_tree, f"b,{GOLDFISH} 1 2 3 4 {GOLDFISH} 0 0 19 9 ", f"a,{TENCH} 5 6 7 8 ")
    first, second = DATASETS["ilsvrc"].load("test", ilsvrc_tree.root).samples
    assert (first.id, first.labels, first.size_wh) == ("val/a.JPEG", (0,), None)
    assert first.instances == (Instance(0, (5.0, 6.0, 7.0, 8.0)),)
    assert second.instances == (
        Instance(1, (1.0, 2.0, 3.0, 4.0)),
        Instance(1, (0.0, 0.0, 19.0, 9.0)),
    )
    assert check_dataset("ilsvrc", ilsvrc_tree.root) == []


def test_xml_comes_before_the_solution(ilsvrc_tree):
    ilsvrc_tree.image("ILSVRC/Data/CLS-LOC/val/a.JPEG")
    ilsvrc_tree.xml("val/a.xml", [(TENCH, (1, 1, 2, 2))])
    kaggle(ilsvrc_tree, f"a,{TENCH} 5 6 7 8")
    (sample,) = DATASETS["ilsvrc"].load("test", ilsvrc_tree.root).samples
    assert (sample.size_wh, sample.instances) == ((20, 10), (Instance(0, (1.0, 1.0, 2.0, 2.0)),))


def test_training_boxes_come_from_the_solution(ilsvrc_tree):
    for name in ("boxed", "bare"):
        ilsvrc_tree.image(f"ILSVRC/Data/CLS-LOC/train/{TENCH}/{TENCH}_{name}.JPEG")
    kaggle(ilsvrc_tree, f"{TENCH}_boxed,{TENCH} 1 2 3 4", part="train")
    bare, boxed = DATASETS["ilsvrc"].load("train-weaksup", ilsvrc_tree.root).samples
    assert (bare.instances, boxed.instances) == ((), (Instance(0, (1.0, 2.0, 3.0, 4.0)),))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a,", "expected 'wnid x0 y0 x1 y1 ...'"),
        (f"a,{TENCH} 1 2 3", "expected 'wnid x0 y0 x1 y1 ...'"),
        (f"a,{TENCH} 1 2 3 x", "expected four numbers, but got '1 2 3 x'"),
        (f"a,{TENCH} 4 2 3 4", "holds no pixel"),
        ("a,n99999999 1 2 3 4", "no class of ILSVRC is 'n99999999'"),
    ],
)
def test_wrong_solution_is_a_problem_of_its_image(ilsvrc_tree, row, reason):
    ilsvrc_tree.image("val/a.JPEG")
    ilsvrc_tree.image("val/good.JPEG")
    kaggle(ilsvrc_tree, row, f"good,{TENCH} 1 2 3 4")
    loaded = DATASETS["ilsvrc"].load("test", ilsvrc_tree.root)
    (problem,) = loaded.problems
    assert problem.id == "val/a.JPEG"
    assert reason in problem.reason


def test_other_columns_and_other_orders_of_classes_are_refused(ilsvrc_tree):
    ilsvrc_tree.image("val/a.JPEG")
    kaggle(ilsvrc_tree, f"a,{TENCH} 1 2 3 4")
    ilsvrc_tree.text("LOC_synset_mapping.txt", f"{GOLDFISH} goldfish")
    with pytest.raises(DataError, match="does not list the 1000 synsets"):
        DATASETS["ilsvrc"].load("test", ilsvrc_tree.root)
    (ilsvrc_tree.root / "LOC_synset_mapping.txt").unlink()
    ilsvrc_tree.text("LOC_val_solution.csv", "id,boxes")
    with pytest.raises(DataError, match="expected the columns ImageId,PredictionString"):
        DATASETS["ilsvrc"].load("test", ilsvrc_tree.root)


@pytest.fixture
def two_images(ilsvrc_tree):
    for number in (1, 36):
        stem = f"ILSVRC2012_val_{number:08d}"
        ilsvrc_tree.image(f"ILSVRC/Data/CLS-LOC/val/{stem}.JPEG")
        ilsvrc_tree.xml(f"val/{stem}.xml", [(TENCH, (1, 1, 2, 2))])
    return ilsvrc_tree


@pytest.mark.parametrize("name", ["ilsvrc", "ilsvrc-animals"])
@pytest.mark.parametrize(
    "path",
    [
        "ILSVRC2014_devkit/data/ILSVRC2014_clsloc_validation_blacklist.txt",
        "ILSVRC/devkit/data/ILSVRC2015_clsloc_validation_blacklist.txt",
    ],
)
def test_blacklist_is_dropped_on_demand(two_images, name, path):
    two_images.text(path, "36", "50")
    card = DATASETS[name]
    assert len(card.load("test", two_images.root).samples) == 2
    (left,) = card.with_options({"blacklist": "drop"}).load("test", two_images.root).samples
    assert left.id == "val/ILSVRC2012_val_00000001.JPEG"


def test_blacklist_that_is_not_there_or_wrong_is_named(two_images):
    card = DATASETS["ilsvrc"].with_options({"blacklist": "drop"})
    with pytest.raises(DataError, match="holds no blacklist of the ILSVRC devkit: looked for"):
        card.load("test", two_images.root)
    two_images.text("ILSVRC2014_clsloc_validation_blacklist.txt", "36", "one")
    with pytest.raises(DataError, match="expected numbers of images"):
        card.load("test", two_images.root)
    with pytest.raises(OptionError, match="expected blacklist=keep or drop, but got 'all'"):
        DATASETS["ilsvrc"].with_options({"blacklist": "all"}).load("test", two_images.root)


def test_image_without_annotation_is_named(ilsvrc_tree):
    ilsvrc_tree.image("val/a.JPEG")
    ilsvrc_tree.image("val/good.JPEG")
    kaggle(ilsvrc_tree, f"good,{TENCH} 1 2 3 4")
    assert DATASETS["ilsvrc"].load("test", ilsvrc_tree.root).problems == (
        Problem("val/a.JPEG", "no annotation Annotations/CLS-LOC/val/a.xml"),
    )
