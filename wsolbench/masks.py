"""Where the masks of an image come from: index images, run-length codes, grey and colour images.

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

    from wsolbench.sample import Box

    BoolMask = NDArray[np.bool_]

Code = Any
"""A region as COCO writes it: a list of polygons ``[x, y, x, y, ...]``, or a run-length code
``{"size": [h, w], "counts": ...}`` whose counts are text, bytes or a list of numbers."""


class MaskSource(Protocol):
    """Anything that reads the mask of a class."""

    def read(self, label: int) -> tuple[BoolMask, BoolMask]:
        """Foreground and ignored pixels of ``label``, each ``[H, W]`` bool."""


class InstanceMaskSource(Protocol):
    """Anything that reads the mask of one instance."""

    def read(self, position: int) -> BoolMask:
        """Foreground of ``sample.instances[position]``, ``[H, W]`` bool."""


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
class ValueMasks:
    """An image whose pixel values tell foreground from the rest, of one class, as a trimap.

    Attributes:
        path: the image.
        label: the class; another one has no foreground.
        foreground: pixel values.
        ignored: pixel values.
    """

    path: Path
    label: int
    foreground: tuple[int, ...] = (1,)
    ignored: tuple[int, ...] = (3,)

    def read(self, label: int) -> tuple[BoolMask, BoolMask]:
        """See `MaskSource.read`."""
        values = _pixels(self.path)
        ignored = np.isin(values, self.ignored)
        if label != self.label:
            return np.zeros_like(ignored), ignored
        return np.isin(values, self.foreground), ignored


@dataclass(frozen=True, slots=True)
class ColourMasks:
    """A picture whose colours tell foreground from background, of one class.

    Attributes:
        path: the picture.
        label: the class; another one has no foreground.
        foreground: red, green and blue of the foreground; ``None``: all but the background.
        background: red, green and blue of the background; ``None``: all but the foreground.
        ignored: red, green and blue of pixels to ignore, where there are any.
        tolerance: how far a channel may be off (some pictures are JPEG files).
    """

    path: Path
    label: int
    foreground: tuple[int, int, int] | None = None
    background: tuple[int, int, int] | None = None
    ignored: tuple[int, int, int] | None = None
    tolerance: int = 40

    def read(self, label: int) -> tuple[BoolMask, BoolMask]:
        """See `MaskSource.read`."""
        pixels = _pixels(self.path, "RGB").astype(np.int16)
        mask = np.full(pixels.shape[:2], label == self.label)
        ignored = np.zeros_like(mask) if self.ignored is None else self._near(pixels, self.ignored)
        if self.foreground is not None:
            mask &= self._near(pixels, self.foreground)
        if self.background is not None:
            mask &= ~self._near(pixels, self.background)
        return mask & ~ignored, ignored

    def _near(self, pixels: NDArray[np.int16], colour: tuple[int, int, int]) -> BoolMask:
        near: BoolMask = (np.abs(pixels - np.array(colour)) <= self.tolerance).all(axis=2)
        return near


@dataclass(frozen=True, slots=True)
class GreyMasks:
    """Grey images, a pixel is foreground above one half; several are united.

    Attributes:
        paths: label -> images of the foreground.
        ignored: images of the pixels to ignore; foreground comes first.
        size_hw: height and width; an image of another size is resized (nearest).
    """

    paths: Mapping[int, tuple[Path, ...]]
    ignored: tuple[Path, ...]
    size_hw: tuple[int, int]

    def read(self, label: int) -> tuple[BoolMask, BoolMask]:
        """See `MaskSource.read`."""
        foreground = self._union(self.paths.get(label, ()))
        return foreground, self._union(self.ignored) & ~foreground

    def _union(self, paths: tuple[Path, ...]) -> BoolMask:
        union = np.zeros(self.size_hw, dtype=np.bool_)
        for path in paths:
            union |= _pixels(path, "L", self.size_hw) > 127  # 128 / 255 is the first above one half
        return union


@dataclass(frozen=True, slots=True)
class RleMasks:
    """Regions as COCO writes them, some per class; their union is the foreground.

    Attributes:
        codes: label -> regions.
        size_hw: height and width.
        ignored: label -> regions to ignore; foreground comes first.
    """

    codes: Mapping[int, tuple[Code, ...]]
    size_hw: tuple[int, int]
    ignored: Mapping[int, tuple[Code, ...]] | None = None

    @classmethod
    def of(
        cls, masks: Mapping[int, BoolMask], ignored: Mapping[int, BoolMask] | None = None
    ) -> RleMasks:
        """Encode one ``[H, W]`` bool mask per label, and perhaps one to ignore."""
        height, width = next(iter(masks.values())).shape
        return cls(
            {label: (encode(mask),) for label, mask in masks.items()},
            (height, width),
            None if ignored is None else {k: (encode(mask),) for k, mask in ignored.items()},
        )

    def read(self, label: int) -> tuple[BoolMask, BoolMask]:
        """See `MaskSource.read`."""
        foreground = decode(self.codes.get(label, ()), self.size_hw)
        ignored = decode((self.ignored or {}).get(label, ()), self.size_hw)
        return foreground, ignored & ~foreground


@dataclass(frozen=True, slots=True)
class InstanceRles:
    """The region of every instance, as COCO writes it."""

    codes: tuple[Code, ...]
    size_hw: tuple[int, int]

    def read(self, position: int) -> BoolMask:
        """See `InstanceMaskSource.read`."""
        return decode((self.codes[position],), self.size_hw)


@dataclass(frozen=True, slots=True)
class ObjectMasks:
    """An object-index PNG as in PASCAL VOC: pixel value n is the n-th object of the annotation.

    Attributes:
        path: the image.
        boxes_xyxy: 0-based boxes of the objects; an object whose pixels lie elsewhere is refused.
        void: pixel value of the borders.
    """

    path: Path
    boxes_xyxy: tuple[Box, ...]
    void: int = 255

    def read(self, position: int) -> BoolMask:
        """See `InstanceMaskSource.read`.

        Raises:
            SampleError: the image counts other objects than the annotation, or elsewhere.
        """
        objects = _pixels(self.path)
        highest = int(objects[objects != self.void].max(initial=0))
        if highest != len(self.boxes_xyxy):
            raise SampleError(
                f"the mask {self.path.name} shows {highest} objects, but the annotation lists "
                f"{len(self.boxes_xyxy)}"
            )
        mask: BoolMask = objects == position + 1
        if _overlap(mask, self.boxes_xyxy[position]) < 0.5:
            raise SampleError(
                f"object {position + 1} of the mask {self.path.name} is not where its box is"
            )
        return mask


def encode(mask: BoolMask) -> dict[str, Any]:
    """The run-length code of a ``[H, W]`` bool mask."""
    from pycocotools import mask as coco

    code: dict[str, Any] = coco.encode(np.asfortranarray(mask, dtype=np.uint8))
    return code


def decode(codes: tuple[Code, ...], size_hw: tuple[int, int]) -> BoolMask:
    """The union of regions as ``[H, W]`` bool.

    Raises:
        SampleError: a region is not what COCO writes, or of another size.
    """
    from pycocotools import mask as coco

    if not codes:
        return np.zeros(size_hw, dtype=np.bool_)
    try:
        runs = [run for code in codes for run in _runs(code, size_hw)]
        union: BoolMask = coco.decode(coco.merge(runs)).astype(np.bool_)
    except (TypeError, ValueError, KeyError) as error:
        raise SampleError(f"a region is no polygon and no run-length code: {error}") from error
    if union.shape != tuple(size_hw):
        raise SampleError(f"expected a region of size {tuple(size_hw)}, but got {union.shape}")
    return union


def box_of(mask: BoolMask) -> Box | None:
    """The 0-based inclusive box around the foreground, ``None`` without any."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(columns):
        return None
    return float(columns[0]), float(rows[0]), float(columns[-1]), float(rows[-1])


def _runs(code: Code, size_hw: tuple[int, int]) -> list[Any]:
    """Compressed run-length codes of a region."""
    from pycocotools import mask as coco

    if isinstance(code, dict) and not isinstance(code["counts"], list):
        return [code]
    if not isinstance(code, dict) and not all(len(p) >= 6 and len(p) % 2 == 0 for p in code):
        raise ValueError("expected polygons of three points or more")
    runs = coco.frPyObjects(code, *size_hw)
    return runs if isinstance(runs, list) else [runs]


def _overlap(mask: BoolMask, box_xyxy: Box) -> float:
    """IoU, inclusive, of a box and the box around a mask."""
    around = box_of(mask)
    if around is None:
        return 0.0
    width = min(around[2], box_xyxy[2]) - max(around[0], box_xyxy[0]) + 1
    height = min(around[3], box_xyxy[3]) - max(around[1], box_xyxy[1]) + 1
    shared = max(width, 0.0) * max(height, 0.0)
    areas = [(x1 - x0 + 1) * (y1 - y0 + 1) for x0, y0, x1, y1 in (around, box_xyxy)]
    return shared / (sum(areas) - shared)


def _pixels(
    path: Path, mode: str | None = None, size_hw: tuple[int, int] | None = None
) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            picture = image if mode is None else image.convert(mode)
            if size_hw is not None and picture.size != size_hw[::-1]:
                picture = picture.resize(size_hw[::-1], Image.Resampling.NEAREST)
            return np.array(picture, dtype=np.uint8)
    except (OSError, SyntaxError, ValueError) as error:
        raise SampleError(f"the mask {path.name} cannot be read: {error}") from error
