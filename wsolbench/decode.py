"""Decoding of image files of any mode. No torch here, so that checks of data start at once."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from wsolbench.errors import SampleError
from wsolbench.sample import Sample

QUARTER_TURNS = (5, 6, 7, 8)  # values of the EXIF orientation
_UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    IndexError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


def read_image(
    path: Path, *, size_wh: tuple[int, int] | None = None, upright: bool = False
) -> Image.Image:
    """Decode an image to RGB, whatever its mode.

    Grey, palette, CMYK, 16-bit, 32-bit and float images become 8-bit RGB; transparency is dropped.
    ImageNet and PASCAL VOC annotate the pixels as they are stored, so the EXIF orientation counts
    only where the annotation's own size says that the image was turned, or where it is asked for.

    Args:
        path: the file.
        size_wh: official size; where it is the stored one with the sides exchanged, and EXIF tells
            of a quarter turn, the image is turned.
        upright: turn the image as EXIF says, as for a photograph without annotations.

    Raises:
        SampleError: there is no such file, it is cut off, or it is no image.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of PIL, about sizes and metadata
            with Image.open(path) as image:
                turn = upright or _was_turned(image, size_wh)
                return _rgb(ImageOps.exif_transpose(image) if turn else image)
    except FileNotFoundError:
        raise SampleError(f"the image {path} does not exist") from None
    except _UNREADABLE as error:
        raise SampleError(f"the image {path} cannot be read: {error}") from error


def image_size(path: Path) -> tuple[int, int]:
    """Width and height from the head of the file; the pixels are not decoded.

    Raises:
        SampleError: there is no such file, or it is no image.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                return image.size
    except FileNotFoundError:
        raise SampleError(f"the image {path} does not exist") from None
    except _UNREADABLE as error:
        raise SampleError(f"the image {path} cannot be read: {error}") from error


def _was_turned(image: Image.Image, size_wh: tuple[int, int] | None) -> bool:
    """Whether annotations were made on the image as EXIF turns it, by a quarter."""
    width, height = image.size
    return (
        width != height
        and size_wh == (height, width)
        and image.getexif().get(ExifTags.Base.Orientation) in QUARTER_TURNS
    )


def official_size(sample: Sample) -> tuple[int, int]:
    """Width and height of a sample's official frame; the file's where the data set names none.

    Raises:
        SampleError: the file has to tell, and cannot.
    """
    return sample.size_wh or image_size(sample.path)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        image.load()  # convert() would copy it
        return image
    if image.mode.startswith("I"):  # 16 or 32 bits, which convert() would clip
        image = _eight_bits(image)
    if image.mode == "F":  # floats: of [0, 1], or of bytes
        values = np.nan_to_num(np.asarray(image))
        scale = 255 if values.max() <= 1 else 1
        image = Image.fromarray((values * scale).clip(0, 255).astype(np.uint8))
    if image.mode == "P":
        image = image.convert("RGBA")
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Whole numbers as bytes: bytes stay, 16 bits are shifted by 8, more by what is too much."""
    values = np.asarray(image).astype(np.int64).clip(min=0)
    bits = int(values.max()).bit_length()
    shift = 0 if bits <= 8 else max(8, bits - 8)
    return Image.fromarray((values >> shift).astype(np.uint8))
