"""The metadata files of the wsol2020 protocol."""

from pathlib import Path

import pytest

from wsolbench.datasets._wsol2020 import read_metadata
from wsolbench.errors import DataError, SampleError
from wsolbench.sample import Instance, Sample


def test_boxes_sizes_and_labels_are_read(ilsvrc_tree):
    folder = ilsvrc_tree.metadata(
        "test",
        image_ids=["val/b, c.JPEG", "val/a.JPEG"],
        class_labels=["val/b, c.JPEG,7", "val/a.JPEG,3"],
        image_sizes=["val/b, c.JPEG,20,10", "val/a.JPEG,30,40"],
        localization=["val/b, c.JPEG,0,1,2,3", "val/a.JPEG,4,5,6,7", "val/b, c.JPEG,8.5,0,20,9"],
    )
    metadata = read_metadata(folder)
    assert metadata.ids == ("val/b, c.JPEG", "val/a.JPEG")
    assert metadata.labels == {"val/b, c.JPEG": 7, "val/a.JPEG": 3}
    assert metadata.masks == {}
    assert metadata.strays == []
    assert metadata.sample("val/b, c.JPEG", Path("x.JPEG")) == Sample(
        id="val/b, c.JPEG",
        path=Path("x.JPEG"),
        size_wh=(20, 10),
        labels=(7,),
        instances=(Instance(7, (0.0, 1.0, 2.0, 3.0)), Instance(7, (8.5, 0.0, 19.0, 9.0))),
    )


def test_masks_are_read_with_their_ignore_files(ilsvrc_tree):
    folder = ilsvrc_tree.metadata(
        "test",
        image_ids=["a.jpg"],
        class_labels=["a.jpg,0"],
        image_sizes=[],
        localization=["a.jpg,a_1.png,a_ignore.png", "a.jpg,a_2.png,"],
    )
    metadata = read_metadata(folder)
    assert metadata.masks == {"a.jpg": (("a_1.png", "a_ignore.png"), ("a_2.png", ""))}
    assert metadata.boxes_xyxy == {}
    assert metadata.sample("a.jpg", Path("a.jpg")) == Sample("a.jpg", Path("a.jpg"), None, (0,))


def test_sizes_and_boxes_may_be_absent(ilsvrc_tree):
    folder = ilsvrc_tree.metadata("train", image_ids=["a.jpg"], class_labels=["a.jpg,5"])
    assert read_metadata(folder).sample("a.jpg", Path("a.jpg")).labels == (5,)


def test_windows_line_ends_and_byte_order_mark(ilsvrc_tree):
    folder = ilsvrc_tree.metadata(
        "train", image_ids=["\ufeffa.jpg\r", "\r"], class_labels=["a.jpg,5\r"]
    )
    assert read_metadata(folder).labels == {"a.jpg": 5}
    assert read_metadata(folder).ids == ("a.jpg",)


def test_strays_are_annotated_but_not_listed(ilsvrc_tree):
    folder = ilsvrc_tree.metadata(
        "test",
        image_ids=["a.jpg"],
        class_labels=["a.jpg,5", "c.jpg,1"],
        localization=["b.jpg,0,0,1,1"],
    )
    assert read_metadata(folder).strays == ["b.jpg", "c.jpg"]


@pytest.mark.parametrize(
    ("image_id", "reason"),
    [
        ("unlabelled", "no label in class_labels.txt"),
        ("unsized", "no size in image_sizes.txt"),
        ("unboxed", "no box in localization.txt"),
        ("inverted", "the box (5, 1, 4, 2) holds no pixel of the image"),
        ("outside", "reaches outside of the image, 20 x 10 pixels"),
        ("endless", "an end that is no number"),
    ],
)
def test_image_that_cannot_be_used_says_why(ilsvrc_tree, image_id, reason):
    ids = ["fine", "unlabelled", "unsized", "unboxed", "inverted", "outside", "endless"]
    folder = ilsvrc_tree.metadata(
        "test",
        image_ids=ids,
        class_labels=[f"{name},1" for name in ids if name != "unlabelled"],
        image_sizes=[f"{name},20,10" for name in ids if name != "unsized"],
        localization=[
            *(f"{name},1,1,2,2" for name in ("fine", "unlabelled", "unsized")),
            "inverted,5,1,4,2",
            "outside,0,0,22,9",
            "endless,0,0,nan,9",
        ],
    )
    with pytest.raises(SampleError) as error:
        read_metadata(folder).sample(image_id, Path("x"))
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("image_ids", "a.jpg"),
        ("class_labels", "a.jpg,dog"),
        ("class_labels", "a.jpg"),
        ("image_sizes", "a.jpg,20"),
        ("image_sizes", "a.jpg,20,x"),
        ("localization", "a.jpg,1,2,3"),
        ("localization", "a.jpg,1,2,3,x"),
        ("localization", "a.jpg"),
    ],
)
def test_wrong_line_is_named(ilsvrc_tree, name, line):
    right = {"image_ids": ["a.jpg"], "class_labels": ["a.jpg,1"], "image_sizes": ["a.jpg,9,9"]}
    right["localization"] = ["a.jpg,1,2,3,4"]
    files = {**right, name: [*right[name], line]}
    with pytest.raises(DataError, match=rf"{name}\.txt, line 2: expected .*, but got '{line}'"):
        read_metadata(ilsvrc_tree.metadata("test", **files))


def test_missing_or_damaged_file_is_named(ilsvrc_tree):
    folder = ilsvrc_tree.metadata("test", image_ids=["a.jpg"])
    with pytest.raises(DataError, match=r"looked for class_labels\.txt; found image_ids\.txt"):
        read_metadata(folder)
    (folder / "class_labels.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"class_labels\.txt cannot be read"):
        read_metadata(folder)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("split", "images", "labels", "boxes", "masks"),
    [
        ("CUB/train", 5_994, 200, 5_994, 0),
        ("CUB/val", 1_000, 200, 1_000, 0),
        ("CUB/test", 5_794, 200, 5_794, 0),
        ("ILSVRC/val", 10_000, 1_000, 18_532, 0),
        ("ILSVRC/test", 50_000, 1_000, 80_477, 0),
        ("OpenImages/val", 2_500, 100, 0, 3_854),
        ("OpenImages/test", 5_000, 100, 0, 7_632),
        ("OpenImages/train", 29_819, 100, 0, 0),
    ],
)
def test_published_counts(wsolbench_data, split, images, labels, boxes, masks):
    metadata = read_metadata(wsolbench_data / "wsolevaluation-metadata" / split)
    assert len(metadata.ids) == images
    assert sorted(set(metadata.labels.values())) == list(range(labels))
    assert sum(map(len, metadata.boxes_xyxy.values())) == boxes
    assert sum(map(len, metadata.masks.values())) == masks
    assert metadata.strays == []
    for image_id in metadata.ids:
        metadata.sample(image_id, Path("x"))
