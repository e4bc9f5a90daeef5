"""Image files of every kind, from the folder to the network's input."""

import numpy as np
import pytest
from PIL import Image

from wsolbench.images import InputTransform, load_batches
from wsolbench.registry import DATASETS

RED = (250, 10, 10)


def picture(mode="RGB"):
    """Left half red, right half black: what a decoder makes of it is easy to tell."""
    pixels = np.zeros((10, 20, 3), dtype=np.uint8)
    pixels[:, :10] = RED
    return Image.fromarray(pixels).convert(mode)


def grey_16_bits():
    values = np.zeros((10, 20), dtype=np.uint16)
    values[:, :10] = 60_000
    return Image.fromarray(values)


def rotated_by_exif():
    image = picture()
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned by 90 degrees when shown
    return image, exif.tobytes()


def write_all(folder):
    folder.mkdir()
    picture().save(folder / "plain.png")
    picture("L").save(folder / "grey.jpg")
    picture("CMYK").save(folder / "cmyk.jpg")
    picture("P").save(folder / "palette.png")
    picture("RGBA").save(folder / "transparent.png")
    picture("1").save(folder / "two colours.png")
    grey_16_bits().save(folder / "sixteen bits.png")
    image, exif = rotated_by_exif()
    image.save(folder / "rotated.jpg", exif=exif)
    picture().save(folder / "a gif called.jpg", format="GIF")
    content = (folder / "grey.jpg").read_bytes()
    (folder / "cut off.jpg").write_bytes(content[: len(content) // 2])
    (folder / "empty.jpg").touch()
    (folder / "text.png").write_text("no image")


@pytest.fixture
def batch(tmp_path):
    write_all(tmp_path / "class")
    transform = InputTransform((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (10, 20))
    loaded = DATASETS["folder"].load("test", tmp_path)
    (batch,) = load_batches(loaded.samples, transform, batch_size=99)
    return batch


def test_files_of_any_mode_are_decoded(batch):
    names = {sample.path.name for sample in batch.samples}
    assert names == {
        "plain.png", "grey.jpg", "cmyk.jpg", "palette.png", "transparent.png", "two colours.png",
        "sixteen bits.png", "rotated.jpg", "a gif called.jpg",
    }  # fmt: skip
    for image, sample in zip(batch.images, batch.samples, strict=True):
        assert image.shape == (3, 10, 20)
        left, right = image[0, :, 2:8].mean(), image[:, :, 13:].mean()
        assert left > right + 0.2, sample.id


def test_files_that_cannot_be_decoded_are_named(batch):
    assert {problem.id for problem in batch.problems} == {
        "class/cut off.jpg",
        "class/empty.jpg",
        "class/text.png",
    }
    assert all("cannot be read" in problem.reason for problem in batch.problems)


def test_exif_rotation_is_not_applied_to_size_and_boxes(tmp_path):
    write_all(tmp_path / "class")
    (tmp_path / "boxes.csv").write_text("class/rotated.jpg,0,0,19,9\n")
    (sample,) = (s for s in DATASETS["folder"].load("test", tmp_path).samples if s.instances)
    assert sample.size_wh == (20, 10)
    assert sample.instances[0].box_xyxy == (0, 0, 19, 9)
