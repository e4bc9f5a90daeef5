"""XGrad-CAM: maps weighted by the share of the class score that their own gradients explain.

Formula: ``M = ReLU(sum_c a[c] A[c])`` with ``a[c] = sum over pixels of g[c] A[c] / sum over pixels
of A[c]``, ``g = dS/dA``, S the class's logit and A the maps of a layer. On a network of global
average pooling and one linear layer it is Grad-CAM.

Departures from the paper: none. A map whose sum is zero has weight zero; the peers add 1e-7
(pytorch-grad-cam) or 1e-8 (torch-cam) to the sum instead. Where maps have both signs
(transformers), sums near zero give large weights, here as there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "xgradcam",
    title="Axiom-based Grad-CAM",
    family="gradient",
    needs=("activations", "gradients"),
    cost="backward",
    paper=Paper(
        authors="Fu, Hu, Dong, Guo, Gao, Li",
        title="Axiom-based Grad-CAM: Towards Accurate Visualization and Explanation of CNNs",
        venue="BMVC",
        year=2020,
        link="https://arxiv.org/abs/2008.02312",
    ),
)
def xgradcam(forward: Forward, *, layers: str | None = None) -> Tensor:
    """ReLU of the maps weighted by the activation-weighted mean of their gradients, ``[T, h, w]``.

    Args:
        forward: the shared pass.
        layers: one layer; the network's target layer where ``None``.
    """
    import torch

    activations = forward.activations(layers)
    explained = torch.einsum("tchw,tchw->tc", forward.gradients(layers), activations)
    total = activations.sum((2, 3))
    weights = explained / total.where(total != 0, torch.inf)
    return torch.einsum("tc,tchw->thw", weights, activations).relu()
