"""Centre Gaussian: the floor of every leaderboard, which knows nothing of image or class.

Formula: ``M(x, y) = exp(-((x - x0) / W)^2 / (2 s^2) - ((y - y0) / H)^2 / (2 s^2))`` around
``(x0, y0) = (W // 2, H // 2)``, at the size of the network's input.

Departures: Choe et al. centre it at pixel (112, 112) of 224 as here; any sigma gives the same boxes
when every threshold is tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "center",
    title="Gaussian in the middle of the image (floor)",
    family="floor",
    needs=(),
    cost="free",
    supervision="none",
    paper=Paper(
        authors="Choe, Oh, Lee, Chun, Akata, Shim",
        title="Evaluating Weakly Supervised Object Localization Methods Right",
        venue="CVPR",
        year=2020,
        link="https://arxiv.org/abs/2001.07437",
    ),
)
def center(forward: Forward, *, sigma: float = 0.25) -> Tensor:
    """The same Gaussian for every target, ``[T, H, W]``.

    Args:
        forward: the shared pass, of which only the images' size is used.
        sigma: standard deviation as a fraction of the image's sides.
    """
    import torch

    height, width = forward.input_hw
    y, x = (
        torch.exp(-(((torch.arange(side) - side // 2) / side) ** 2) / (2 * sigma**2))
        for side in (height, width)
    )
    return torch.outer(y, x).to(forward.images.device).expand(len(forward), height, width)
