"""LeGrad: how the attention of every block forms the class's score of that block.

Formula: ``M = mean over blocks l, heads and queries of ReLU(dS[l]/dA[l])`` at every patch (key),
A[l] the attention weights of block l and S[l] the class's logit of the mean of its tokens, as the
network's own head would give it.

Departures from the paper: none for an average over tokens, class token included, as torch-cam has
it; its scaling to [0, 1] is left to the protocols. ``blocks`` takes the last ones only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.errors import OptionError
from wsolbench.method import Paper
from wsolbench.registry import METHODS

from ._tokens import facts, grid_of

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "legrad",
    title="Gradients of every block's score at its attention",
    family="transformer",
    needs=("attention", "attention-gradients", "blocks"),
    cost="backward",
    paper=Paper(
        authors="Bousselham, Boggust, Chaybouti, Strobelt, Kuehne",
        title="LeGrad: An Explainability Method for Vision Transformers via Feature Formation "
        "Sensitivity",
        venue="ICCV",
        year=2025,
        link="https://arxiv.org/abs/2404.03214",
    ),
)
def legrad(forward: Forward, *, blocks: int = 0) -> Tensor:
    """Positive gradients at the attention, averaged over blocks, heads and queries, ``[T, h, w]``.

    Args:
        forward: the shared pass.
        blocks: the last so many blocks; all where 0.
    """
    names = facts(forward).blocks
    if not 0 <= blocks <= len(names):
        raise OptionError(f"expected blocks of legrad in 0..{len(names)}, but got {blocks}")
    chosen = range(len(names) - (blocks or len(names)), len(names))
    maps = [_of_block(forward, block, names[block]) for block in chosen]
    return sum(maps[1:], maps[0]) / len(maps)


def _of_block(forward: Forward, block: int, name: str) -> Tensor:
    tokens = forward.output(name)
    cotangents = _score_gradients(forward, tokens.mean(1)) / tokens.shape[1]
    spread = cotangents[:, None].expand(-1, tokens.shape[1], -1)
    gradients = forward.attention_gradients_of(block, name, spread)
    return grid_of(forward, gradients.relu().mean((1, 2)))


def _score_gradients(forward: Forward, pooled: Tensor) -> Tensor:
    """The gradient of every target's logit at its mean token, ``[T, C]``."""
    import torch

    from wsolbench.attention import classify_tokens

    with torch.enable_grad():
        leaf = pooled.detach().requires_grad_()
        logits = classify_tokens(forward.classifier, forward.images[:1], leaf)
        scores = logits.gather(1, forward.labels[:, None]).sum()
        return torch.autograd.grad(scores, leaf)[0]
