"""Files as the world has them: what is read, to which pixels, and what is refused with its name."""

import io
import warnings

import numpy as np
import pytest
from PIL import Image

from wsolbench.decode import image_size, read_image
from wsolbench.errors import SampleError

RED, GREY = (200, 30, 40), (82, 82, 82)


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def plain(mode="RGB", size=(6, 4)):
    return Image.new("RGB", size, RED).convert(mode)


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(plain(size=(6, 4)), "JPEG", exif=exif, quality=95)


def sixteen_bits(value):
    return Image.fromarray(np.full((4, 6), value, dtype=np.uint16))


def two_frames():
    return encoded(plain("P"), "GIF", save_all=True, append_images=[Image.new("P", (6, 4), 0)])


READABLE = {
    "grey.jpg": (encoded(plain("L"), "JPEG"), GREY),
    "cmyk.jpg": (encoded(plain("CMYK"), "JPEG", quality=95), RED),
    "cmyk.tif": (encoded(plain("CMYK"), "TIFF"), RED),
    "ycbcr.jpg": (encoded(plain("YCbCr"), "JPEG", quality=95), RED),
    "bits.png": (encoded(plain("1"), "PNG"), None),
    "palette.png": (encoded(plain("P"), "PNG"), None),
    "transparent.png": (encoded(Image.new("RGBA", (6, 4), (*RED, 0)), "PNG"), RED),
    "grey-alpha.png": (encoded(plain("LA"), "PNG"), GREY),
    "sixteen.png": (encoded(sixteen_bits(0x80FF), "PNG"), (128, 128, 128)),
    "sixteen.tif": (encoded(sixteen_bits(0xFFFF), "TIFF"), (255, 255, 255)),
    "turned.jpg": (turned(), RED),
    "frames.gif": (two_frames(), None),
    "a.webp": (encoded(plain(), "WEBP", lossless=True), RED),
    "a.bmp": (encoded(plain(), "BMP"), RED),
    "png-called.jpg": (encoded(plain(), "PNG"), RED),
    "jpeg-called.png": (encoded(plain(), "JPEG", quality=95), RED),
    "no-suffix": (encoded(plain(), "PNG"), RED),
    "sp ace é 图.JPEG": (encoded(plain(), "PNG"), RED),
    "with-rest.jpg": (encoded(plain(), "JPEG", quality=95) + b"rest" * 50, RED),
}

JPEG, PNG = encoded(plain(size=(64, 64)), "JPEG"), encoded(plain(size=(64, 64)), "PNG")

UNREADABLE = {
    "empty.jpg": b"",
    "text.jpg": b"<html>not found</html>",
    "zeros.png": bytes(500),
    "head.jpg": JPEG[:20],
    "cut.jpg": JPEG[: len(JPEG) // 2],
    "cut.png": PNG[: len(PNG) // 2],
    "flipped.png": PNG[:45] + bytes([PNG[45] ^ 255]) + PNG[46:],
    "magic-only.png": PNG[:8],
    "huge-claim.png": PNG[:16] + b"\x7f\xff\xff\xff\x7f\xff\xff\xff" + PNG[24:],
    "archive.jpg": b"PK\x03\x04" + bytes(100),
    "script.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
}


@pytest.mark.parametrize("name", READABLE)
def test_readable_files_become_rgb(tmp_path, name):
    content, colour = READABLE[name]
    (tmp_path / name).write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = read_image(tmp_path / name)
        assert image_size(tmp_path / name) == image.size == (6, 4)
    assert image.mode == "RGB"
    if colour is not None:
        np.testing.assert_allclose(np.asarray(image)[1, 1].astype(int), colour, atol=3)
    image.resize((2, 2))  # the file is closed, the pixels are there


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_files_are_named(tmp_path, name):
    (tmp_path / name).write_bytes(UNREADABLE[name])
    with pytest.raises(SampleError) as error:
        read_image(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)


@pytest.mark.parametrize("read", [read_image, image_size])
def test_what_is_no_file(tmp_path, read):
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "gone")
    (tmp_path / "circle.jpg").symlink_to(tmp_path / "circle.jpg")
    for name in ("folder.jpg", "dangling.jpg", "circle.jpg", "gone.jpg", "nul\0.jpg"):
        with pytest.raises(SampleError, match=r"cannot be read|does not exist"):
            read(tmp_path / name)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (4000, 1)])
def test_extreme_shapes(tmp_path, size):
    plain(size=size).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").size == size
