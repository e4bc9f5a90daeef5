"""Relevance-CAM: maps weighted by the relevance that LRP hands down to them.

Formula: ``M = ReLU(sum_c a[c] A[c])`` with ``a[c] = sum over pixels of R[c]``, A the maps of a
layer and R their relevance: at the logits S it is S[y] for the class y and ``-S[y] / (K - 1)`` for
every other, and from there it is handed down by layer-wise relevance propagation.

Departures from the paper: the z+ rule (alpha 1, beta 0) is used for every layer behind the target
layer, as the paper does for convolutions; batch normalisation passes relevance on unchanged.
Attention and normalisation by layers, which the paper has not, hand it down as gradient times
input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper, layer_names
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "relevancecam",
    title="Maps weighted by their relevance (LRP)",
    family="gradient",
    needs=("activations",),
    cost="many",
    paper=Paper(
        authors="Lee, Kim, Park, Eo, Hwang",
        title="Relevance-CAM: Your Model Already Knows Where to Look",
        venue="CVPR",
        year=2021,
        link="https://openaccess.thecvf.com/content/CVPR2021/html/Lee_Relevance-CAM_Your_Model_Already_Knows_Where_To_Look_CVPR_2021_paper.html",
    ),
)
def relevancecam(forward: Forward, *, layers: str | None = None) -> Tensor:
    """ReLU of the maps weighted by their relevance, ``[T, h, w]``.

    Args:
        forward: the shared pass; costs one more.
        layers: one layer; the network's target layer where ``None``.
    """
    import torch

    from wsolbench.surrogate import relevance

    name = (layer_names(layers) or (forward.classifier.target_layer,))[0]
    scores, labels = forward.scores[:, None], forward.labels[:, None]
    classes = forward.logits.shape[1]
    others = -scores / max(classes - 1, 1)
    relevances = others.expand(-1, classes).scatter(1, labels, scores)
    weights = relevance(forward, name, relevances).sum((2, 3))
    return torch.einsum("tc,tchw->thw", weights, forward.activations(name)).relu()
