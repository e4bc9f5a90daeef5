"""TS-CAM-style token maps: what the head says of every patch, where the class token looks.

Formula: ``M = P * S``, P the attention weights that the class token gives to every patch, averaged
over heads and blocks, and S the class's logit of every patch token after the last block.

Departures from the paper: it trains a convolution on the patch tokens for S; here the network's own
head, made for the class token, is applied to every patch token instead, so that any trained
transformer will do. S is brought to [0, 1] within each map first, for its sign means nothing
without that training. In a network without class token P is the mean over all tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper
from wsolbench.registry import METHODS

from ._tokens import facts, grid_of, read

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "tscam",
    title="The head's word on every patch, times the class token's attention",
    family="transformer",
    needs=("attention", "blocks"),
    cost="forward",
    paper=Paper(
        authors="Gao, Wan, Pan, Peng, Tian, Ma, Zhou, Ye",
        title="TS-CAM: Token Semantic Coupled Attention Map for Weakly Supervised Object "
        "Localization",
        venue="ICCV",
        year=2021,
        link="https://arxiv.org/abs/2103.14862",
    ),
)
def tscam(forward: Forward, *, attention: bool = True) -> Tensor:
    """Attention of the class token times logits of the patches, ``[T, h, w]``.

    Args:
        forward: the shared pass.
        attention: whether to multiply by it; the logits alone otherwise.
    """
    import torch

    semantic = grid_of(forward, _token_logits(forward))
    if not attention:
        return semantic
    low, high = semantic.amin((1, 2), keepdim=True), semantic.amax((1, 2), keepdim=True)
    spread = high - low
    scaled = (semantic - low) / spread.where(spread > 0, 1)
    looks = torch.stack([weights.mean(1) for weights in forward.attention()]).mean(0)
    return read(forward, looks) * scaled


def _token_logits(forward: Forward) -> Tensor:
    """The class's logit of every token by itself, ``[T, N]``."""
    import torch

    from wsolbench.attention import classify_tokens

    tokens = forward.output(facts(forward).blocks[-1])
    rows = [
        classify_tokens(forward.classifier, forward.images[:1], own)[:, label]
        for own, label in zip(tokens, forward.labels.tolist(), strict=True)
    ]
    return torch.stack(rows) if rows else tokens[..., 0]
