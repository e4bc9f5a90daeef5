"""Composes the digit scenes: real handwritten digits on real photographs, with exact masks.

One to three digits of one class lie among distracting scribbles on a crop of a photograph. Every
image depends on (seed, split, index) alone, and splits share nothing: each has its own glyphs (the
writers of scikit-learn's digits follow one another, so blocks of glyphs separate writers) and its
own part of both photographs.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter
from sklearn.datasets import load_sample_images

from ._digit_scenes_strokes import Ink, digit_labels, distractor_ink, glyph_ink

DIGIT_NAMES: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SceneSplit:
    """What one split is made of.

    Attributes:
        images: how many images it has.
        glyphs: half-open range of scikit-learn's digits.
        columns: of each photograph, in scikit-learn's order, a half-open range of columns.
        code: a number for the seed of each image; part of the revision.
    """

    images: int
    glyphs: tuple[int, int]
    columns: tuple[tuple[int, int], ...]
    code: int


SCENE_SPLITS: Final[Mapping[str, SceneSplit]] = {
    "train": SceneSplit(3000, glyphs=(700, 1797), columns=((205, 510), (0, 310)), code=0),
    "val": SceneSplit(200, glyphs=(500, 700), columns=((510, 640), (510, 640)), code=1),
    "test": SceneSplit(500, glyphs=(0, 500), columns=((0, 205), (310, 510)), code=2),
}

_SIDES: Final = (160, 200)
_SIZES_BY_COUNT: Final = {1: (0.34, 0.64), 2: (0.30, 0.48), 3: (0.26, 0.40)}
_ODDS_OF_COUNT: Final = (0.5, 0.3, 0.2)
_BORDER: Final = 3
_GAP: Final = 8

Canvas = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Scene:
    """One painted image.

    Attributes:
        pixels: uint8, `[H, W, 3]`.
        digit: the class, 0 to 9.
        glyphs: position in scikit-learn's digits, one per instance.
        masks: visible pixels, `[H, W]`, one per instance, disjoint.
    """

    pixels: npt.NDArray[np.uint8]
    digit: int
    glyphs: tuple[int, ...]
    masks: tuple[Mask, ...]


@dataclass(frozen=True, slots=True)
class _Placed:
    ink: Ink
    left: int
    top: int

    @property
    def box(self) -> Box:
        """Half-open left, top, right, bottom."""
        height, width = self.ink.shape
        return self.left, self.top, self.left + width, self.top + height


def _overlap(a: Box, b: Box, *, gap: int = 0) -> int:
    """Area in pixels that two boxes share once `a` has grown by `gap` on every side."""
    width = min(a[2] + gap, b[2]) - max(a[0] - gap, b[0])
    height = min(a[3] + gap, b[3]) - max(a[1] - gap, b[1])
    return max(width, 0) * max(height, 0)


def paint_scene(split: str, index: int, *, seed: int = 0) -> Scene:
    """Paint one image; it depends on nothing but the arguments."""
    part = SCENE_SPLITS[split]
    rng = np.random.default_rng([seed, part.code, index])
    digit = index % len(DIGIT_NAMES)
    width, height = (int(side) for side in rng.integers(_SIDES[0], _SIDES[1] + 1, 2))
    canvas = _background(rng, part.columns, width, height)
    glyphs, digits = _place_digits(rng, part.glyphs, digit, width, height)
    scribbles = _place_distractors(rng, digits, width, height)
    _shade(canvas, [*scribbles, *digits])
    for piece in (*scribbles, *digits):
        _paint(canvas, piece, rng)
    canvas *= 255
    pixels = np.rint(np.clip(canvas, 0, 255, out=canvas), out=canvas).astype(np.uint8)
    masks = tuple(_mask(piece, (height, width)) for piece in digits)
    return Scene(np.ascontiguousarray(pixels.transpose(1, 2, 0)), digit, glyphs, masks)


@cache
def _photographs(columns: tuple[tuple[int, int], ...]) -> tuple[Image.Image, ...]:
    """The photographs, each cut to its range of columns."""
    photos = load_sample_images().images
    return tuple(
        Image.fromarray(photo[:, slice(*own)]) for photo, own in zip(photos, columns, strict=True)
    )


def _background(
    rng: np.random.Generator, columns: tuple[tuple[int, int], ...], width: int, height: int
) -> Canvas:
    """Crop a photograph within its columns, mirrored half of the time, in its own light."""
    photos = _photographs(columns)
    own = photos[int(rng.integers(len(photos)))]
    largest = min(own.width / width, own.height / height)
    scale = rng.uniform(0.6 * largest, largest)
    left, top = (
        rng.uniform(0, room) for room in (own.width - scale * width, own.height - scale * height)
    )
    region = (left, top, left + scale * width, top + scale * height)
    crop = own.resize((width, height), Image.Resampling.BILINEAR, region)
    if rng.random() < 0.5:
        crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    light = (rng.uniform(0.45, 0.8) * rng.uniform(0.92, 1.08, 3)).astype(np.float32)
    planes = np.asarray(crop, dtype=np.float32).transpose(2, 0, 1)
    return np.ascontiguousarray(planes * (light / 255)[:, None, None])


def _place_digits(
    rng: np.random.Generator, glyphs: tuple[int, int], digit: int, width: int, height: int
) -> tuple[tuple[int, ...], list[_Placed]]:
    """Choose one to three glyphs of a class and lay them out apart, wholly inside."""
    pool = glyphs[0] + np.flatnonzero(digit_labels()[slice(*glyphs)] == digit)
    count = 1 + int(rng.choice(len(_ODDS_OF_COUNT), p=_ODDS_OF_COUNT))
    chosen = tuple(int(glyph) for glyph in rng.choice(pool, count, replace=False))
    placed: list[_Placed] = []
    for glyph in chosen:
        size = rng.uniform(*_SIZES_BY_COUNT[count]) * min(width, height)
        placed.append(_place_apart(rng, glyph, size, placed, width, height))
    return chosen, placed


def _place_apart(
    rng: np.random.Generator,
    glyph: int,
    size: float,
    others: list[_Placed],
    width: int,
    height: int,
) -> _Placed:
    """Try places for a glyph until it is clear of the others, smaller after every round."""
    angle, slant = rng.uniform(-0.3, 0.3), rng.uniform(-0.15, 0.15)
    aspect = math.exp(rng.uniform(-0.1, 0.1))
    while True:
        cell = size / 8
        ink = glyph_ink(glyph, cell_wh=(cell * aspect, cell / aspect), angle=angle, slant=slant)
        for _ in range(8):
            left = int(rng.integers(_BORDER, width - ink.shape[1] - _BORDER + 1))
            top = int(rng.integers(_BORDER, height - ink.shape[0] - _BORDER + 1))
            candidate = _Placed(ink, left, top)
            if not any(_overlap(candidate.box, other.box, gap=_GAP) for other in others):
                return candidate
        size *= 0.94


def _place_distractors(
    rng: np.random.Generator, digits: list[_Placed], width: int, height: int
) -> list[_Placed]:
    """Scatter scribbles that hardly meet the digits or one another; they may be cut off."""
    side = min(width, height)
    taken = [placed.box for placed in digits]
    scribbles: list[_Placed] = []
    for _ in range(int(rng.integers(2, 6))):
        size = rng.uniform(0.16, 0.36) * side
        ink = distractor_ink(rng, size=size, thickness=rng.uniform(0.11, 0.19) * size)
        tall, wide = ink.shape
        for _ in range(6):
            left = int(rng.integers(-wide // 3, width - wide + wide // 3))
            top = int(rng.integers(-tall // 3, height - tall + tall // 3))
            candidate = _Placed(ink, left, top)
            if all(_overlap(candidate.box, box) < 0.05 * ink.size for box in taken):
                taken.append(candidate.box)
                scribbles.append(candidate)
                break
    return scribbles


def _visible(placed: _Placed, size_hw: tuple[int, int]) -> tuple[slice, slice, Ink]:
    """The rows and columns of the image that a patch meets, and its ink there."""
    left, top, right, bottom = placed.box
    rows = slice(max(top, 0), min(bottom, size_hw[0]))
    columns = slice(max(left, 0), min(right, size_hw[1]))
    ink = placed.ink[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    return rows, columns, ink


def _mask(placed: _Placed, size_hw: tuple[int, int]) -> Mask:
    """The pixels that are mostly ink of this patch."""
    mask = np.zeros(size_hw, dtype=np.bool_)
    rows, columns, ink = _visible(placed, size_hw)
    mask[rows, columns] = ink > 0.5
    return mask


def _shade(canvas: Canvas, pieces: Sequence[_Placed]) -> None:
    """Darken the canvas in place by soft shadows that fall to the lower right."""
    height, width = canvas.shape[1:]
    cover = np.zeros((height, width), dtype=np.float32)
    for placed in pieces:
        rows, columns, ink = _visible(placed, (height, width))
        np.maximum(cover[rows, columns], ink, out=cover[rows, columns])
    half = Image.fromarray((cover * 255).astype(np.uint8)).reduce(2)
    soft = half.filter(ImageFilter.GaussianBlur(1.3)).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    shadow = np.asarray(soft, dtype=np.float32)[:-2, :-2]
    canvas[:, 2:, 2:] *= 1 - (0.55 / 255) * shadow


def _paint(canvas: Canvas, placed: _Placed, rng: np.random.Generator) -> None:
    """Put a piece of ink on the canvas in place, in a colour of its own."""
    height, width = canvas.shape[1:]
    rows, columns, ink = _visible(placed, (height, width))
    part = canvas[:, rows, columns]
    first, second = _colours(rng)
    slope = np.linspace(0, 1, len(ink), dtype=np.float32)[:, None]
    part += ink * (first + slope * (second - first) - part)


def _colours(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Two kindred light colours, `[2, 3, 1, 1]`."""
    hue, drift = rng.random(), rng.uniform(-0.08, 0.08)
    saturation = rng.uniform(0.05, 0.6)
    pair = [
        colorsys.hsv_to_rgb(hue % 1, saturation, 1.0),
        colorsys.hsv_to_rgb((hue + drift) % 1, saturation, 0.9),
    ]
    return np.array(pair, dtype=np.float32)[..., None, None]
