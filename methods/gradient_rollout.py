"""Gradient rollout: attention rollout of what the class's gradient says matters.

Formula: the row of the class token in ``B[L] ... B[1]``, ``B[l]`` being ``I + mean over heads of
ReLU(A[l] * dS/dA[l])`` with its rows divided by their sums, A[l] the attention weights of block l
and S the class's logit.

Departures from the paper: attention rollout has no gradients; this variant, known from public code,
is usually credited to it or to Chefer et al., and has no paper of its own. That code multiplies by
the gradient before averaging over heads and clips at zero, as here; no weights are discarded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper
from wsolbench.registry import METHODS

from ._tokens import read, roll_out

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "gradient-rollout",
    title="Product of the blocks' attention times its gradient",
    family="transformer",
    needs=("attention", "attention-gradients"),
    cost="backward",
    paper=Paper(
        authors="Abnar, Zuidema",
        title="Quantifying Attention Flow in Transformers",
        venue="ACL",
        year=2020,
        link="https://arxiv.org/abs/2005.00928",
    ),
)
def gradient_rollout(forward: Forward) -> Tensor:
    """The class token's row of the rolled out products, ``[T, h, w]``."""
    import torch

    def step(weights: Tensor, gradients: Tensor) -> Tensor:
        cam = (weights * gradients).relu().mean(1) + torch.eye(weights.shape[2]).to(weights)
        return cam / cam.sum(2, keepdim=True)

    pairs = zip(forward.attention(), forward.attention_gradients(), strict=True)
    return read(forward, roll_out([step(*pair) for pair in pairs]))
