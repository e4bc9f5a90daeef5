"""Finer-CAM: Grad-CAM of the difference to the most similar classes.

Formula: Grad-CAM of ``S[y] - gamma mean over n of S[r]``, S the logits, y the class and r the
n classes whose logits are closest to that of y.

Departures from the paper: the logits of the other classes are averaged, as there and in torch-cam;
pytorch-grad-cam weighs them by their probabilities (``weights="softmax"``), through which it also
differentiates; here the weights are constants. Where there are fewer than n other classes, all are
taken; where there is none, it is Grad-CAM.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.errors import OptionError
from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "finercam",
    title="Grad-CAM of the difference to similar classes",
    family="gradient",
    needs=("activations", "gradients"),
    cost="backward",
    paper=Paper(
        authors="Zhang, Gu, Chowdhury, Mai, Carlyn, Berger-Wolf, Su, Chao",
        title="Finer-CAM: Spotting the Difference Reveals Finer Details for Visual Explanation",
        venue="CVPR",
        year=2025,
        link="https://arxiv.org/abs/2501.11309",
    ),
)
def finercam(
    forward: Forward,
    *,
    layers: str | None = None,
    gamma: float = 0.6,
    references: int = 3,
    weights: str = "mean",
) -> Tensor:
    """Grad-CAM of a contrast of logits, ``[T, h, w]``.

    Args:
        forward: the shared pass.
        layers: one layer; the network's target layer where ``None``.
        gamma: how much of the other classes is subtracted.
        references: the number n of other classes.
        weights: "mean", or "softmax" for the probabilities among the n.
    """
    import torch

    if references < 1:
        raise OptionError(f"expected references of finercam to be at least 1, got {references}")
    if weights not in ("mean", "softmax"):
        raise OptionError(
            f"expected weights of finercam to be 'mean' or 'softmax', got {weights!r}"
        )
    logits, labels = forward.logits[forward.image_index].double(), forward.labels[:, None]
    distance = (logits - logits.gather(1, labels)).abs().scatter(1, labels, torch.inf)
    count = min(references, logits.shape[1] - 1)
    similar = distance.topk(count, largest=False).indices
    chosen = logits.gather(1, similar)
    share = (
        chosen.softmax(1) if weights == "softmax" else torch.full_like(chosen, 1 / max(count, 1))
    )
    contrast = torch.zeros_like(logits).scatter(1, labels, 1.0)
    contrast = contrast.scatter_add(1, similar, -gamma * share)
    name = forward.classifier.target_layer if layers is None else layers
    gradients = forward.pull_back(contrast)[name]
    return torch.einsum("tc,tchw->thw", gradients.mean((2, 3)), forward.activations(name)).relu()
