"""Ink of the digit scenes: smooth outlines of real 8x8 digits, and scribbles to distract.

An ink patch is a float array `[H, W]` in [0, 1]: the share of each pixel that ink covers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy.interpolate import make_interp_spline
from sklearn.datasets import load_digits

Ink = npt.NDArray[np.float32]
Polyline = npt.NDArray[np.float64]

_CELLS: Final = 8
_MARGIN: Final = 2
_SUBDIVISION: Final = 8
_INK_LEVEL: Final = 0.43
_SMOOTHING: Final = 0.06
_SUPERSAMPLING: Final = 3


@cache
def digit_labels() -> npt.NDArray[np.int64]:
    """The digit, 0 to 9, of each of scikit-learn's 1,797 glyphs, in that library's order."""
    return np.asarray(load_digits().target, dtype=np.int64)


@cache
def _glyph_cells() -> npt.NDArray[np.float32]:
    """All glyphs as ink per cell in [0, 1], `[1797, 8, 8]`."""
    return np.asarray(load_digits().images / 16.0, dtype=np.float32)


@cache
def _spline_basis() -> npt.NDArray[np.float64]:
    """Linear map `[fine, cells]` from the padded cells of one axis to a smooth curve at fine steps.

    The curve is the cubic spline through the cells after these were smoothed a little, for without
    that the outlines of thin strokes wobble from cell to cell.
    """
    cells = _CELLS + 2 * _MARGIN
    at = (np.arange(cells * _SUBDIVISION) + 0.5) / _SUBDIVISION - 0.5
    neighbours = np.eye(cells, k=1) + np.eye(cells, k=-1)
    smoothed = (1 - _SMOOTHING) * np.eye(cells) + _SMOOTHING / 2 * neighbours
    spline = make_interp_spline(np.arange(cells), smoothed, k=3)
    basis: npt.NDArray[np.float64] = spline(np.clip(at, 0, cells - 1))
    return basis


@cache
def _glyph_field(glyph: int) -> Image.Image:
    """A smooth field whose level set at `_INK_LEVEL` is the outline of the glyph."""
    cells = np.pad(_glyph_cells()[glyph], _MARGIN)
    basis = _spline_basis()
    # not by matmul: the threads of its BLAS stand in one another's way on a busy machine
    down = np.einsum("ia,ab->ib", basis, cells)
    return Image.fromarray(np.einsum("ib,jb->ij", down, basis).astype(np.float32))


def _trim(ink: Ink) -> Ink:
    """Cut the empty borders of a patch away."""
    inked = ink > 0
    rows, columns = (np.flatnonzero(inked.any(axis=axis)) for axis in (1, 0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def glyph_ink(glyph: int, *, cell_wh: tuple[float, float], angle: float, slant: float) -> Ink:
    """Draw one handwritten digit, trimmed to its ink.

    Args:
        glyph: position in scikit-learn's digits.
        cell_wh: width and height of one of the 8x8 cells in pixels.
        angle: rotation in radians.
        slant: horizontal shear, in widths per height.
    """
    field = _glyph_field(glyph)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    stretch = np.array([[cell_wh[0], slant * cell_wh[1]], [0.0, cell_wh[1]]])
    to_pixels = turn @ stretch / _SUBDIVISION
    half = np.abs(to_pixels).sum(axis=1) * field.width / 2
    width, height = (math.ceil(2 * extent) for extent in half)
    to_field = np.linalg.inv(to_pixels)
    offset = field.width / 2 - to_field @ np.array([width / 2, height / 2])
    coefficients = (*to_field[0], offset[0], *to_field[1], offset[1])
    values = np.asarray(
        field.transform(
            (width, height), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR
        )
    )
    down, across = np.gradient(values)
    steepness = np.maximum(np.hypot(down, across), 1e-3)
    return _trim(np.clip((values - _INK_LEVEL) / steepness + 0.5, 0.0, 1.0).astype(np.float32))


def _wave(rng: np.random.Generator) -> list[Polyline]:
    t = np.linspace(-1, 1, 25)
    return [np.stack([t, rng.uniform(0.2, 0.4) * np.sin(t * rng.uniform(5, 8))], axis=1)]


def _zigzag(rng: np.random.Generator) -> list[Polyline]:
    x = np.linspace(-1, 1, int(rng.integers(4, 7)))
    y = rng.uniform(0.25, 0.5, len(x)) * np.where(np.arange(len(x)) % 2, 1, -1)
    return [np.stack([x, y], axis=1)]


def _arc(rng: np.random.Generator) -> list[Polyline]:
    t = np.linspace(0, rng.uniform(1.6, 3.4), 12)
    return [np.stack([np.cos(t), rng.uniform(0.6, 1) * np.sin(t)], axis=1)]


def _spiral(rng: np.random.Generator) -> list[Polyline]:
    t = np.linspace(1.5, rng.uniform(9.5, 12.5), 40)
    return [np.stack([t * np.cos(t), t * np.sin(t)], axis=1) / t[-1]]


def _cross(rng: np.random.Generator) -> list[Polyline]:
    tilt = rng.uniform(-0.3, 0.3)
    return [np.array([[-1, tilt], [1, -tilt]]), np.array([[-tilt, -0.8], [tilt, 0.8]])]


def _fork(rng: np.random.Generator) -> list[Polyline]:
    ends = np.array([0.0, 2.1, 4.2]) + rng.uniform(-0.4, 0.4, 3)
    return [np.array([[0.0, 0.0], [math.cos(end), math.sin(end)]]) for end in ends]


def _triangle(rng: np.random.Generator) -> list[Polyline]:
    corners = np.array([0.0, 2.1, 4.2]) + rng.uniform(-0.5, 0.5, 3)
    outline = np.stack([np.cos(corners), np.sin(corners)], axis=1)
    return [np.vstack([outline, outline[:2]])]


_SHAPES: Final[tuple[Callable[[np.random.Generator], list[Polyline]], ...]] = (
    _wave, _zigzag, _arc, _spiral, _cross, _fork, _triangle,
)  # fmt: skip


def distractor_ink(rng: np.random.Generator, *, size: float, thickness: float) -> Ink:
    """Draw a scribble that is no digit, trimmed to its ink.

    Args:
        rng: chooses the shape and its turn.
        size: length of the longer axis before thickness, in pixels.
        thickness: width of the stroke in pixels.
    """
    lines = _SHAPES[int(rng.integers(len(_SHAPES)))](rng)
    angle = rng.uniform(0, 2 * math.pi)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    side = math.ceil(size * 1.25 + thickness) + 2
    canvas = Image.new("L", (side * _SUPERSAMPLING, side * _SUPERSAMPLING))
    draw = ImageDraw.Draw(canvas)
    width = max(2, round(thickness * _SUPERSAMPLING))
    radius = (width - 1) / 2
    for line in lines:
        points = (line @ turn.T * size / 2 + side / 2) * _SUPERSAMPLING
        draw.line(points.ravel().tolist(), fill=255, width=width)
        for left, top, right, bottom in np.hstack([points - radius, points + radius]).tolist():
            draw.ellipse((left, top, right, bottom), fill=255)
    return _trim(np.asarray(canvas.reduce(_SUPERSAMPLING), dtype=np.float32) / np.float32(255))
