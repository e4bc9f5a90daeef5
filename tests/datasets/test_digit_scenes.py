"""The embedded default: digit scenes from the cache, read as a VOC devkit."""

import subprocess
import sys

import numpy as np
import pytest

from wsolbench.datasets import _digit_scenes_painter as painter
from wsolbench.datasets import _digit_scenes_scene as scene
from wsolbench.errors import DataError
from wsolbench.registry import DATASETS

DIGITS = DATASETS["digit-scenes"]


def test_card_agrees_with_the_painter():
    assert DIGITS.classes == scene.DIGIT_NAMES
    assert DIGITS.revision == painter.DIGIT_SCENES_REVISION
    assert DIGITS.splits == {
        "train-weaksup": painter.IMAGES_BY_SPLIT["train"],
        "train-fullsup": painter.IMAGES_BY_SPLIT["val"],
        "test": painter.IMAGES_BY_SPLIT["test"],
    }


@pytest.mark.parametrize(
    ("split", "images", "first"),
    [
        ("train-weaksup", 20, "train_00000"),
        ("train-fullsup", 10, "val_00000"),
        ("test", 20, "test_00000"),
    ],
)
def test_splits_are_lists_of_the_devkit(digit_scenes_root, split, images, first):
    loaded = DIGITS.load(split, digit_scenes_root)
    assert (len(loaded.samples), loaded.problems) == (images, ())
    assert loaded.samples[0].id == first
    assert [sample.labels for sample in loaded.samples[:10]] == [(digit,) for digit in range(10)]


def test_boxes_are_the_extent_of_the_masks(digit_scenes_root):
    for sample in DIGITS.load("test", digit_scenes_root).samples:
        foreground, ignore = sample.masks.read(sample.labels[0])
        rows, columns = np.nonzero(foreground)
        boxes = np.array([instance.box_xyxy for instance in sample.instances])
        assert tuple(boxes[:, :2].min(axis=0)) == (columns.min(), rows.min())
        assert tuple(boxes[:, 2:].max(axis=0)) == (columns.max(), rows.max())
        assert not ignore.any()


@pytest.fixture
def quick_painter(monkeypatch, tmp_path):
    """Paints ten images a split, and notes how often it was asked to paint."""
    roots = []
    paint = painter.paint_digit_scenes

    def paint_few(root, images):
        roots.append(root)
        return paint(root, images=dict.fromkeys(images, 10))

    monkeypatch.setattr(painter, "paint_digit_scenes", paint_few)
    monkeypatch.setenv("WSOLBENCH_CACHE", str(tmp_path / "my cache"))
    return roots


def test_without_a_root_it_is_painted_into_the_cache_once(quick_painter, tmp_path):
    first = DIGITS.load("test")
    assert quick_painter == [tmp_path / "my cache" / "digit-scenes-1" / "val-test"]
    painted = first.samples[0].path
    assert painted.is_relative_to(tmp_path / "my cache")
    before = painted.stat().st_mtime_ns
    assert DIGITS.load("test") == first
    assert painted.stat().st_mtime_ns == before


def test_the_split_to_train_on_is_painted_when_it_is_asked_for(quick_painter, tmp_path):
    evaluated = {split: len(DIGITS.load(split).samples) for split in ("test", "train-fullsup")}
    assert evaluated == {"test": 10, "train-fullsup": 10}
    assert len(DIGITS.load("train-weaksup").samples) == 10
    assert [root.name for root in quick_painter] == ["val-test", "val-test", "train"]


def test_cache_that_cannot_be_written_is_named(quick_painter, tmp_path):
    (tmp_path / "my cache").write_text("a file, not a folder")
    with pytest.raises(DataError, match=r"choose another cache folder with .* WSOLBENCH_CACHE"):
        DIGITS.load("test")


def test_given_root_must_hold_the_data(tmp_path):
    with pytest.raises(DataError, match="looked for VOCdevkit/DigitScenes/JPEGImages"):
        DIGITS.load("test", tmp_path)


def test_listing_data_sets_imports_neither_torch_nor_scikit_learn():
    script = (
        "import sys; from wsolbench.registry import DATASETS; "
        "assert 'digit-scenes' in list(DATASETS); "
        "print([name for name in ('torch', 'sklearn', 'pandas') if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
