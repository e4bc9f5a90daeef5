"""Projection of maps onto the direction in which they have the most energy (Eigen-CAM and kin)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def principal_projection(maps: Tensor, *, centered: bool) -> Tensor:
    """``X v``, X the pixels as rows and v its first right singular vector.

    The smaller of the Gram matrices ``X X'`` and ``X' X`` is decomposed, in double precision.

    Args:
        maps: ``[T, C, h, w]``.
        centered: subtract every channel's mean over the pixels first.

    Returns:
        ``[T, h, w]``, with the sign of `orient`.
    """
    import torch

    pixels = maps.flatten(2).mT.double()
    if centered:
        pixels = pixels - pixels.mean(1, keepdim=True)
    if pixels.shape[1] <= pixels.shape[2]:
        values, vectors = torch.linalg.eigh(pixels @ pixels.mT)
        projected = vectors[..., -1] * values[:, -1:].clamp(min=0).sqrt()
    else:
        vectors = torch.linalg.eigh(pixels.mT @ pixels).eigenvectors
        projected = (pixels @ vectors[..., -1:])[..., 0]
    return orient(projected.view(maps.shape[0], *maps.shape[2:]).to(maps.dtype), maps)


def orient(projected: Tensor, maps: Tensor) -> Tensor:
    """The sign that a projection leaves open: along the mean of the maps over their channels.

    Args:
        projected: ``[T, h, w]``.
        maps: ``[T, C, h, w]``.
    """
    along = (projected * maps.mean(1)).sum((1, 2), keepdim=True)
    return projected * (along >= 0).to(projected).mul(2).sub(1)
