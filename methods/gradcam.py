"""Grad-CAM: maps weighted by the average gradient of the class score.

Formula: ``M = ReLU(sum_c a[c] A[c])`` with ``a[c] = mean over pixels of dS/dA[c]``, S the class's
logit and A the maps of a layer. On a network of global average pooling and one linear layer,
``M x h x w = ReLU(CAM)``.

Departures from the paper: none. Guided Grad-CAM is a method of its own. Where the last maps end in
a ReLU that is no module (DenseNet), A is what comes out of it; pytorch-grad-cam takes the gradient
before that ReLU there, which breaks the identity above.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "gradcam",
    title="Gradient-weighted class activation mapping",
    family="gradient",
    needs=("activations", "gradients"),
    cost="backward",
    paper=Paper(
        authors="Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra",
        title="Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization",
        venue="ICCV",
        year=2017,
        link="https://arxiv.org/abs/1610.02391",
    ),
)
def gradcam(forward: Forward, *, layers: str | None = None) -> Tensor:
    """ReLU of the maps weighted by their mean gradients, ``[T, h, w]``.

    Args:
        forward: the shared pass.
        layers: one layer; the network's target layer where ``None``.
    """
    import torch

    weights = forward.gradients(layers).mean((2, 3))
    return torch.einsum("tc,tchw->thw", weights, forward.activations(layers)).relu()
