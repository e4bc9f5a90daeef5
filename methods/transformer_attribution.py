"""Transformer attribution: relevance of every patch for the class token, block by block.

Formula: the row of the class token in R, which starts as I and becomes ``R + E[l] R`` in block l,
``E[l] = mean over heads of ReLU(dS/dA[l] * A[l])``, A[l] the attention weights of the block and S
the class's logit.

Departures from the paper: this is the rule of the authors' second paper, cited here, for
self-attention. Their first ("Transformer Interpretability Beyond Attention Visualization", CVPR
2021) has the relevance of layer-wise propagation in place of A, which needs rules for every
operation of a network; the second found the attention itself as good.
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
    "transformer-attribution",
    title="Relevance of patches for the class token (Chefer et al.)",
    family="transformer",
    needs=("attention", "attention-gradients"),
    cost="backward",
    paper=Paper(
        authors="Chefer, Gur, Wolf",
        title="Generic Attention-model Explainability for Interpreting Bi-Modal and "
        "Encoder-Decoder Transformers",
        venue="ICCV",
        year=2021,
        link="https://arxiv.org/abs/2103.15679",
    ),
)
def transformer_attribution(forward: Forward) -> Tensor:
    """The class token's row of the relevances, ``[T, h, w]``."""
    import torch

    def step(weights: Tensor, gradients: Tensor) -> Tensor:
        return (gradients * weights).relu().mean(1) + torch.eye(weights.shape[2]).to(weights)

    pairs = zip(forward.attention(), forward.attention_gradients(), strict=True)
    return read(forward, roll_out([step(*pair) for pair in pairs]))
