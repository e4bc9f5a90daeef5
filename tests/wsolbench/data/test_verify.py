"""What verifying finds: each fault alone, in a data set that has no other."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image
from reference.data_sets import dataset_of, sample_of, save_image

from wsolbench.data.show import report_values, show_report
from wsolbench.data.verify import verify
from wsolbench.errors import DataError
from wsolbench.masks import RleMasks
from wsolbench.registry import DATASETS
from wsolbench.sample import Instance, Problem

BOX = Instance(0, (1, 2, 5, 6))


@pytest.fixture
def samples(tmp_path):
    return [
        sample_of(
            save_image(tmp_path / f"{i}.png", seed=i), (i % 2,), (Instance(i % 2, BOX.box_xyxy),)
        )
        for i in range(4)
    ]


def findings(report):
    return [(one.fault, one.kind, one.split, one.text) for one in report.findings]


def verified(found, **card):
    return findings(verify(dataset_of(found, **card), None))


def test_sound_set_has_no_finding(samples):
    report = verify(dataset_of({"test": samples}, splits={"test": 4}), None)
    assert report.findings == ()
    assert report.images == report.expected == {"test": 4}


def test_counts(samples):
    expected = "4 usable images; the published split has 5"
    assert verified({"test": samples}, splits={"test": 5}) == [(True, "counts", "test", expected)]


def test_problems_of_the_reader(samples):
    found = verified({"test": [*samples, Problem("x", "no file")]})
    assert found == [(True, "reader", "test", "x: no file")]


def replaced(samples, **changes):
    return [dataclasses.replace(samples[0], **changes), *samples[1:]]


@pytest.mark.parametrize(
    ("changes", "kind", "text"),
    [
        ({"labels": (2,), "instances": ()}, "labels", "0: the labels (2,) are not all of made"),
        (
            {"labels": (1, 0)},
            "labels",
            "0: the labels (1, 0) are not ascending without repetition",
        ),
        ({"labels": (1,)}, "labels", "0: an instance's label is not among the image's labels"),
        ({"id": "1"}, "labels", "1: two images have this id"),
        (
            {"instances": (Instance(0, (0, 0, 20, 9)),)},
            "boxes and masks",
            "0: the box (0, 0, 20, 9) is no box inside of 20 x 10",
        ),
        (
            {"instances": (Instance(0, (5, 0, 4, 9)),)},
            "boxes and masks",
            "0: the box (5, 0, 4, 9) is no box inside of 20 x 10",
        ),
        (
            {"masks": RleMasks.of({0: np.ones((20, 10), bool)})},
            "boxes and masks",
            "0: the mask of label 0 is bool (20, 10), expected bool (10, 20) (height, width)",
        ),
    ],
)
def test_faults_of_annotations(samples, changes, kind, text):
    found = verified({"test": replaced(samples, **changes)})
    assert (True, kind, "test", text) in found


@pytest.mark.parametrize(
    ("changes", "kind", "text"),
    [
        (
            {"instances": (Instance(0, (3, 3, 3, 9)),)},
            "boxes and masks",
            "0: the box (3, 3, 3, 9) is at most one pixel wide or high",
        ),
        (
            {"masks": RleMasks.of({0: np.zeros((10, 20), bool)})},
            "boxes and masks",
            "0: the mask of label 0 is empty",
        ),
        (
            {"size_wh": (40, 20)},
            "sizes",
            "1 of 4 files are resized copies: annotations are scaled; the first: 0 is 20 x 10, "
            "officially 40 x 20",
        ),
        (
            {"size_wh": (40, 40)},
            "sizes",
            "1 of 4 files are resized copies, 1 of them with another aspect ratio: annotations "
            "are scaled; the first: 0 is 20 x 10, officially 40 x 40",
        ),
        (
            {"labels": (), "instances": ()},
            "labels",
            "1 images have no label, so nothing is scored on them",
        ),
    ],
)
def test_remarks(samples, changes, kind, text):
    assert verified({"test": replaced(samples, **changes)}) == [(False, kind, "test", text)]


def test_masks_may_be_left_out(samples):
    samples = replaced(samples, masks=RleMasks.of({0: np.ones((2, 2), bool)}))
    assert verify(dataset_of({"test": samples}), None, masks=False).findings == ()


@pytest.mark.parametrize("fault", ["cut", "empty", "gone", "text", "folder"])
def test_unreadable_files_are_named(samples, fault):
    path = samples[0].path
    content = path.read_bytes()
    path.unlink()
    if fault == "folder":
        path.mkdir()
    elif fault != "gone":
        path.write_bytes({"cut": content[:200], "empty": b"", "text": b"hello"}[fault])
    ((is_fault, kind, split, text),) = verified({"test": samples})
    assert (is_fault, kind, split) == (True, "unreadable", "test")
    assert text.startswith("0: ")
    assert str(path) in text


def test_absent_classes_are_remarked(samples):
    expected = "1 of 2 classes have no image: dog"
    assert verified({"test": samples[::2]}) == [(False, "labels", "test", expected)]


def test_folders_of_another_class_contradict_the_label(tmp_path):
    inside = [
        sample_of(save_image(tmp_path / folder / f"{label}.png", seed=label), (label,))
        for label, folder in enumerate(["002.Dog", "cat"])
    ]
    assert [text for *_, text in verified({"test": inside})] == [
        "0: in the folder 002.Dog, but labelled cat",
        "1: in the folder cat, but labelled dog",
    ]


class TestDuplicates:
    def test_same_bytes_within_a_split(self, samples, tmp_path):
        copy = tmp_path / "copy.png"
        copy.write_bytes(samples[0].path.read_bytes())
        found = verified({"test": [*samples, sample_of(copy, (1,))]})
        text = "the same bytes, with different labels: 0 (test), copy (test)"
        assert found == [(False, "duplicates", "test", text)]

    def test_same_pixels_between_splits_are_a_leak(self, samples, tmp_path):
        copy = tmp_path / "copy.bmp"
        Image.open(samples[0].path).save(copy)
        found = verified({"test": samples, "train-weaksup": [sample_of(copy), samples[1]][:1]})
        text = "the same pixels: 0 (test), copy (train-weaksup)"
        assert (True, "duplicates", "test+train-weaksup", text) in found

    def test_same_file_in_test_and_training_is_a_leak(self, samples):
        found = verified({"train-fullsup": samples, "test": samples[:2]})
        text = "2 files are in both splits; the first: 0"
        assert found == [(True, "duplicates", "train-fullsup+test", text)]

    @pytest.mark.parametrize(
        ("one", "other", "leak"),
        [
            ("train-weaksup", "train-fullsup", False),
            ("test", "seg-val", False),
            ("seg-train", "seg-val", True),
        ],
    )
    def test_splits_that_may_share_files(self, samples, one, other, leak):
        ((fault, kind, _, _),) = verified({one: samples, other: samples})
        assert (fault, kind) == (leak, "duplicates")


def test_several_processes_find_the_same(tmp_path):
    many = [sample_of(save_image(tmp_path / f"{i}.png", seed=i // 2), (i % 2,)) for i in range(70)]
    many[5].path.write_bytes(b"")
    card = dataset_of({"test": many})
    alone, together = (verify(card, None, workers=workers) for workers in (0, 2))
    assert alone == together
    assert len(alone.findings) == 35


def test_split_that_is_not_there(samples):
    def read(root, split):
        if split == "test":
            return iter(samples)
        raise DataError("no list")

    card = dataclasses.replace(dataset_of({"test": [], "train-weaksup": []}), function=read)
    found = findings(verify(card, None))
    assert found == [(False, "splits", "", "train-weaksup is not there: no list")]
    with pytest.raises(DataError, match="no list"):
        verify(card, None, splits=["train-weaksup"])


def test_report_is_json_and_readable(samples, capsys):
    report = verify(dataset_of({"test": samples[:1]}, splits={"test": 5000}), None)
    values = json.loads(json.dumps(report_values(report)))
    assert values["ok"] is False
    assert values["findings"][0]["kind"] == "counts"
    show_report(report)
    assert capsys.readouterr().out == (
        "made, revision 1, in the cache folder\n"
        "annotations: labels, boxes; nothing can be scored against masks\n"
        "split  images  published\n"
        "test        1      5,000\n"
        "\nFaults\n"
        "  counts of test: 1 usable images; the published split has 5,000\n"
        "\nRemarks\n"
        "  labels of test: 1 of 2 classes have no image: dog\n"
        "\n1 fault, 1 remark\n"
    )


def test_long_lists_are_cut_and_shown_in_full_on_demand(samples, capsys):
    problems = [Problem(f"x{i}", "no file") for i in range(12)]
    report = verify(dataset_of({"test": [*samples, *problems]}), None)
    show_report(report)
    assert "  reader of test: and 2 more (--all)\n" in capsys.readouterr().out
    show_report(report, every=True)
    assert "x11: no file\n" in capsys.readouterr().out


@pytest.mark.realdata
def test_real_sample_is_found_to_be_a_part(wsolbench_data):
    report = verify(DATASETS["voc2012"], wsolbench_data)
    assert report.images["test"] == 32
    assert {finding.kind for finding in report.faults} == {"counts"}
