"""Your own images in one list."""

import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from wsolbench.checks import check_dataset
from wsolbench.errors import DataError
from wsolbench.masks import encode
from wsolbench.registry import DATASETS
from wsolbench.sample import Instance, Problem

ROWS = [
    {
        "path": "images/a cat.jpg",
        "split": "test",
        "label": "cat",
        "boxes": [[1, 2, 3, 4], [0, 0, 19, 9]],
    },
    {
        "id": "second",
        "path": "images/hündin.jpg",
        "split": "val",
        "labels": ["dog", "cat"],
        "width": 40,
        "height": 20,
        "boxes": [{"label": "dog", "box_xyxy": [5, 5, 30, 19], "difficult": True}],
    },
    {"path": "images/plain.jpg", "split": "train", "label": "dog"},
]


def write(tree, rows, name="manifest.jsonl"):
    for row in rows:
        tree.image(row["path"])
    if name.endswith(".jsonl"):
        tree.text(name, *(json.dumps(row, ensure_ascii=False) for row in rows))
    else:
        parquet.write_table(pa.Table.from_pylist(rows), tree.root / name)


def bound(tree, name=""):
    return DATASETS["manifest"].bind(tree.root / name)


def test_json_lines(tree):
    write(tree, ROWS)
    card = bound(tree)
    assert card.classes == ("cat", "dog")
    assert card.splits == {"test": 1, "train-fullsup": 1, "train-weaksup": 1}
    assert card.annotations == ("labels", "boxes")
    assert card.multilabel
    (sample,) = card.load("test", tree.root).samples
    assert (sample.id, sample.size_wh, sample.labels) == ("images/a cat.jpg", (20, 10), (0,))
    assert sample.instances == (Instance(0, (1, 2, 3, 4)), Instance(0, (0, 0, 19, 9)))
    (sample,) = card.load("train-fullsup", tree.root).samples
    assert (sample.id, sample.size_wh, sample.labels) == ("second", (40, 20), (0, 1))
    assert sample.instances == (Instance(1, (5, 5, 30, 19), difficult=True),)
    (sample,) = card.load("train-weaksup", tree.root).samples
    assert (sample.size_wh, sample.instances) == (None, ())


def test_parquet_says_the_same(tree):
    rows = [
        {"path": "a.jpg", "labels": ["cat"], "boxes": [{"label": "cat", "box_xyxy": [1, 2, 3, 4]}]},
        {"path": "b.jpg", "labels": ["dog"], "boxes": None},
    ]
    write(tree, rows, "manifest.parquet")
    write(tree, rows, "mine/other.jsonl")
    for name in "ab":
        tree.image(f"mine/{name}.jpg")
    samples = bound(tree).load("test", tree.root).samples
    assert samples[0].instances == (Instance(0, (1, 2, 3, 4)),)
    file = tree.root / "mine/other.jsonl"  # the root may be the file itself
    other = DATASETS["manifest"].bind(file).load("test", file).samples
    assert [(s.id, s.labels, s.instances) for s in other] == [
        (s.id, s.labels, s.instances) for s in samples
    ]


def test_masks_are_images_or_run_length_codes(tree):
    mask, ignore = np.zeros((10, 20), dtype=bool), np.zeros((10, 20), dtype=bool)
    mask[2:4, 5:8], ignore[3:5, 5:8] = True, True
    tree.array("masks/a.png", mask * 255)
    tree.array("masks/a_ignore.png", ignore * 255)

    def code(pixels):
        run = encode(pixels)
        return {"size": run["size"], "counts": run["counts"].decode()}

    as_image = {"label": "cat", "path": "masks/a.png", "ignore_path": "masks/a_ignore.png"}
    as_code = {"rle": code(mask), "ignore_rle": code(ignore)}
    rows = [
        {"path": "a.jpg", "label": "cat", "masks": [as_image]},
        {"path": "b.jpg", "label": "cat", "masks": [as_code]},
        {"path": "c.jpg", "label": "cat", "masks": [as_image, as_code]},
    ]
    write(tree, rows)
    card = bound(tree)
    assert card.annotations == ("labels", "masks")
    loaded = card.load("test", tree.root)
    for sample in loaded.samples:
        foreground, ignored = sample.masks.read(0)
        assert np.array_equal(foreground, mask)
        assert np.array_equal(ignored, ignore & ~mask)
    assert len(loaded.samples) == 2
    (problem,) = loaded.problems
    assert "expected a path or an rle in every mask" in problem.reason


def test_class_list_fixes_the_order_and_numbers_are_sorted_as_numbers(tree):
    write(tree, [{"path": f"{n}.jpg", "label": n} for n in (10, 9)])
    assert bound(tree).classes == ("9", "10")
    tree.text("classes.txt", "10", "ten and a half", "9")
    assert bound(tree).classes == ("10", "ten and a half", "9")
    assert [s.labels for s in bound(tree).load("test", tree.root).samples] == [(0,), (2,)]
    tree.text("classes.txt", "10")
    with pytest.raises(DataError, match=r"the class '9' is not among those of classes\.txt"):
        bound(tree)
    tree.text("classes.txt", "9", "10", "9")
    with pytest.raises(DataError, match="a class comes twice"):
        bound(tree)


def test_revision_names_the_content(tree):
    write(tree, ROWS)
    first = bound(tree).revision
    assert first == bound(tree).revision
    assert first.startswith("sha256:")
    write(tree, ROWS[:1])
    assert bound(tree).revision != first


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({}, "the row has no label"),
        ({"label": "dog", "boxes": [[9, 2, 3, 4]]}, "holds no pixel"),
        ({"label": "dog", "boxes": [[0, 0, 40, 4]]}, "reaches outside of the image, 20 x 10"),
        ({"label": "dog", "boxes": [[0, 0, 4]]}, "the row is not what it should be"),
        ({"label": "dog", "boxes": [{"label": "dog"}]}, "the row is not what it should be"),
        ({"label": "dog", "boxes": [{"label": "cat", "box_xyxy": [0, 0, 1, 1]}]}, "is of 'cat'"),
        ({"labels": ["dog", "cat"], "boxes": [[0, 0, 1, 1]]}, "is of None, but the row's labels"),
        ({"label": "dog", "width": "wide", "height": 3}, "the row is not what it should be"),
    ],
)
def test_wrong_row_is_a_problem(tree, row, reason):
    write(tree, [{"path": "x.jpg", **row}, {"path": "good.jpg", "label": "dog"}])
    loaded = DATASETS["manifest"].load("test", tree.root)
    assert [sample.id for sample in loaded.samples] == ["good.jpg"]
    (problem,) = loaded.problems
    assert problem.id == "x.jpg"
    assert reason in problem.reason


def test_absent_image_is_a_problem(tree):
    write(tree, [*ROWS[:1], {"path": "gone.jpg", "label": "cat"}])
    (tree.root / "gone.jpg").unlink()
    assert DATASETS["manifest"].load("test", tree.root).problems == (
        Problem("gone.jpg", "no image file gone.jpg"),
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", r"manifest\.jsonl, line 2: "),
        ("[1]", r"line 2: expected an object"),
        ('{"label": "dog"}', r"row 2: expected a path, but got None"),
        ('{"path": "a.jpg", "split": "tset"}', r"row 2: no split 'tset'; known: train, "),
    ],
)
def test_wrong_line_is_refused(tree, line, reason):
    tree.text("manifest.jsonl", '{"path": "a.jpg", "label": "dog"}', line)
    with pytest.raises(DataError, match=reason):
        bound(tree)


def test_root_without_manifest_or_with_a_damaged_one_is_named(tree):
    with pytest.raises(DataError, match=r"looked for manifest\.parquet or manifest\.jsonl"):
        bound(tree)
    tree.text("manifest.parquet", "no parquet")
    with pytest.raises(DataError, match=r"manifest\.parquet cannot be read"):
        bound(tree)
    with pytest.raises(DataError, match="expected a folder or file as data root of manifest"):
        bound(tree, "nowhere")


def test_conforms(tree):
    write(tree, ROWS)
    for split in ("test", "train-fullsup", "train-weaksup"):
        assert check_dataset("manifest", tree.root, split) == []
