"""PASCAL VOC 2007 and 2012: the official devkit, its conventions and its faults."""

import numpy as np
import pytest

from wsolbench.checks import check_dataset
from wsolbench.errors import DataError, SampleError, UnknownNameError
from wsolbench.registry import DATASETS
from wsolbench.sample import Instance, Problem

DOG, PERSON, CAT = 11, 14, 7


def load(devkit, split="test", name="voc2012", root=None):
    return DATASETS[name].load(split, root or devkit.root)


def load_one(devkit, image_id="a", **image):
    devkit.add(image_id, **image)
    devkit.add("good", [("cat", (1, 1, 20, 10))])
    devkit.write("Main/val", [image_id, "good"])
    loaded = load(devkit)
    assert loaded.samples[-1].id == "good"
    return loaded


def test_classes_are_the_official_twenty_in_alphabetical_order():
    for name in ("voc2007", "voc2012"):
        classes = DATASETS[name].classes
        assert len(classes) == 20
        assert list(classes) == sorted(classes)
        assert (classes[0], classes[DOG], classes[PERSON], classes[19]) == (
            "aeroplane",
            "dog",
            "person",
            "tvmonitor",
        )


@pytest.mark.parametrize(
    ("name", "split", "image_set", "expected"),
    [
        ("voc2007", "train-weaksup", "Main/train", 2501),
        ("voc2007", "train-fullsup", "Main/val", 2510),
        ("voc2007", "test", "Main/test", 4952),
        ("voc2012", "train-weaksup", "Main/train", 5717),
        ("voc2012", "train-fullsup", "Segmentation/train", 1464),
        ("voc2012", "test", "Main/val", 5823),
        ("voc2007", "seg-train", "Segmentation/train", 209),
        ("voc2007", "seg-val", "Segmentation/val", 213),
        ("voc2007", "seg-test", "Segmentation/test", 210),
        ("voc2012", "seg-train", "Segmentation/train", 1464),
        ("voc2012", "seg-val", "Segmentation/val", 1449),
        ("voc2012", "seg-trainaug", "Segmentation/trainaug", 10_582),
        ("voc2012", "seg-trainaug", "SegmentationAug/train_aug", 10_582),
    ],
)
def test_splits_are_official_lists(devkit, name, split, image_set, expected):
    devkit.name = name.upper()
    empty = np.zeros((10, 20))
    devkit.add("b", [("dog", (1, 1, 2, 2))], mask=empty, aug=empty)
    devkit.add("a", [("dog", (1, 1, 2, 2))], mask=empty, aug=empty)
    devkit.write(image_set, ["b", "a"])
    loaded = load(devkit, split, name)
    assert [sample.id for sample in loaded.samples] == ["b", "a"]
    assert loaded.problems == ()
    assert loaded.expected_images == expected


def test_boxes_become_zero_based_inclusive_and_flags_are_read(devkit):
    objects = [
        ("person", (1, 1, 20, 10), "<truncated>1</truncated><difficult>0</difficult>"),
        ("dog", (3, 2, 7, 9), "<difficult>1</difficult><occluded>1</occluded>"),
        ("person", (5.5, 2, 5.5, 2)),
    ]
    (sample, _) = load_one(devkit, objects=objects).samples
    assert sample.size_wh == (20, 10)
    assert sample.labels == (DOG, PERSON)
    assert sample.instances == (
        Instance(PERSON, (0.0, 0.0, 19.0, 9.0), truncated=True),
        Instance(DOG, (2.0, 1.0, 6.0, 8.0), difficult=True, occluded=True),
        Instance(PERSON, (4.5, 1.0, 4.5, 1.0)),
    )
    assert sample.path == devkit.folder / "JPEGImages" / "a.jpg"
    assert sample.masks is None


def test_parts_of_an_object_do_not_count(devkit):
    parts = (
        "<part><name>head</name><bndbox><xmin>9</xmin><ymin>9</ymin><xmax>9</xmax>"
        "<ymax>9</ymax></bndbox></part>"
    )
    (sample, _) = load_one(devkit, objects=[("person", (2, 3, 4, 5), parts)]).samples
    assert sample.instances == (Instance(PERSON, (1.0, 2.0, 3.0, 4.0)),)


def test_class_masks_are_read_by_label_and_void_is_ignored(devkit):
    mask = np.zeros((10, 20), dtype=np.uint8)
    mask[2:4, 5:8] = DOG + 1
    mask[6, 6] = 255
    (sample, _) = load_one(devkit, objects=[("dog", (6, 3, 8, 4))], mask=mask).samples
    foreground, ignore = sample.masks.read(DOG)
    assert (foreground.sum(), foreground[2, 5], ignore.sum(), ignore[6, 6]) == (6, True, 1, True)
    assert sample.masks.read(CAT)[0].sum() == 0


def test_trainaug_reads_the_masks_of_sbd_and_lists_of_paths(devkit):
    ours, theirs = np.zeros((10, 20)), np.zeros((10, 20))
    ours[0, 0], theirs[4:6, 4:6] = DOG + 1, DOG + 1
    devkit.add("2007_1", [("dog", (1, 1, 2, 2))], mask=ours, aug=theirs)
    line = "/JPEGImages/2007_1.jpg /SegmentationClassAug/2007_1.png"
    devkit.write("Segmentation/trainaug", [line])
    (sample,) = load(devkit, "seg-trainaug").samples
    assert sample.id == "2007_1"
    assert sample.masks.read(DOG)[0].sum() == 4


def test_segmentation_split_needs_masks(devkit):
    devkit.add("a", [("dog", (1, 1, 2, 2))])
    devkit.write("Segmentation/train", ["a", "b"])
    with pytest.raises(DataError, match="looked for SegmentationClass; found Annotations/"):
        load(devkit, "seg-train")
    devkit.add("b", [("dog", (1, 1, 2, 2))], mask=np.zeros((10, 20)))
    loaded = load(devkit, "seg-train")
    assert [sample.id for sample in loaded.samples] == ["b"]
    assert loaded.problems == (Problem("a", "no class mask SegmentationClass/a.png"),)


def objects_mask():
    mask = np.zeros((10, 20))
    mask[2:4, 5:8], mask[6:9, 0:3], mask[4, 5:8] = 1, 2, 255
    return mask


def test_object_masks_are_read_per_instance(devkit):
    objects = [("dog", (6, 3, 8, 4)), ("person", (1, 7, 3, 9))]
    (sample, _) = load_one(devkit, objects=objects, objects_mask=objects_mask()).samples
    first, second = (sample.instance_masks.read(position) for position in range(2))
    assert (first.sum(), first[2:4, 5:8].all()) == (6, True)
    assert (second.sum(), second[6:9, 0:3].all()) == (9, True)
    assert first.dtype == np.bool_
    assert check_dataset("voc2012", devkit.root) == []


@pytest.mark.parametrize(
    ("objects", "reason"),
    [
        ([("dog", (6, 3, 8, 4))], "a.png shows 2 objects, but the annotation lists 1"),
        ([("dog", (1, 7, 3, 9)), ("dog", (6, 3, 8, 4))], "object 1 of the mask a.png is not where"),
    ],
)
def test_object_mask_that_does_not_agree_with_the_annotation_is_refused(devkit, objects, reason):
    (sample, _) = load_one(devkit, objects=objects, objects_mask=objects_mask()).samples
    with pytest.raises(SampleError, match=reason):
        sample.instance_masks.read(0)


@pytest.mark.parametrize("below", [".", "VOCdevkit", "VOCdevkit/VOC2012"])
def test_root_may_be_any_folder_of_the_devkit(devkit, below):
    devkit.add("a", [("dog", (1, 1, 2, 2))])
    devkit.write("Main/val", ["a"])
    assert len(load(devkit, root=devkit.root / below).samples) == 1


def test_folder_of_another_year_is_refused(devkit):
    devkit.add("a", [("dog", (1, 1, 2, 2))])
    devkit.write("Main/test", ["a"])
    with pytest.raises(DataError, match=r"VOC2012 holds no PASCAL VOC devkit of VOC2007"):
        load(devkit, "test", "voc2007", devkit.folder)


def test_root_that_is_none_says_what_was_looked_for_and_found(tmp_path):
    (tmp_path / "holiday").mkdir()
    with pytest.raises(DataError) as error:
        DATASETS["voc2012"].load("test", tmp_path)
    assert "looked for VOCdevkit/VOC2012/JPEGImages or" in str(error.value)
    assert "found holiday/" in str(error.value)


def test_absent_list_says_which_lists_there_are(devkit):
    devkit.add("a", [("dog", (1, 1, 2, 2))])
    devkit.write("Main/train", ["a"])
    with pytest.raises(DataError, match=r"looked for val\.txt; found train\.txt"):
        load(devkit, "test")


def test_list_that_is_no_text_is_refused(devkit):
    devkit.add("a", [("dog", (1, 1, 2, 2))])
    devkit.write("Main/val", ["a"])
    (devkit.folder / "ImageSets/Main/val.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(DataError, match=r"val\.txt cannot be read"):
        load(devkit)


def test_split_without_a_usable_image_is_refused(devkit):
    devkit.add("a", [("dog", (1, 1, 2, 2))])
    devkit.write("Main/val", ["x", "y"])
    with pytest.raises(DataError, match=r"2 problems; the first: x: no image file JPEGImages/x"):
        load(devkit)


def test_unknown_split_is_refused(devkit):
    with pytest.raises(UnknownNameError, match="Did you mean test"):
        load(devkit, "tests")


def test_image_without_annotation_and_annotation_without_image_are_named(devkit):
    devkit.add("both", [("dog", (1, 1, 2, 2))])
    devkit.add("image", [])
    devkit.add("annotation", [])
    (devkit.folder / "Annotations/image.xml").unlink()
    (devkit.folder / "JPEGImages/annotation.jpg").unlink()
    devkit.write("Main/val", ["image", "both", "annotation"])
    loaded = load(devkit)
    assert [sample.id for sample in loaded.samples] == ["both"]
    assert loaded.problems == (
        Problem("image", "no annotation Annotations/image.xml"),
        Problem("annotation", "no image file JPEGImages/annotation.jpg"),
    )


def test_names_with_spaces_and_unicode(devkit):
    composed, decomposed = "caf\u00e9 au lait", "cafe\u0301 au lait"
    devkit.add(decomposed, [("dog", (1, 1, 2, 2))])  # as some systems store it
    devkit.write("Main/val", [composed, "", composed])
    loaded = load(devkit)
    assert [sample.id for sample in loaded.samples] == [composed]
    assert loaded.samples[0].path.is_file()


BILLION_LAUGHS = (
    '<!DOCTYPE annotation [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    "<annotation><filename>&b;</filename></annotation>"
)
SIZE = "<size><width>20</width><height>10</height></size>"


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ({"xml": "<annotation><size>"}, "cannot be read"),
        ({"xml": ""}, "cannot be read"),
        ({"xml": '<?xml version="1.0" encoding="klingon"?><annotation/>'}, "cannot be read"),
        ({"xml": BILLION_LAUGHS}, "refused as unsafe"),
        ({"xml": "<annotation/>"}, "expected a number as size/width, but got None"),
        (
            {"xml": "<annotation><size><width>0</width><height>0</height></size></annotation>"},
            "0 x 0",
        ),
        ({"xml": f"<annotation>{SIZE}<object><name>dog</name></object></annotation>"}, "no bndbox"),
        ({"objects": [("dog", ("one", 1, 2, 2))]}, "expected a number as xmin, but got 'one'"),
        ({"objects": [("dog", ("nan", 1, 2, 2))]}, "expected a number as xmin, but got 'nan'"),
        ({"objects": [("dgo", (1, 1, 2, 2))]}, "unknown class 'dgo'. Did you mean dog"),
        ({"objects": [("dog", (7, 1, 6, 2))]}, "holds no pixel"),
        ({"objects": [("dog", (1, 9, 2, 3))]}, "holds no pixel"),
        ({"objects": [("dog", (1, 1, 22, 2))]}, "reaches outside of the image, 20 x 10"),
        ({"objects": [("dog", (-1, 1, 2, 2))]}, "reaches outside"),
        ({"objects": [("dog", (21, 1, 21, 2))]}, "holds no pixel"),
        ({"objects": [("cat", (1, 1, 2, 2)), ("dog", (7, 1, 6, 2))]}, "holds no pixel"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_annotation_is_a_problem_with_its_reason(devkit, image, reason):
    loaded = load_one(devkit, **image)
    (problem,) = loaded.problems
    assert problem.id == "a"
    assert "a.xml" in problem.reason
    assert reason in problem.reason


def test_box_that_leaves_the_image_by_a_pixel_is_clipped(devkit):
    (sample, _) = load_one(devkit, objects=[("dog", (0, 0, 21, 11))]).samples
    assert sample.instances == (Instance(DOG, (0.0, 0.0, 19.0, 9.0)),)


@pytest.mark.realdata
class TestRealSample:
    """The real images of VOC 2012; boxes checked by hand against the XML."""

    def test_counts(self, wsolbench_data):
        found = {
            split: DATASETS["voc2012"].load(split, wsolbench_data)
            for split in ("train-weaksup", "train-fullsup", "test")
        }
        assert {split: len(loaded.samples) for split, loaded in found.items()} == {
            "train-weaksup": 43,
            "train-fullsup": 43,
            "test": 32,
        }
        assert all(loaded.problems == () for loaded in found.values())
        assert len(DATASETS["voc2012"].load("seg-train", wsolbench_data).samples) == 43
        assert len(DATASETS["voc2012"].load("seg-val", wsolbench_data).samples) == 29
        unmasked = [sample.id for sample in found["test"].samples if sample.masks is None]
        assert unmasked == ["2007_000027", "2007_000272", "2007_000423"]

    def test_image_of_two_classes(self, wsolbench_data):
        loaded = DATASETS["voc2012"].load("train-weaksup", wsolbench_data)
        sample = next(sample for sample in loaded.samples if sample.id == "2007_000032")
        assert sample.size_wh == (500, 281)
        assert sample.labels == (0, PERSON)
        assert [instance.box_xyxy for instance in sample.of_label(0)] == [
            (103.0, 77.0, 374.0, 182.0),
            (132.0, 87.0, 196.0, 122.0),
        ]
        foreground, ignore = sample.masks.read(0)
        assert foreground.shape == ignore.shape == (281, 500)
        rows, columns = np.nonzero(foreground)
        assert (columns.max(), rows.max()) == (374, 182)  # the ends of the box, 0-based
        assert (foreground.sum(), ignore.sum()) == (4734, 5355)
