"""The size of an image from the first bytes of its file."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from wsolbench.errors import SampleError


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of an image as stored, whatever its EXIF rotation.

    Raises:
        SampleError: the file is not there or is no image.
    """
    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise SampleError(f"the size of {path.name} cannot be read: {error}") from error
