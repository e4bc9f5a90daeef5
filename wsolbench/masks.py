"""Where the masks of an image come from: index images, run-length codes, grey images.

Each source reads the mask of one class as two ``[H, W]`` bool arrays: foreground, and pixels to
ignore. Sources are small, frozen and picklable; pixels are read when they are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from PIL import Image

from wsolbench.errors import SampleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    BoolMask = NDArray[np.bool_]


class MaskSource(Protocol):
    """Anything that reads the mask of a class."""

    def read(self, label: int) -> tuple[BoolMask, BoolMask]:
        """Foreground and ignored pixels of ``label``, each ``[H, W]`` bool."""


@dataclass(frozen=True, slots=True)
class IndexMasks:
    """A class-index PNG as in PASCAL VOC: pixel value ``label + offset``, ``void`` is ignored."""

    path: Path
    offset: int = 1
    void: int = 255

    def read(self, label: int) -> tuple[BoolMask, BoolMask]:
        """See `MaskSource.read`."""
        indices = _pixels(self.path)
        return indices == label + self.offset, indices == self.void


@dataclass(frozen=True, slots=True)
class RleMasks:
    """Run-length codes of pycocotools, one list per class; their union is the foreground.

    Attributes:
        codes: label -> run-length codes (``{"size": [h, w], "counts": ...}``).
        size_hw: height and width, for classes without any code.
    """

    codes: Mapping[int, tuple[dict[str, Any], ...]]
    size_hw: tuple[int, int]

    @classmethod
    def of(cls, masks: Mapping[int, BoolMask]) -> RleMasks:
        """Encode one ``[H, W]`` bool mask per label."""
        from pycocotools import mask as coco

        codes = {
            label: (coco.encode(np.asfortranarray(mask, dtype=np.uint8)),)
            for label, mask in masks.items()
        }
        height, width = next(iter(masks.values())).shape
        return cls(codes, (height, width))

    def read(self, label: int) -> tuple[BoolMask, BoolMask]:
        """See `MaskSource.read`."""
        from pycocotools import mask as coco

        nothing = np.zeros(self.size_hw, dtype=np.bool_)
        codes = self.codes.get(label, ())
        if not codes:
            return nothing, nothing
        return coco.decode(coco.merge(list(codes))).astype(np.bool_), nothing


def _pixels(path: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            return np.array(image, dtype=np.uint8)
    except (OSError, SyntaxError, ValueError) as error:
        raise SampleError(f"the mask {path.name} cannot be read: {error}") from error
