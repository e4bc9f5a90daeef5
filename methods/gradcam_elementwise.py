"""Element-wise Grad-CAM: positive products of gradient and activation, summed over the channels.

Formula: ``M = sum_c ReLU(g[c] * A[c])``, ``g = dS/dA``, S the class's logit and A the maps of a
layer. Unlike in HiResCAM, evidence against the class in one channel cancels none of another's.

Departures from the paper: the formula is pytorch-grad-cam's, which names no paper for it; the
pixelwise product is that of HiResCAM, cited here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "gradcam-elementwise",
    title="Positive products of gradients and activations",
    family="gradient",
    needs=("activations", "gradients"),
    cost="backward",
    paper=Paper(
        authors="Draelos, Carin",
        title="Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural "
        "networks",
        venue="arXiv",
        year=2020,
        link="https://arxiv.org/abs/2011.08891",
    ),
)
def gradcam_elementwise(forward: Forward, *, layers: str | None = None) -> Tensor:
    """Sum of the positive products, ``[T, h, w]``.

    Args:
        forward: the shared pass.
        layers: one layer; the network's target layer where ``None``.
    """
    return (forward.gradients(layers) * forward.activations(layers)).relu().sum(1)
