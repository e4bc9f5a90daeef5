"""From a raw score map to a normalised one: resizing, normalising, quantising.

The only place that knows the [0, 1] rule. Maps are float64 ``[B, H, W]``; cubic resizing follows
the arithmetic of OpenCV's ``cv2.resize`` on float64 input operation by operation (float32
coefficients, float64 sums, left to right), so that the protocols' truncation to 8 bits falls on
the same side; tests compare bit by bit. Linear resizing is torch's bilinear.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from wsolbench.errors import InputError, OptionError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Map = NDArray[np.float64]  # [H, W]
    Maps = NDArray[np.float64]  # [B, H, W]

INTERPOLATIONS = ("cubic", "linear")
LARGEST = 1e300  # beyond it, differences and sums of scores may overflow


def as_maps(raw: ArrayLike, *, name: str = "score maps") -> Maps:
    """Check score maps and return them as float64 ``[B, H, W]``, a copy only where they are not.

    A single ``[H, W]`` map becomes a batch of one; tensors of torch may come from any device and
    carry a graph. NaN passes: protocols say what it means.

    Raises:
        InputError: not numeric, or not two- or three-dimensional, or empty.
    """
    try:
        maps = np.asarray(_without_graph(raw))
    except ValueError as error:
        raise InputError(
            f"expected {name} of one shape [B, H, W], but the maps of the batch differ in shape; "
            "pass maps of other sizes in calls of their own"
        ) from error
    if maps.ndim == 2:
        maps = maps[None]
    if maps.ndim != 3 or maps.dtype.kind not in "fiub" or 0 in maps.shape[1:]:
        raise InputError(
            f"expected {name} of shape [H, W] or [B, H, W] with numbers, but got shape "
            f"{np.shape(raw)} and dtype {maps.dtype}; pass one two-dimensional map per target"
        )
    return maps.astype(np.float64, copy=False)


def _without_graph(raw: Any) -> Any:
    """A tensor of torch as NumPy takes it: off the graph, off the GPU, no half-precision type."""
    return raw.detach().double().cpu() if hasattr(raw, "detach") else raw


def resize(maps: Maps, size_hw: tuple[int, int], interpolation: str = "cubic") -> Maps:
    """Resize ``[B, h, w]`` maps to ``[B, H, W]``, half-pixel centres, edge pixels repeated.

    Args:
        maps: float64.
        size_hw: target height and width.
        interpolation: "cubic" (a = -0.75, as OpenCV's INTER_CUBIC) or "linear".
    """
    if interpolation not in INTERPOLATIONS:
        raise OptionError(
            f"expected an interpolation of {', '.join(INTERPOLATIONS)}, but got {interpolation!r}"
        )
    height, width = size_hw
    if maps.shape[1:] == (height, width):
        return maps
    rows, row_weights = taps(maps.shape[1], height, interpolation)
    columns, column_weights = taps(maps.shape[2], width, interpolation)
    return _resize(np.ascontiguousarray(maps), rows, row_weights, columns, column_weights)


@lru_cache(maxsize=1024)
def taps(
    source: int, target: int, interpolation: str
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Source indices and weights ``[target, 4]`` of every output position along one axis.

    Shared between calls: do not write to them.
    """
    scale = 1.0 / (target / source)
    position = (np.arange(target) + 0.5) * scale - 0.5
    if interpolation == "cubic":
        position = position.astype(np.float32)
    first = np.floor(position)
    x = position - first
    weights = _cubic_weights(x) if interpolation == "cubic" else _linear_weights(x)
    indices = np.clip(first.astype(np.int64)[:, None] + np.arange(-1, 3), 0, source - 1)
    return indices, weights


def _cubic_weights(x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Weights of the four neighbours, worked out in float32 as OpenCV does."""
    a, one = np.float32(-0.75), np.float32(1)
    two, three, four, five, eight = (np.float32(n) for n in (2, 3, 4, 5, 8))
    before = ((a * (x + one) - five * a) * (x + one) + eight * a) * (x + one) - four * a
    at = ((a + two) * x - (a + three)) * x * x + one
    after = ((a + two) * (one - x) - (a + three)) * (one - x) * (one - x) + one
    return np.stack([before, at, after, one - before - at - after], axis=1).astype(np.float64)


def _linear_weights(x: NDArray[np.float64]) -> NDArray[np.float64]:
    zero = np.zeros_like(x)
    return np.stack([zero, 1.0 - x, x, zero], axis=1)


@njit(cache=True, nogil=True)
def _resize(
    maps: Maps,
    rows: NDArray[np.int64],
    row_weights: NDArray[np.float64],
    columns: NDArray[np.int64],
    column_weights: NDArray[np.float64],
) -> Maps:
    batch, source_height, _ = maps.shape
    height, width = rows.shape[0], columns.shape[0]
    wide = np.empty((source_height, width), dtype=np.float64)
    out = np.empty((batch, height, width), dtype=np.float64)
    for b in range(batch):
        for y in range(source_height):
            for x in range(width):
                wide[y, x] = (
                    maps[b, y, columns[x, 0]] * column_weights[x, 0]
                    + maps[b, y, columns[x, 1]] * column_weights[x, 1]
                    + maps[b, y, columns[x, 2]] * column_weights[x, 2]
                    + maps[b, y, columns[x, 3]] * column_weights[x, 3]
                )
        for y in range(height):
            above, at, below, beyond = rows[y]
            w0, w1, w2, w3 = row_weights[y]
            for x in range(width):
                out[b, y, x] = (
                    wide[above, x] * w0 + wide[at, x] * w1 + wide[below, x] * w2
                    + wide[beyond, x] * w3
                )  # fmt: skip
    return out


def normalise(maps: Maps, normaliser: str = "minmax") -> Maps:
    """Bring every map of ``[B, H, W]`` into [0, 1] by the named rule.

    A map with a NaN or an infinity, and a map that the rule cannot scale (constant, or nothing
    positive), becomes all zeros, as in the reference of `wsol2020`.

    Raises:
        OptionError: no such normaliser.
    """
    try:
        rule = NORMALISERS[normaliser]
    except KeyError:
        raise OptionError(
            f"expected a normaliser of {', '.join(NORMALISERS)}, but got {normaliser!r}"
        ) from None
    out = np.zeros_like(maps)
    for source, target in zip(maps, out, strict=True):
        low, high = float(source.min()), float(source.max())  # NaN where the map holds one
        if math.isfinite(low) and math.isfinite(high):
            # a range beyond the largest float would be infinite; 2^-64 costs no digit
            target[:] = rule(source * 2.0**-64 if max(-low, high) > LARGEST else source)
    return out


def _minmax(x: Map) -> Map:
    """(x - min) / (max - min)."""
    low = x.min()
    return _divide(x - low, x.max() - low)


def _max(x: Map) -> Map:
    """ReLU(x) / max."""
    positive = np.maximum(x, 0.0)
    return _divide(positive, positive.max())


def _pas(x: Map) -> Map:
    """Percentile as a standard (Bae et al., ECCV 2020): x - min, / 90th percentile, at most 1."""
    above = x - x.min()
    return np.minimum(_divide(above, _sorted_at(above, 0.9)), 1.0)


def _ivr(x: Map) -> Map:
    """Infimum of the value range (Kim et al., ICCV 2021): x - 60th percentile, ReLU, / max."""
    return _max(x - _sorted_at(x, 0.6))


def _sigmoid(x: Map) -> Map:
    """1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def _tanh(x: Map) -> Map:
    """LayerCAM's scaling (Jiang et al., TIP 2021): tanh(2 ReLU(x) / max)."""
    return np.tanh(2.0 * _max(x))


NORMALISERS: dict[str, Callable[[Map], Map]] = {
    "minmax": _minmax,
    "max": _max,
    "pas": _pas,
    "ivr": _ivr,
    "sigmoid": _sigmoid,
    "tanh": _tanh,
}


def _divide(x: Map, scale: float) -> Map:
    """``x / scale`` in place, all zeros where there is nothing to scale by."""
    return np.divide(x, scale, out=x) if scale > 0 else np.zeros_like(x)


def _sorted_at(x: Map, fraction: float) -> float:
    """The value at index ``int(fraction * n)`` of the sorted pixels."""
    index = int(fraction * x.size)
    return float(np.partition(x.ravel(), index)[index])


def quantise(maps: Maps) -> NDArray[np.uint8]:
    """``(map * 255)`` truncated to uint8; maps are in [0, 1]."""
    return (maps * 255).astype(np.uint8)
