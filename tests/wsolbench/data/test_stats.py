"""Statistics by hand, and the figure."""

import numpy as np
import pytest
from reference.data_sets import dataset_of, sample_of, save_image

from wsolbench.data.figures import save_figure
from wsolbench.data.show import show_statistics
from wsolbench.data.stats import coverage, describe
from wsolbench.decode import image_size
from wsolbench.errors import DataError, OptionError
from wsolbench.masks import RleMasks
from wsolbench.sample import Instance


@pytest.fixture
def statistics(tmp_path):
    left, whole = Instance(0, (0, 0, 9, 9)), Instance(1, (0, 0, 19, 9))
    samples = [
        sample_of(save_image(tmp_path / "a.png"), (0,), (left,)),
        sample_of(save_image(tmp_path / "b.png"), (0, 1), (left, whole), size_wh=None),
        sample_of(save_image(tmp_path / "c.png"), (1,)),
    ]
    return described({"test": samples})


def described(splits):
    card = dataset_of(splits)
    return describe(card, card.load("test", None))


def test_numbers_by_hand(statistics):
    numbers = statistics.summary()
    assert (numbers["images"], numbers["classes"], numbers["boxes"]) == (3, 2, 3)
    assert numbers["labels_per_image"]["mean"] == pytest.approx(4 / 3)
    assert numbers["boxes_per_image"]["mean"] == 1.5
    assert numbers["area"]["q50"] == 0.5
    assert numbers["area"]["max"] == 1
    assert numbers["area_of_half_or_more"] == 1
    assert numbers["aspect"]["min"] == 1
    assert numbers["mean_centre_xy"] == pytest.approx([1 / 3, 0.5])
    assert numbers["off_centre"]["max"] == pytest.approx(0.25 / np.sqrt(0.5))


def test_rows_per_class(statistics):
    cat, dog = statistics.per_class()
    assert cat == {
        "label": 0,
        "class": "cat",
        "images": 2,
        "boxes": 2,
        "median_area": 0.5,
        "median_aspect": 1.0,
        "mean_centre_xy": [0.25, 0.5],
    }
    assert (dog["images"], dog["boxes"], dog["median_area"]) == (2, 1, 1)


def test_coverage_by_hand():
    ends = np.array([[0, 0, 0.5, 0.5], [0, 0, 1, 1], [0.5, 0, 1, 1], [0, 0, 1, 0.5]])
    np.testing.assert_allclose(coverage(ends, grid=2), [[0.75, 0.75], [0.25, 0.5]])


def test_coverage_in_parts_is_the_same():
    random = np.random.default_rng(0)
    ends = np.sort(random.random((25_000, 2, 2)), axis=1).reshape(-1, 4)
    parts = [coverage(part, 10) for part in np.array_split(ends, 5)]
    np.testing.assert_allclose(coverage(ends, 10), np.mean(parts, axis=0))


def test_sets_without_boxes_say_so(tmp_path, capsys):
    statistics = described({"test": [sample_of(save_image(tmp_path / "a.png"))]})
    assert "area" not in statistics.summary()
    show_statistics(statistics)
    assert "no boxes and no masks: only classification can be scored" in capsys.readouterr().out
    _, pixels = save_figure(statistics, tmp_path / "figure.pdf")
    assert image_size(pixels)[0] > 300


def test_masks_stand_in_for_boxes(tmp_path):
    mask = np.zeros((10, 20), bool)
    mask[2:4, 5:10] = mask[5, 5] = True
    masks = RleMasks.of({0: mask, 1: np.zeros_like(mask)})
    sample = sample_of(save_image(tmp_path / "a.png"), (0, 1), masks=masks)
    numbers = described({"test": [sample]}).summary()
    assert (numbers["boxes"], numbers["boxes_around_masks"]) == (1, 1)
    assert numbers["area"]["mean"] == pytest.approx(11 / 200)
    assert numbers["aspect"]["mean"] == pytest.approx(5 / 4)
    assert numbers["mean_centre_xy"] == pytest.approx([0.375, 0.4])


def test_unreadable_images_are_left_out_and_counted(tmp_path):
    (tmp_path / "b.png").write_text("no image")
    good = sample_of(save_image(tmp_path / "a.png"), size_wh=None)
    bad = sample_of(tmp_path / "b.png", size_wh=None)
    assert described({"test": [good, bad]}).summary()["images_left_out"] == 1
    with pytest.raises(DataError, match="no image of made test can be read"):
        described({"test": [bad]})


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("f.pdf", {"f.pdf", "f.png"}),
        ("f.svg", {"f.svg", "f.png"}),
        ("f.png", {"f.pdf", "f.png"}),
        ("f", {"f.pdf", "f.png"}),
    ],
)
def test_figures_are_vectors_and_pixels(statistics, tmp_path, name, written):
    paths = save_figure(statistics, tmp_path / "new" / name)
    assert {path.name for path in paths} == written
    assert {path.name for path in (tmp_path / "new").iterdir()} == written


def test_figures_of_many_classes(tmp_path):
    samples = [sample_of(save_image(tmp_path / "a.png"), (i,)) for i in range(40)]
    card = dataset_of({"test": samples}, classes=tuple(f"class {i}" for i in range(40)))
    save_figure(describe(card, card.load("test", None)), tmp_path / "f.svg")


def test_figures_of_other_kinds_are_refused(statistics, tmp_path):
    with pytest.raises(OptionError, match=r"end in \.pdf, \.svg or \.png"):
        save_figure(statistics, tmp_path / "f.gif")
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="cannot write the figure"):
        save_figure(statistics, tmp_path / "file" / "f.pdf")


def test_tables_hold_every_class(statistics, capsys):
    show_statistics(statistics, per_class=True)
    out = capsys.readouterr().out
    assert "boxes of half the image or more: 100.0 %" in out
    assert "    0  cat         2      2        0.500        1.00  0.25 0.50" in out
