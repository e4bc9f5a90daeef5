"""Other layouts: what is written is what our own readers read back."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image
from reference.data_sets import dataset_of, sample_of, save_image

from wsolbench.data.convert import convert
from wsolbench.data.placing import file_name
from wsolbench.data.regions import divide
from wsolbench.errors import DataError, OptionError, SampleError, UnknownNameError
from wsolbench.masks import InstanceRles, RleMasks, encode
from wsolbench.registry import DATASETS
from wsolbench.sample import Instance, Problem

VOC_CLASSES = DATASETS["voc2012"].classes
COCO_CLASSES = DATASETS["coco"].classes


def boolean(rows, columns, size_hw=(10, 20)):
    mask = np.zeros(size_hw, dtype=bool)
    mask[rows, columns] = True
    return mask


CAT_A = boolean(slice(1, 4), slice(1, 6))
CAT_B = boolean(slice(6, 9), slice(10, 19))
DOG = boolean(slice(0, 9), slice(7, 9))
IGNORED = boolean(slice(9, 10), slice(0, 20))


@pytest.fixture
def samples(tmp_path):
    """Three images: two cats and a dog with masks, a difficult dog, a file of unknown size."""
    files = tmp_path / "files"
    cats = Instance(0, (1, 1, 5, 3)), Instance(0, (10, 6, 18, 8))
    dog = Instance(1, (7, 0, 8, 8))
    return [
        sample_of(
            save_image(files / "a.png", seed=1),
            (0, 1),
            (*cats, dog),
            masks=RleMasks.of({0: CAT_A | CAT_B, 1: DOG}),
            instance_masks=InstanceRles(tuple(map(encode, (CAT_A, CAT_B, DOG))), (10, 20)),
        ),
        sample_of(
            save_image(files / "b é.jpg", seed=2),
            (1,),
            (Instance(1, (0.5, 1.25, 18, 8.5), difficult=True, truncated=True, occluded=True),),
        ),
        sample_of(save_image(files / "c.png", seed=3), (0,), (Instance(0, (0, 0, 0, 0)),), None),
    ]


def converted(samples, layout, folder, *, split="test", **card):
    facts = {"classes": VOC_CLASSES[:2], "annotations": ("labels", "boxes", "masks")}
    data = dataset_of({split: samples}, multilabel=True, **(facts | card))
    return convert(data, None, layout, folder)


def masks_of(sample):
    if sample.masks is None:
        return None
    return [sample.masks.read(label)[0].tolist() for label in sample.labels]


def regions_of(sample):
    if sample.instance_masks is None:
        return None
    return [sample.instance_masks.read(i).tolist() for i in range(len(sample.instances))]


def assert_same(found, expected, *, flags=True):
    """Everything but ids, paths and sizes that were not known."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.labels == other.labels
        assert one.size_wh == other.size_wh or other.size_wh is None
        wanted = other.instances
        if not flags:
            wanted = tuple(Instance(i.label, i.box_xyxy, crowd=i.crowd) for i in wanted)
        plain = [dataclasses.replace(i, box_xyxy=(0, 0, 0, 0)) for i in one.instances]
        assert plain == [dataclasses.replace(i, box_xyxy=(0, 0, 0, 0)) for i in wanted]
        np.testing.assert_allclose(
            [i.box_xyxy for i in one.instances], [i.box_xyxy for i in wanted], atol=1e-9
        )
        assert masks_of(one) == masks_of(other)
        with Image.open(one.path) as image, Image.open(other.path) as original:
            assert image.tobytes() == original.tobytes()


class TestVoc:
    def test_round_trip(self, samples, tmp_path):
        written = converted(samples, "voc", tmp_path / "out")
        read = DATASETS["voc2007"].load("test", tmp_path / "out")
        assert read.problems == ()
        assert_same(read.samples, samples)
        assert regions_of(read.samples[0]) == regions_of(samples[0])
        assert [sample.id for sample in read.samples] == ["a", "b é", "c"]
        assert written.images == {"test": 3}
        assert written.losses == {}

    def test_pixels_to_ignore_are_void_and_crossing_classes_too(self, samples, tmp_path):
        both = RleMasks.of({0: CAT_A, 1: CAT_A | DOG}, {0: IGNORED, 1: IGNORED})
        crossing = dataclasses.replace(samples[0], masks=both, instance_masks=None)
        written = converted([crossing], "voc", tmp_path / "out")
        (sample,) = DATASETS["voc2007"].load("test", tmp_path / "out").samples
        mask, ignored = sample.masks.read(1)
        assert mask.tolist() == DOG.tolist()
        assert ignored.tolist() == (IGNORED | CAT_A).tolist()
        assert written.losses == {"masks with pixels of several classes, which become void": 1}

    def test_devkit_of_2012_has_its_own_lists(self, samples, tmp_path):
        data = dataset_of({"test": samples}, classes=VOC_CLASSES, multilabel=True)
        convert(data, None, "voc", tmp_path / "out", devkit="VOC2012")
        assert len(DATASETS["voc2012"].load("test", tmp_path / "out").samples) == 3

    def test_ids_with_folders_and_names_that_meet(self, tmp_path):
        one = sample_of(save_image(tmp_path / "x" / "1.png", seed=1), (), (), None)
        other = sample_of(save_image(tmp_path / "y" / "1.png", seed=2), (), (), None)
        made = [dataclasses.replace(one, id="v/1.png"), dataclasses.replace(other, id="v_1")]
        converted(made, "voc", tmp_path / "out")
        read = DATASETS["voc2007"].load("test", tmp_path / "out")
        assert [sample.id for sample in read.samples] == ["v_1", "v_1-2"]
        assert_same(read.samples, made)

    def test_names_that_need_escapes(self, tmp_path):
        path = save_image(tmp_path / "R&B <1>.png")
        made = [sample_of(path, (0,), (Instance(0, (1, 1, 2, 2)),))]
        converted(made, "voc", tmp_path / "out", classes=("R&B <x>", "dog"))
        from wsolbench.datasets._voc import read_voc

        lists = {"test": ("Main/test",)}
        read = list(read_voc(tmp_path / "out", "VOC2007", lists, "test", ("R&B <x>", "dog")))
        assert_same(read, made)


class TestCoco:
    def test_round_trip(self, samples, tmp_path):
        written = converted(samples, "coco", tmp_path / "out", classes=COCO_CLASSES)
        read = DATASETS["coco"].load("test", tmp_path / "out")
        assert read.problems == ()
        assert_same(read.samples, samples, flags=False)
        assert regions_of(read.samples[0]) == regions_of(samples[0])
        assert [sample.id for sample in read.samples] == ["a.png", "b é.jpg", "c.png"]
        assert written.losses == {
            "objects that lose their flags difficult, truncated or occluded": 1
        }

    def test_our_own_folder_reads_it_too(self, samples, tmp_path):
        converted(samples, "coco", tmp_path / "out", split="train-weaksup")
        out = tmp_path / "out"
        card = DATASETS["folder"].with_options({"boxes": "annotations/instances_train2017.json"})
        (out / "train2017").rename(out / "images")
        bound = card.bind(out)
        assert bound.classes == VOC_CLASSES[:2]
        assert_same(bound.load("test", out).samples, samples, flags=False)

    def test_crowds_and_numeric_names(self, tmp_path):
        crowd = Instance(0, (0, 0, 5, 5), crowd=True)
        made = [sample_of(save_image(tmp_path / f"{n:012d}.jpg"), (0,), (crowd,)) for n in (9, 25)]
        converted(made, "coco", tmp_path / "out", classes=COCO_CLASSES)
        path = tmp_path / "out/annotations/instances_val2017.json"
        assert [image["id"] for image in json.loads(path.read_text())["images"]] == [9, 25]
        read = DATASETS["coco"].load("test", tmp_path / "out").samples
        assert_same(read, made)

    def test_masks_of_classes_are_divided_among_their_boxes(self, samples, tmp_path):
        united = dataclasses.replace(samples[0], instance_masks=None)
        written = converted([united], "coco", tmp_path / "out", classes=COCO_CLASSES)
        read = DATASETS["coco"].load("test", tmp_path / "out").samples
        assert_same(read, [united])
        assert regions_of(read[0]) == [CAT_A.tolist(), CAT_B.tolist(), DOG.tolist()]
        assert written.losses == {"images whose class mask was divided among its boxes": 1}

    def test_losses_are_counted(self, samples, tmp_path):
        made = [
            dataclasses.replace(samples[0], masks=RleMasks.of({0: CAT_A, 1: DOG}, {0: IGNORED})),
            dataclasses.replace(samples[1], labels=(0, 1), instances=(Instance(1, (1, 1, 2, 2)),)),
        ]
        assert converted(made, "coco", tmp_path / "out").losses == {
            "masks that lose their pixels to ignore": 1,
            "labels without a box": 1,
        }


class TestManifest:
    def read(self, folder, split="test"):
        bound = DATASETS["manifest"].bind(folder)
        return bound, bound.load(split, folder)

    def test_round_trip_loses_nothing_of_boxes_and_class_masks(self, samples, tmp_path):
        converted(samples, "manifest", tmp_path / "out")
        bound, read = self.read(tmp_path / "out")
        assert bound.classes == VOC_CLASSES[:2]
        assert read.problems == ()
        assert_same(read.samples, samples)
        assert [sample.id for sample in read.samples] == [sample.id for sample in samples]

    def test_pixels_to_ignore_stay(self, samples, tmp_path):
        masks = RleMasks.of({0: CAT_A, 1: DOG}, {0: IGNORED, 1: IGNORED})
        converted([dataclasses.replace(samples[0], masks=masks)], "manifest", tmp_path / "out")
        (sample,) = self.read(tmp_path / "out")[1].samples
        assert sample.masks.read(1)[1].tolist() == IGNORED.tolist()

    def test_sets_with_labels_only(self, tmp_path):
        made = [sample_of(save_image(tmp_path / "a.png"), (1,), (), None)]
        converted(made, "manifest", tmp_path / "out", annotations=("labels",))
        bound, read = self.read(tmp_path / "out")
        assert bound.annotations == ("labels",)
        assert_same(read.samples, made)

    def test_one_image_in_several_splits_is_one_file(self, samples, tmp_path):
        splits = {"test": samples, "seg-val": samples[:1]}
        card = dataset_of(splits, classes=("a", "b"), multilabel=True)
        convert(card, None, "manifest", tmp_path / "out")
        assert len(list((tmp_path / "out/images").iterdir())) == 3
        assert len(self.read(tmp_path / "out", "seg-val")[1].samples) == 1

    def test_one_name_in_several_splits_is_two_files(self, tmp_path):
        splits = {
            split: [sample_of(save_image(tmp_path / split / "1.png", seed=seed), (0,), (), None)]
            for seed, split in enumerate(("test", "train-weaksup"))
        }
        convert(dataset_of(splits), None, "manifest", tmp_path / "out")
        for split, expected in splits.items():
            assert_same(self.read(tmp_path / "out", split)[1].samples, expected)


@pytest.mark.parametrize("layout", ["coco", "voc", "manifest"])
class TestEveryLayout:
    def test_links_instead_of_copies(self, samples, tmp_path, layout):
        card = dataset_of({"test": samples}, multilabel=True)
        convert(card, None, layout, tmp_path / "out", link=True)
        images = [p for p in (tmp_path / "out").rglob("*") if p.suffix in (".png", ".jpg")]
        linked = [path for path in images if path.is_symlink()]
        assert sorted(path.resolve() for path in linked) == [sample.path for sample in samples]

    def test_full_folders_are_refused(self, samples, tmp_path, layout):
        (tmp_path / "out").mkdir()
        converted(samples, layout, tmp_path / "out")
        before = sorted((tmp_path / "out").rglob("*"))
        with pytest.raises(OptionError, match="exists already and is not empty"):
            converted(samples, layout, tmp_path / "out")
        assert sorted((tmp_path / "out").rglob("*")) == before

    def test_failures_leave_nothing(self, samples, tmp_path, layout, monkeypatch):
        from wsolbench.data import placing

        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(placing.shutil, "copyfile", full)
        with pytest.raises(DataError, match=r"cannot write to .*No space left"):
            converted(samples, layout, tmp_path / "out")
        assert [path.name for path in tmp_path.iterdir()] == ["files"]

    def test_unreadable_images_are_counted(self, samples, tmp_path, layout):
        samples[2].path.write_bytes(b"")
        samples[1].path.unlink()
        written = converted([*samples, Problem("x", "no file")], layout, tmp_path / "out")
        lost = [what for what in written.losses if "cannot be read" in what]
        assert written.problems == 1
        assert written.images["test"] + len(lost) == 3
        assert any("b é" in what for what in lost)

    def test_uncommon_kinds_become_png(self, tmp_path, layout):
        path = tmp_path / "a.bmp"
        Image.open(save_image(tmp_path / "a.png")).save(path)
        made = [sample_of(path, (0,), (Instance(0, (1, 1, 2, 2)),))]
        converted(made, layout, tmp_path / "out")
        (image,) = [p for p in (tmp_path / "out").rglob("*.png") if p.is_file()]
        assert Image.open(image).tobytes() == Image.open(path).tobytes()


@pytest.mark.parametrize("layout", ["coco", "voc"])
def test_sets_without_boxes_go_to_manifests_only(samples, tmp_path, layout):
    with pytest.raises(DataError, match=rf"made has no boxes, and the layout {layout} tells lab"):
        converted(samples, layout, tmp_path / "out", annotations=("labels",))


def test_unknown_layouts_and_options(samples, tmp_path):
    with pytest.raises(UnknownNameError, match=r"unknown layout 'vco'\. Did you mean voc"):
        converted(samples, "vco", tmp_path / "out")
    card = dataset_of({"test": samples}, multilabel=True)
    with pytest.raises(OptionError, match="only the layout voc has a devkit's name"):
        convert(card, None, "coco", tmp_path / "out", devkit="VOC2012")
    with pytest.raises(OptionError, match=r"expected letters and digits .* but got '\.\./x'"):
        convert(card, None, "voc", tmp_path / "out", devkit="../x")


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        ("1", "x/1.jpg", "1.jpg"),
        ("val/1.JPEG", "x/1.JPEG", "val/1.JPEG"),
        ("1.5", "x/1.png", "1.5.png"),
        ("1", "x/1.tiff", "1.png"),
    ],
)
def test_names_of_files(tmp_path, name, path, expected):
    sample = dataclasses.replace(sample_of(tmp_path / path), id=name)
    assert str(file_name(sample)) == expected


@pytest.mark.parametrize("name", ["../1", "/1", "", "a\\b"])
def test_ids_that_leave_the_folder(tmp_path, name):
    with pytest.raises(SampleError, match="cannot be the name of a file below a folder"):
        file_name(dataclasses.replace(sample_of(tmp_path / "1.jpg"), id=name))


def test_divided_masks_are_the_mask_again():
    mask = np.random.default_rng(0).random((10, 20)) < 0.5
    boxes = [(0, 0, 19, 9), (2, 2, 8, 8), (5.5, 1, 12.2, 6), (2, 2, 8, 8)]
    parts = divide(mask, [Instance(0, box) for box in boxes])
    assert (sum(part.astype(int) for part in parts) == mask).all()
    assert parts[2][1:7, 9:14].tolist() == mask[1:7, 9:14].tolist()


@pytest.mark.realdata
@pytest.mark.parametrize("layout", ["voc", "manifest"])
def test_real_sample_of_voc(wsolbench_data, tmp_path, layout):
    card = DATASETS["voc2012"]
    convert(card, wsolbench_data, layout, tmp_path / "out", splits=["seg-val"], link=True)
    reader = card if layout == "voc" else DATASETS["manifest"].bind(tmp_path / "out")
    expected = card.load("seg-val", wsolbench_data).samples
    assert_same(reader.load("seg-val", tmp_path / "out").samples, expected)


@pytest.mark.realdata
def test_real_sample_of_coco(wsolbench_data, tmp_path):
    card = DATASETS["coco"]
    expected = card.load("train-weaksup", wsolbench_data).samples[:40]
    converted(expected, "coco", tmp_path / "out", split="train-weaksup", classes=card.classes)
    assert_same(card.load("train-weaksup", tmp_path / "out").samples, expected)
