"""LIFT-CAM: maps weighted by their DeepLIFT share of the class score.

Formula: ``M = ReLU(sum_c a[c] A[c])`` with ``a[c] = sum over pixels of m[c] A[c]``, m DeepLIFT's
multipliers (rescale rule) of the class's logit against maps of zero, A the maps of a layer. On a
network of global average pooling and one linear layer with weights w, it is ``w[y, c] mean(A[c])``,
the exact Shapley value, and no further pass is needed.

Departures from the paper: none where what follows the layer is linear or made of elementwise
modules; max-pooling, attention and normalisation by layers keep their derivative as multiplier, so
that the shares need not sum to the logit there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper, layer_names
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "liftcam",
    title="Maps weighted by their DeepLIFT share of the score",
    family="gradient",
    needs=("activations",),
    cost="many",
    paper=Paper(
        authors="Jung, Oh",
        title="Towards Better Explanations of Class Activation Mapping",
        venue="ICCV",
        year=2021,
        link="https://arxiv.org/abs/2102.05228",
    ),
)
def liftcam(forward: Forward, *, layers: str | None = None, closed_form: bool = True) -> Tensor:
    """ReLU of the maps weighted by their shares, ``[T, h, w]``.

    Args:
        forward: the shared pass.
        layers: one layer; the network's target layer where ``None``.
        closed_form: whether to use it where the network's head allows; costs two passes otherwise.
    """
    import torch

    from wsolbench.surrogate import secant_gradients

    name = (layer_names(layers) or (forward.classifier.target_layer,))[0]
    maps, head = forward.activations(name), forward.head
    if closed_form and head is not None and head.layer == name and not head.relu_after:
        weights = head.weight[forward.labels] * maps.mean((2, 3))
    else:
        weights = (secant_gradients(forward, name) * maps).sum((2, 3))
    return torch.einsum("tc,tchw->thw", weights.to(maps), maps).relu()
