"""Channels to one map, and Gaussian smoothing, as the pointing-game literature does both."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import conv1d, pad

from wsolbench.errors import OptionError

_REACH = 4  # standard deviations that a kernel reaches to either side
REDUCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "max-abs": lambda channels: channels.abs().amax(1),
    "sum-abs": lambda channels: channels.abs().sum(1),
    "abs-sum": lambda channels: channels.sum(1).abs(),
    "max": lambda channels: channels.amax(1),
    "sum": lambda channels: channels.sum(1),
    "positive-sum": lambda channels: channels.sum(1).relu(),
}


def to_map(channels: Tensor, reduction: str, sigma: float = 0.0) -> Tensor:
    """One map of the channels of a gradient, smoothed: ``[T, C, H, W] -> [T, H, W]``.

    Args:
        channels: the gradient, or what was made of it.
        reduction: "max-abs" (Simonyan et al.), "sum-abs", "abs-sum", "max", "sum" or
            "positive-sum" (the sum where it is positive).
        sigma: of the Gaussian, as a fraction of the longer side; 0 leaves the map as it is. Zhang
            et al. (Excitation Backprop, IJCV 2018) take 0.02.

    Raises:
        OptionError: no such reduction, or a negative sigma.
    """
    if reduction not in REDUCTIONS:
        raise OptionError(f"expected a reduction of {', '.join(REDUCTIONS)}, but got {reduction!r}")
    return smooth(REDUCTIONS[reduction](channels), sigma)


def smooth(maps: Tensor, sigma: float) -> Tensor:
    """Gaussian of standard deviation ``sigma * max(H, W)`` pixels, border pixels repeated.

    Args:
        maps: ``[T, H, W]``.
        sigma: as a fraction of the longer side; 0 returns the maps themselves.

    Raises:
        OptionError: a negative sigma.
    """
    if sigma < 0:
        raise OptionError(f"expected sigma of at least 0, but got {sigma}")
    return blur(maps, sigma * max(maps.shape[1:])) if sigma > 0 else maps


def blur(maps: Tensor, pixels: float, reach: int | None = None) -> Tensor:
    """Gaussian of standard deviation ``pixels`` over the last two axes, border pixels repeated.

    Args:
        maps: ``[..., H, W]``.
        pixels: standard deviation.
        reach: half the width of the kernel; 4 standard deviations where ``None``.
    """
    reach = max(1, math.ceil(_REACH * pixels)) if reach is None else reach
    offsets = torch.arange(-reach, reach + 1, device=maps.device, dtype=maps.dtype)
    kernel = torch.exp(-0.5 * (offsets / pixels) ** 2)
    kernel = (kernel / kernel.sum())[None, None]
    return _along_rows(_along_rows(maps, kernel).mT, kernel).mT.contiguous()


def _along_rows(maps: Tensor, kernel: Tensor) -> Tensor:
    reach = kernel.shape[-1] // 2
    rows = maps.reshape(-1, 1, maps.shape[-1])
    return conv1d(pad(rows, (reach, reach), mode="replicate"), kernel).reshape(maps.shape)
