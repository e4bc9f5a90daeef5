"""Every registered data set keeps to what the public conformance suite asks."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsolbench.checks import check_dataset, check_dataset_card
from wsolbench.dataset import SPLITS, Dataset
from wsolbench.errors import DataError, SampleError
from wsolbench.registry import DATASETS
from wsolbench.sample import Instance, Sample

EVERY = set(SPLITS)
FOUND_IN_THE_SAMPLE = {
    "caltech101": EVERY,
    "coco": {"train-weaksup", "train-fullsup"},
    "flowers17": EVERY,
    "ilsvrc": {"test"},
    "ilsvrc-animals": {"test"},
    "voc2012": {*EVERY, "seg-train", "seg-val"},
}
ELSEWHERE = {"digit-scenes", "folder", "manifest"}  # they have roots of their own


@pytest.mark.parametrize("name", DATASETS)
def test_cards(name):
    assert check_dataset_card(DATASETS[name]) == []


@pytest.mark.parametrize(
    ("name", "options", "train", "test"),
    [
        ("caltech101", {"train": 15}, 1515, 7162),
        ("caltech101", {"train": 40}, None, None),
        ("svt", {"houses": True}, 1812, 677),
        ("ilsvrc", {"blacklist": "drop"}, 1_281_167, 48_238),
        ("ilsvrc", {"blacklist": "keep"}, 1_281_167, 50_000),
        ("ilsvrc-animals", {"blacklist": "drop"}, 510_530, None),
    ],
)
def test_counts_follow_the_options(name, options, train, test):
    splits = DATASETS[name].with_options(options).splits
    assert (splits["train-weaksup"], splits["test"]) == (train, test)


@pytest.mark.parametrize("split", SPLITS)
def test_embedded_data_set(digit_scenes_root, split):
    assert check_dataset("digit-scenes", digit_scenes_root, split) == []


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "split"),
    [(name, split) for name, splits in FOUND_IN_THE_SAMPLE.items() for split in sorted(splits)],
)
def test_data_sets_of_the_real_sample(wsolbench_data, name, split):
    assert check_dataset(name, wsolbench_data, split) == []


@pytest.mark.realdata
@pytest.mark.parametrize("name", sorted(set(DATASETS) - set(FOUND_IN_THE_SAMPLE) - ELSEWHERE))
def test_data_sets_that_are_not_in_the_sample_say_so(wsolbench_data, name):
    with pytest.raises(DataError, match="looked for"):
        check_dataset(name, wsolbench_data)


@dataclasses.dataclass(frozen=True)
class ArrayMask:
    """A mask that is there already."""

    array: object

    def read(self, _label):
        return self.array, self.array


@pytest.fixture
def image(tmp_path) -> Path:
    Image.new("RGB", (20, 10)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def dataset_of(*samples, **card):
    facts = {
        "name": "mine",
        "function": lambda *_: iter(samples),
        "title": "Mine",
        "classes": ("cat", "dog"),
        "splits": {"test": None},
        "annotations": ("labels", "boxes", "masks"),
        "licence": "CC0",
        "citation": "@misc{me}",
        "homepage": "https://example.org",
        "layout": "DIR/*.png",
    }
    return Dataset(**(facts | card))


def findings_of(image, dataset):
    return check_dataset(dataset, image.parent)


def test_data_set_that_conforms_has_no_findings(image):
    mask = np.zeros((10, 20), dtype=bool)
    whole = Instance(1, (0, 0, 19, 9))
    sample = Sample("a", image, None, (1,), (whole,), ArrayMask(mask))
    assert findings_of(image, dataset_of(sample)) == []


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"labels": (1, 0)}, "not ascending"),
        ({"labels": (1, 1)}, "not ascending"),
        ({"labels": (2,), "instances": ()}, "not all among those of mine"),
        ({"labels": (0, 1)}, "does not say multilabel"),
        ({"labels": (0,)}, "an instance's label"),
        ({"path": Path("nowhere.png")}, "there is no file nowhere.png"),
        ({"instances": (Instance(1, (0, 0, 20, 9)),)}, "is no box inside of 20 x 10"),
        ({"instances": (Instance(1, (5, 0, 4, 9)),)}, "is no box inside of 20 x 10"),
        ({"instances": (Instance(1, (float("nan"), 0, 4, 9)),)}, "is no box inside"),
        (
            {"masks": ArrayMask(np.zeros((20, 10), dtype=bool))},
            "as bool (10, 20), but got bool (20, 10)",
        ),
        ({"masks": ArrayMask(np.zeros((10, 20), dtype=np.uint8))}, "but got uint8 (10, 20)"),
    ],
)
def test_sample_that_does_not_conform_is_found(image, changes, finding):
    sample = Sample("a", image, (20, 10), (1,), (Instance(1, (0, 0, 19, 9)),))
    findings = findings_of(image, dataset_of(dataclasses.replace(sample, **changes)))
    assert any(finding in found for found in findings), findings
    assert all(found.startswith("a: ") for found in findings)


@pytest.mark.parametrize(
    ("card", "finding"),
    [
        ({"title": ""}, "the card's title is empty"),
        ({"licence": ""}, "the card's licence is empty"),
        ({"splits": {"train": 3}}, "the split 'train' is none of"),
        ({"annotations": ("polygons",)}, "the annotation 'polygons' is none of"),
        ({"classes": ("cat", "cat")}, "two classes have the same name"),
        ({"labels": (2,)}, "not all among the classes"),
        ({"pointing_region": "ears"}, "pointing_region is 'ears'"),
    ],
)
def test_card_that_does_not_conform_is_found(card, finding):
    (found,) = check_dataset_card(dataset_of(**card))
    assert finding in found


def test_built_in_under_another_name_than_its_file_is_found():
    borrowed = dataset_of(function=DATASETS["voc2012"].function)
    assert check_dataset_card(borrowed) == [
        "mine is registered by the file voc2012.py, not by its own"
    ]


def test_repeated_ids_and_unrepeatable_reading_are_found(image):
    sample = Sample("a", image, (20, 10), (1,))
    assert findings_of(image, dataset_of(sample, sample)) == ["two samples have the same id"]
    readings = iter([[sample], [dataclasses.replace(sample, id="b")]])
    fickle = dataset_of(function=lambda *_: iter(next(readings)))
    assert findings_of(image, fickle) == ["reading the split twice gives different samples"]


def test_many_findings_of_a_kind_are_cut_short(image):
    samples = [Sample(f"{number}", image, (20, 10), (9,)) for number in range(50)]
    assert len(findings_of(image, dataset_of(*samples))) == 5


def test_instance_masks_are_checked_and_masks_that_cannot_be_read_are_found(image):
    whole = Instance(1, (0, 0, 19, 9))
    sample = Sample("a", image, None, (1,), (whole,))

    class InstanceMask:
        def read(self, _position):
            return np.zeros((4, 4), dtype=bool)

    class Unreadable:
        def read(self, _label):
            raise SampleError("the mask is torn")

    found = findings_of(
        image, dataset_of(dataclasses.replace(sample, instance_masks=InstanceMask()))
    )
    assert found == ["a: expected the mask of instance 0 as bool (10, 20), but got bool (4, 4)"]
    found = findings_of(image, dataset_of(dataclasses.replace(sample, masks=Unreadable())))
    assert found == ["a: the mask is torn"]


def test_boxes_and_masks_that_the_card_does_not_tell_of_are_found(image):
    sample = Sample("a", image, None, (1,), (Instance(1, (0, 0, 19, 9)),))
    found = findings_of(image, dataset_of(sample, annotations=("labels",)))
    assert found == ["a: has boxes, but the card's annotations do not say so"]
