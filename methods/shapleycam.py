"""ShapleyCAM: Grad-CAM with the curvature of the class score taken into account.

Formula: ``M = ReLU(sum_c a[c] A[c])`` with ``a[c] = mean over pixels of (g - H A / 2)[c]``,
``g = dS/dA`` and ``H = d2S/dA2``, S the class's logit and A the maps of a layer: the Shapley value
of a channel under the second-order expansion of S at A. Where only linear layers and ReLUs follow,
H is zero and this is Grad-CAM.

Departures from the paper: the score is the logit, as in pytorch-grad-cam; the paper also proposes
to add a softmax term to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "shapleycam",
    title="Grad-CAM corrected by the Hessian",
    family="gradient",
    needs=("activations", "gradients", "curvature"),
    cost="backward",
    paper=Paper(
        authors="Cai",
        title="CAMs as Shapley Value-based Explainers",
        venue="The Visual Computer",
        year=2025,
        link="https://arxiv.org/abs/2501.06261",
    ),
)
def shapleycam(forward: Forward, *, layers: str | None = None) -> Tensor:
    """ReLU of the maps weighted by their Shapley values, ``[T, h, w]``.

    Args:
        forward: the shared pass.
        layers: one layer; the network's target layer where ``None``.
    """
    import torch

    worth = forward.gradients(layers) - forward.curvature(layers) / 2
    return torch.einsum("tc,tchw->thw", worth.mean((2, 3)), forward.activations(layers)).relu()
