"""Your own folder of images per class."""

import numpy as np
import pytest

from wsolbench.checks import check_dataset
from wsolbench.errors import DataError, OptionError
from wsolbench.registry import DATASETS
from wsolbench.sample import Instance, Problem


def bound(tree, **options):
    return DATASETS["folder"].with_options(options).bind(tree.root)


def two_classes(tree, prefix=""):
    for name in ("dog/a.jpg", "dog/deep/b.JPG", "wild cat/ümlaut 1.png"):
        tree.image(f"{prefix}{name}")


def test_folders_of_images_alone(tree):
    two_classes(tree)
    card = bound(tree)
    assert (card.classes, card.splits) == (("dog", "wild cat"), {"test": None})
    assert (card.annotations, card.multilabel) == (("labels",), False)
    loaded = card.load("test", tree.root)
    assert [(s.id, s.labels, s.size_wh) for s in loaded.samples] == [
        ("dog/a.jpg", (0,), None),
        ("dog/deep/b.JPG", (0,), None),
        ("wild cat/ümlaut 1.png", (1,), None),
    ]


@pytest.mark.parametrize(
    ("lines", "options"),
    [
        (["path,x0,y0,x1,y1", "dog/a.jpg,1,2,3,4", "dog/a.jpg,0,0,19,9"], {}),
        (["dog/a.jpg,1,2,3,4", r"dog\a.jpg,0,0,19,9"], {}),
        (["label,filename,xmin,ymin,xmax,ymax", ",./dog/a.jpg,1,2,3,4", ",dog/a.jpg,0,0,19,9"], {}),
        (["path,x1,y1,x2,y2", "dog/a.jpg,2,3,4,5", "dog/a.jpg,1,1,20,10"], {"origin": 1}),
        (["path,x0,y0,x1,y1", "dog/a.jpg,1,2,3,4", "", "dog/a.jpg,-0.5,0,19.5,9"], {}),
    ],
)
def test_table_of_boxes(tree, lines, options):
    two_classes(tree)
    tree.text("boxes.csv", *lines)
    card = bound(tree, **options)
    assert card.annotations == ("labels", "boxes")
    first, second, _ = card.load("test", tree.root).samples
    assert first.size_wh == (20, 10)
    assert first.instances == (Instance(0, (1, 2, 3, 4)), Instance(0, (0, 0, 19, 9)))
    assert second.instances == ()


def test_label_of_the_table_may_be_another_class(tree):
    two_classes(tree)
    tree.text("mine.csv", "path,x0,y0,x1,y1,label", "dog/a.jpg,1,2,3,4,wild cat")
    card = bound(tree, boxes="mine.csv")
    assert card.multilabel
    sample = card.load("test", tree.root).samples[0]
    assert (sample.labels, sample.instances) == ((0, 1), (Instance(1, (1, 2, 3, 4)),))


def test_masks_beside(tree):
    two_classes(tree)
    mask = np.zeros((10, 20))
    mask[2:4, 5:8] = 255
    tree.array("masks/dog/a.png", mask)
    card = bound(tree)
    assert card.annotations == ("labels", "masks")
    assert len(card.load("test", tree.root).samples) == 3  # masks are no images
    foreground, ignore = card.load("test", tree.root).samples[0].masks.read(0)
    assert (foreground.sum(), ignore.any()) == (6, False)


@pytest.mark.parametrize(
    ("folders", "splits"),
    [
        (("train", "val", "test"), {"train-weaksup", "train-fullsup", "test"}),
        (("Train", "TEST"), {"train-weaksup", "test"}),
        (("train", "val"), {"train-weaksup", "test"}),  # val is what there is to score
        (("train-weaksup", "train-fullsup", "test"), {"train-weaksup", "train-fullsup", "test"}),
    ],
)
def test_folders_of_splits(tree, folders, splits):
    for folder in folders:
        two_classes(tree, f"{folder}/")
    tree.text("boxes.csv", f"{folders[-1]}/dog/a.jpg,1,2,3,4", "train/dog/gone.jpg,1,2,3,4")
    card = bound(tree)
    assert (set(card.splits), card.classes) == (splits, ("dog", "wild cat"))
    loaded = card.load("test", tree.root)
    assert len(loaded.samples) == 3
    assert loaded.samples[0].id == f"{folders[-1]}/dog/a.jpg"
    assert loaded.samples[0].instances == (Instance(0, (1, 2, 3, 4)),)


def test_class_list_fixes_the_order(tree):
    two_classes(tree)
    tree.text("classes.txt", "wild cat", "cow", "dog")
    assert bound(tree).classes == ("wild cat", "cow", "dog")
    assert bound(tree).load("test", tree.root).samples[0].labels == (2,)


def test_coco_json(tree):
    tree.image("images/a.jpg")
    tree.image("images/b.jpg")
    square = {"segmentation": [[2, 1, 6, 1, 6, 4, 2, 4]], "bbox": [2, 1, 4, 3], "iscrowd": 0}
    content = {
        "images": [
            {"id": n, "file_name": f"{name}.jpg", "width": 20, "height": 10}
            for n, name in enumerate(("a", "b", "c"))
        ],
        "categories": [{"id": 7, "name": "cup"}, {"id": 3, "name": "spoon"}],
        "annotations": [
            {"id": 1, "image_id": 0, "category_id": 7, **square},
            {"id": 2, "image_id": 2, "category_id": 7, **square},
        ],
    }
    tree.json("annotations.json", content)
    card = bound(tree)
    assert card.classes == ("spoon", "cup")
    assert card.annotations == ("labels", "boxes", "masks")
    loaded = card.load("test", tree.root)
    (sample,) = loaded.samples
    assert (sample.labels, sample.instances) == ((1,), (Instance(1, (2, 1, 5, 3)),))
    assert sample.masks.read(1)[0].sum() == 12
    assert loaded.problems == (Problem("c.jpg", "no image file c.jpg"),)
    assert check_dataset("folder", tree.root) == []


@pytest.mark.parametrize(
    ("json", "images", "found"),
    [
        ("annotations/instances_val2017.json", ["val2017/a.jpg"], "val2017/a.jpg"),
        ("valid/_annotations.coco.json", ["valid/a.jpg", "train/a.jpg"], "valid/a.jpg"),
        ("annotations.json", ["one/a.jpg", "two/a.jpg"], None),
        ("annotations.json", ["one/ba.jpg"], None),
    ],
    ids=["as COCO", "beside the JSON", "of two neither", "another name"],
)
def test_images_of_a_coco_json_are_found_by_their_names(tree, json, images, found):
    for name in images:
        tree.image(name)
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 20, "height": 10}],
        "categories": [{"id": 7, "name": "cup"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [2, 1, 4, 3]}],
    }
    tree.json(json, content)
    if found is None:
        with pytest.raises(DataError, match=r"no image file a\.jpg"):
            bound(tree, boxes=json).load("test", tree.root)
    else:
        (sample,) = bound(tree, boxes=json).load("test", tree.root).samples
        assert sample.path == tree.root / found


def test_images_that_cannot_be_used_are_problems(tree):
    two_classes(tree)
    (tree.root / "dog/bad.jpg").write_bytes(b"no image")
    tree.text(
        "boxes.csv",
        "dog/a.jpg,9,0,3,4",
        "dog/bad.jpg,0,0,1,1",
        "dog/gone.jpg,0,0,1,1",
    )
    loaded = bound(tree).load("test", tree.root)
    assert [sample.id for sample in loaded.samples] == ["dog/deep/b.JPG", "wild cat/ümlaut 1.png"]
    inverted, damaged, gone = loaded.problems
    assert "holds no pixel" in inverted.reason
    assert "the size of bad.jpg cannot be read" in damaged.reason
    assert gone == Problem("dog/gone.jpg", "a box of the table is of this image, and there is none")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["path,left,top"], "expected the columns path,x0,y0,x1,y1"),
        (["path,x0,y0,x1,y1", "dog/a.jpg,1,2,3"], r"boxes\.csv, line 2: expected path,x0,y0,x1,y1"),
        (["path,x0,y0,x1,y1", "dog/a.jpg,1,2,3,x"], "line 2: expected path"),
    ],
)
def test_wrong_table_is_refused(tree, lines, reason):
    two_classes(tree)
    tree.text("boxes.csv", *lines)
    with pytest.raises(DataError, match=reason):
        bound(tree)


def test_what_is_not_there_is_named(tree):
    with pytest.raises(DataError, match="holds no image: looked for <class>/<image>"):
        bound(tree)
    tree.image("lonely.jpg")
    with pytest.raises(DataError, match="holds no folder of a class"):
        bound(tree)
    with pytest.raises(DataError, match=r"looked for mine\.csv"):
        bound(tree, boxes="mine.csv")
    with pytest.raises(OptionError, match="expected origin=0 or 1, but got 2"):
        bound(tree, origin=2)


def test_revision_names_the_content(tree):
    two_classes(tree)
    first = bound(tree).revision
    assert first == bound(tree).revision
    tree.text("boxes.csv", "dog/a.jpg,1,2,3,4")
    assert bound(tree).revision != first


def test_conforms(tree):
    two_classes(tree)
    tree.text("boxes.csv", "dog/a.jpg,1,2,3,4,wild cat")
    assert check_dataset("folder", tree.root) == []


@pytest.mark.realdata
def test_real_photographs_with_a_table_of_boxes(wsolbench_data):
    root = wsolbench_data / "caltech101/101_ObjectCategories"
    card = DATASETS["folder"].with_options({"boxes": "../boxes_xyxy.csv"})
    bound = card.bind(root)
    assert bound.classes == ("butterfly", "dalmatian", "dolphin", "kangaroo", "sunflower")
    loaded = bound.load("test", root)
    assert (len(loaded.samples), loaded.problems) == (91 + 67 + 65 + 86 + 85, ())
    assert sum(len(sample.instances) for sample in loaded.samples) == 3 * 65
    assert check_dataset(card, root) == []
