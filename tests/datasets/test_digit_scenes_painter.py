from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from defusedxml.ElementTree import fromstring
from PIL import Image

from wsolbench.datasets import _digit_scenes_painter as painter
from wsolbench.datasets import _digit_scenes_scene as scenes
from wsolbench.datasets._digit_scenes_strokes import digit_labels
from wsolbench.errors import DataError

FEW = {"train": 2, "val": 1, "test": 3}
SPLITS = tuple(scenes.SCENE_SPLITS)


@pytest.fixture(scope="module")
def devkit(tmp_path_factory) -> Path:
    return painter.paint_digit_scenes(tmp_path_factory.mktemp("painted"), images=FEW)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def tight_box(mask) -> list[int]:
    """1-based, inclusive."""
    rows, columns = np.nonzero(mask)
    return [columns.min() + 1, rows.min() + 1, columns.max() + 1, rows.max() + 1]


def test_painting_again_gives_the_same_bytes(devkit, tmp_path):
    assert contents(painter.paint_digit_scenes(tmp_path, images=FEW)) == contents(devkit)


def test_processes_share_the_work_without_a_trace(devkit, tmp_path, monkeypatch):
    monkeypatch.setattr(painter, "_IMAGES_WORTH_A_PROCESS", 3)
    monkeypatch.setattr(painter.os, "cpu_count", lambda: 2)
    assert contents(painter.paint_digit_scenes(tmp_path, images=FEW)) == contents(devkit)


def test_an_image_does_not_depend_on_the_others(devkit, tmp_path):
    fewer = painter.paint_digit_scenes(tmp_path, images={"test": 1})
    name = "JPEGImages/test_00000.jpg"
    assert contents(fewer)[name] == contents(devkit)[name]


def test_another_seed_paints_other_images(devkit, tmp_path):
    other = painter.paint_digit_scenes(tmp_path, seed=1, images=FEW)
    name = "JPEGImages/test_00000.jpg"
    assert contents(other)[name] != contents(devkit)[name]


def test_splits_list_their_images(devkit):
    for split, count in FEW.items():
        expected = [f"{split}_{index:05d}" for index in range(count)]
        for task in ("Main", "Segmentation"):
            listing = devkit / "ImageSets" / task / f"{split}.txt"
            assert listing.read_text().split() == expected


def read_indices(path: Path, size: tuple[int, int]):
    with Image.open(path) as picture:
        assert (picture.mode, picture.size) == ("P", size)
        assert picture.getpalette()[:12] == [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0]
        return np.asarray(picture)


def test_annotations_agree_with_images_and_masks(devkit):
    for annotation in sorted((devkit / "Annotations").iterdir()):
        root = fromstring(annotation.read_bytes())
        size = tuple(int(root.findtext(f"size/{side}")) for side in ("width", "height"))
        with Image.open(devkit / "JPEGImages" / root.findtext("filename")) as image:
            assert image.size == size
        objects = root.findall("object")
        names = {one.findtext("name") for one in objects}
        assert len(names) == 1, "one class to an image"
        label = scenes.DIGIT_NAMES.index(names.pop()) + 1
        instances = read_indices(devkit / "SegmentationObject" / f"{annotation.stem}.png", size)
        classes = read_indices(devkit / "SegmentationClass" / f"{annotation.stem}.png", size)
        assert np.unique(instances).tolist() == list(range(len(objects) + 1))
        assert (classes == np.where(instances > 0, label, 0)).all()
        for number, one in enumerate(objects, start=1):
            box = [int(one.findtext(f"bndbox/{side}")) for side in ("xmin", "ymin", "xmax", "ymax")]
            assert box == tight_box(instances == number)


@pytest.mark.parametrize("split", SPLITS)
def test_scenes_show_one_to_three_glyphs_of_their_class(split):
    first, last = scenes.SCENE_SPLITS[split].glyphs
    for index in range(10):
        scene = scenes.paint_scene(split, index)
        assert scene.digit == index % 10
        assert 1 <= len(scene.glyphs) == len(scene.masks) <= 3
        assert all(first <= glyph < last for glyph in scene.glyphs)
        assert (digit_labels()[list(scene.glyphs)] == scene.digit).all()


@pytest.mark.parametrize("split", SPLITS)
def test_instances_are_of_some_size_apart_and_inside(split):
    for index in range(10):
        masks = scenes.paint_scene(split, index).masks
        assert np.sum(masks, axis=0).max() == 1
        for mask in masks:
            x0, y0, x1, y1 = tight_box(mask)
            height, width = mask.shape
            assert x0 > 1
            assert y0 > 1
            assert x1 < width
            assert y1 < height
            assert 0.15 < max((x1 - x0) / width, (y1 - y0) / height) < 0.75


def test_splits_share_no_glyphs_and_no_part_of_a_photograph():
    parts = list(scenes.SCENE_SPLITS.values())
    ranges = [[part.glyphs for part in parts]]
    ranges += [[part.columns[photo] for part in parts] for photo in range(2)]
    for spans in ranges:
        ordered = sorted(spans)
        assert all(one[1] <= other[0] for one, other in itertools.pairwise(ordered))


def test_what_is_painted_is_not_painted_again(devkit, monkeypatch):
    monkeypatch.setattr(painter, "_write_devkit", lambda *_: pytest.fail("painted again"))
    assert painter.paint_digit_scenes(devkit.parents[1], images=FEW) == devkit


@pytest.mark.parametrize("change", [{"seed": 1}, {"images": {"test": 1}}], ids=str)
def test_other_digit_scenes_are_refused_and_left_alone(devkit, change):
    before = contents(devkit)
    with pytest.raises(DataError, match="move that folder away"):
        painter.paint_digit_scenes(devkit.parents[1], **{"images": FEW, **change})
    assert contents(devkit) == before


def test_an_interrupted_painting_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(painter, "write_scene", interrupt)
    with pytest.raises(KeyboardInterrupt):
        painter.paint_digit_scenes(tmp_path, images=FEW)
    assert list((tmp_path / "VOCdevkit").iterdir()) == []


def test_a_failing_helper_process_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(painter, "_IMAGES_WORTH_A_PROCESS", 3)
    monkeypatch.setattr(painter.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(painter.sys, "executable", "false")
    with pytest.raises(RuntimeError, match="painting digit scenes failed"):
        painter.paint_digit_scenes(tmp_path, images=FEW)
    assert list((tmp_path / "VOCdevkit").iterdir()) == []


def test_of_two_paintings_at_once_the_first_stays(tmp_path, monkeypatch):
    write = painter._write_devkit

    def write_late(draft, *arguments):
        monkeypatch.setattr(painter, "_write_devkit", write)
        painter.paint_digit_scenes(tmp_path, images=FEW)  # the other one, done meanwhile
        write(draft, *arguments)

    monkeypatch.setattr(painter, "_write_devkit", write_late)
    target = painter.paint_digit_scenes(tmp_path, images=FEW)
    assert [path.name for path in target.parent.iterdir()] == ["DigitScenes"]
    assert json.loads((target / "digit-scenes.json").read_text())["images"] == FEW


def test_progress_runs_from_nought_to_one(tmp_path):
    shares: list[float] = []
    painter.paint_digit_scenes(tmp_path, images=FEW, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_counts_of_the_card_cover_every_split():
    assert set(painter.IMAGES_BY_SPLIT) == set(painter.OBJECTS_BY_SPLIT) == set(SPLITS)


def test_the_digest_tells_one_seed_from_another(devkit, tmp_path):
    other = painter.paint_digit_scenes(tmp_path, seed=1, images=FEW)
    assert painter.annotations_sha256(devkit) != painter.annotations_sha256(other)
    assert painter.annotations_sha256(devkit) == painter.annotations_sha256(devkit)
