"""Class activation mapping: the evidence for a class at every place, read off the linear head.

Formula: ``M[y](i, j) = sum_c w[y, c] A[c](i, j)``, with A the last maps before global average
pooling and w the weights of the linear layer; the mean of M is the logit without its bias.

Departures from the paper: none in the formula. Bias and ReLU are left out, as there and in the
wsol2020 reference. Where the network has a ReLU after the class maps (SqueezeNet), M is taken
before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "cam",
    title="Class activation mapping",
    family="activation",
    needs=("activations", "head"),
    cost="forward",
    paper=Paper(
        authors="Zhou, Khosla, Lapedriza, Oliva, Torralba",
        title="Learning Deep Features for Discriminative Localization",
        venue="CVPR",
        year=2016,
        link="https://arxiv.org/abs/1512.04150",
    ),
)
def cam(forward: Forward) -> Tensor:
    """Sum of the features weighted by the class's row of the linear head, ``[T, h, w]``."""
    import torch

    head = forward.head
    assert head is not None  # noqa: S101 - `needs` says so
    weights = head.weight[forward.labels]
    return torch.einsum("tc,tchw->thw", weights, forward.activations(head.layer))
