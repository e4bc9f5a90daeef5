"""Attention rollout: how much of every patch reaches the class token, whatever the class.

Formula: the row of the class token in ``B[L] ... B[1]``, ``B[l] = (A[l] + I) / 2``, A[l] the
attention weights of block l averaged over its heads, I for the residual connection.

Departures from the paper: none. ``discard`` sets that share of the smallest weights of every block
to zero before and divides the rows by their sums, as a widespread variant does. In a network
without class token it is the mean over all rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.errors import OptionError
from wsolbench.method import Paper
from wsolbench.registry import METHODS

from ._tokens import read, roll_out

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "attention-rollout",
    title="Product of the blocks' attention, whatever the class",
    family="transformer",
    needs=("attention",),
    cost="forward",
    supervision="none",
    paper=Paper(
        authors="Abnar, Zuidema",
        title="Quantifying Attention Flow in Transformers",
        venue="ACL",
        year=2020,
        link="https://arxiv.org/abs/2005.00928",
    ),
)
def attention_rollout(forward: Forward, *, discard: float = 0.0) -> Tensor:
    """The class token's row of the rolled out attention, ``[T, h, w]``.

    Args:
        forward: the shared pass.
        discard: the share of the smallest weights that is left out, in [0, 1).
    """
    if not 0 <= discard < 1:
        raise OptionError(f"expected discard of attention-rollout in [0, 1), but got {discard}")
    return read(forward, roll_out([_step(w.mean(1), discard) for w in forward.attention()]))


def _step(weights: Tensor, discard: float) -> Tensor:
    """``[T, N, N]`` with the residual connection; the rows sum to 1."""
    import torch

    if discard:
        flat = weights.flatten(1)
        smallest = flat.topk(int(flat.shape[1] * discard), largest=False).indices
        weights = flat.scatter(1, smallest, 0.0).view_as(weights)
    step = weights + torch.eye(weights.shape[1]).to(weights)
    return step / step.sum(2, keepdim=True)
