"""Excitation backprop: how probable it is that the class's winning path goes through a place.

Formula: ``M(i, j) = sum_c P[c](i, j)``, with P the marginal winning probability of a layer's units:
1 for the class, and from a layer to the one below ``P(a) = sum_b A(a) w+(a, b) / (sum_a' A(a')
w+(a', b)) P(b)``, A the activations and w+ the positive weights. Biases get no share.

Departures from the paper: batch normalisation, which it does not have, is one with the convolution
before it; a residual sum hands down in proportion to its positive terms. Negative activations
(before a ReLU, or the image itself) count as zero. The layer is the last with twice the resolution
of the target layer (pool4 in VGG-16, layer3 in ResNet), where the paper has a layer for each
network. Networks with other operations (normalisation by layers, attention, GELU, gates) are
refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "ebp",
    title="Winning probabilities through positive weights",
    family="input-gradient",
    needs=("excitation",),
    cost="many",
    paper=Paper(
        authors="Zhang, Bargal, Lin, Brandt, Shen, Sclaroff",
        title="Top-down Neural Attention by Excitation Backprop",
        venue="IJCV",
        year=2018,
        link="https://arxiv.org/abs/1608.00507",
    ),
)
def ebp(
    forward: Forward, *, layers: str | None = None, sigma: float = 0.0, batch_size: int = 16
) -> Tensor:
    """Winning probabilities summed over the channels of a layer, ``[T, h, w]``.

    Costs one pass forward, and back to the layer, per target.

    Args:
        forward: the shared pass, of which only the images are used.
        layers: one layer; ``None`` for the last of twice the target layer's resolution.
        sigma: of a Gaussian that smooths the map, as a fraction of the longer side.
        batch_size: targets at a time.
    """
    from wsolbench.excitation import finer_layer, winning_probabilities
    from wsolbench.smoothing import smooth

    layer = finer_layer(forward.classifier) if layers is None else layers
    plain, _ = winning_probabilities(forward, layer, contrast=False, batch_size=batch_size)
    return smooth(plain.sum(1), sigma)
