"""Grad-CAM++: maps weighted by positive gradients, each pixel by how much evidence it holds.

Formula: ``M = ReLU(sum_c a[c] A[c])`` with ``a[c] = sum over pixels of alpha[c] ReLU(g[c])``,
``alpha = g^2 / (2 g^2 + (sum over pixels of A[c]) g^3)`` (equation 19), ``g = dS/dA``, S the
class's logit, whose exponential is the paper's score, and A the maps of a layer.

Departures from the paper: none. As only positive gradients count, a pixel's term is reduced to
``g / (2 + (sum A[c]) g)``, which needs no epsilon. pytorch-grad-cam adds 1e-6 to the denominator,
which is of the size of ``g^2`` itself on usual networks and changes the weights there; on networks
whose gradients are of about 1 the maps are the same. torch-cam 0.5 divides a copy, so that its
weights are the sums of ``ReLU(g)^3``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "gradcampp",
    title="Grad-CAM++, with pixelwise weights of positive gradients",
    family="gradient",
    needs=("activations", "gradients"),
    cost="backward",
    paper=Paper(
        authors="Chattopadhay, Sarkar, Howlader, Balasubramanian",
        title="Grad-CAM++: Generalized Gradient-based Visual Explanations for Deep Convolutional "
        "Networks",
        venue="WACV",
        year=2018,
        link="https://arxiv.org/abs/1710.11063",
    ),
)
def gradcampp(forward: Forward, *, layers: str | None = None) -> Tensor:
    """ReLU of the maps weighted by their positive gradients, ``[T, h, w]``.

    Args:
        forward: the shared pass.
        layers: one layer; the network's target layer where ``None``.
    """
    import torch

    activations, positive = forward.activations(layers), forward.gradients(layers).relu()
    total = activations.sum((2, 3), keepdim=True)
    denominator = 2 + total * positive
    terms = positive / denominator.where(denominator != 0, torch.inf)
    return torch.einsum("tc,tchw->thw", terms.sum((2, 3)), activations).relu()
