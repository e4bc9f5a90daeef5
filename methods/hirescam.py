"""HiResCAM: gradients times activations, pixel by pixel, so that only what was used lights up.

Formula: ``M = ReLU(sum_c g[c] * A[c])``, ``g = dS/dA``, S the class's logit and A the maps of a
layer. Where only linear layers follow, the sum of the map before its ReLU is the logit without
its bias.

Departures from the paper: it draws the map without and with ReLU; the peers take it, and so does
this unless ``relu=false``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "hirescam",
    title="Gradients times activations, pixel by pixel",
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
def hirescam(forward: Forward, *, layers: str | None = None, relu: bool = True) -> Tensor:
    """Sum of gradients times activations, ``[T, h, w]``.

    Args:
        forward: the shared pass.
        layers: one layer; the network's target layer where ``None``.
        relu: leave out what speaks against the class.
    """
    import torch

    maps = torch.einsum("tchw,tchw->thw", forward.gradients(layers), forward.activations(layers))
    return maps.relu() if relu else maps
