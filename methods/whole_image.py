"""Whole image: the floor that answers every image with a box around all of it.

Formula: ``M(x, y) = 1``, but 0 in a patch of ``max(1, side // 32)`` pixels at the lower right
corner, at the size of the network's input.

Departures: a map of ones alone would be normalised to zeros and give no box. The patch lies at a
corner, so that it is no hole (a hole's contour counts as a box in `wsol2020`) and every threshold
below the maximum cuts out a single component whose box is the whole image; it is a patch, not a
pixel, so that it outlives being made smaller. Where a protocol enlarges the map by cubic resizing,
which overshoots beside the patch, the box holds up to thresholds of about 0.85. The normaliser
"ivr" subtracts the 60th percentile, which here is the maximum, and leaves no box.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "whole-image",
    title="Box around the whole image (floor)",
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
def whole_image(forward: Forward) -> Tensor:
    """The same map for every target, ``[T, H, W]``."""
    import torch

    height, width = forward.input_hw
    ones = torch.ones(height, width, device=forward.images.device)
    ones[-max(1, height // 32) :, -max(1, width // 32) :] = 0
    return ones.expand(len(forward), height, width)
