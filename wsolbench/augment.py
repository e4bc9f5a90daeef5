"""Random views of training images, a batch at a time. No mirroring: digits have a handedness."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far a view may depart from its image; every amount is drawn uniformly, per image.

    Attributes:
        turn: largest rotation either way, in radians.
        window: smallest and largest side of the window that is seen, 1 being the whole image.
        stretch: largest logarithm of the change of the aspect ratio either way.
        shift: largest shift of the window either way, in halves of the image.
        contrast: largest change of each channel's factor from 1.
        brightness: largest change of each channel's offset from 0, the channel being in [0, 1].
    """

    turn: float = 0.15
    window: tuple[float, float] = (0.8, 1.1)
    stretch: float = 0.1
    shift: float = 0.12
    contrast: float = 0.3
    brightness: float = 0.15


def random_views(
    images: Tensor, side: int, augmentation: Augmentation, generator: torch.Generator
) -> Tensor:
    """Turn, zoom, stretch, shift and recolour every image of a batch in its own way.

    Args:
        images: uint8 ``[B, C, H, W]``.
        side: height and width of the views.
        augmentation: how far to go.
        generator: of all chance here.

    Returns:
        float32 ``[B, C, side, side]``, about in [0, 1]. Beyond its borders an image is mirrored.
    """
    count, channels = images.shape[:2]

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator) * (high - low) + low

    def draw_around(centre: float, reach: float, *shape: int) -> Tensor:
        return draw(centre - reach, centre + reach, *shape)

    angle, window = draw_around(0, augmentation.turn), draw(*augmentation.window)
    stretch = draw_around(0, augmentation.stretch).exp()
    x, y = draw_around(0, augmentation.shift), draw_around(0, augmentation.shift)
    across, down = window * stretch, window / stretch
    rows = (
        torch.stack([angle.cos() * across, -angle.sin() * window, x], dim=1),
        torch.stack([angle.sin() * window, angle.cos() * down, y], dim=1),
    )
    grid = functional.affine_grid(
        torch.stack(rows, dim=1), [count, channels, side, side], align_corners=False
    )
    views = functional.grid_sample(
        images.float().div_(255), grid, padding_mode="reflection", align_corners=False
    )
    views *= draw_around(1, augmentation.contrast, channels, 1, 1)
    views += draw_around(0, augmentation.brightness, channels, 1, 1)
    return views
