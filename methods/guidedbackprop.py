"""Guided backpropagation: the gradient at the image, with only positive ones through ReLUs.

Formula: ``M(x, y) = max over colours of |G(x, y)|``, with G the gradient of the class's logit at
the image, where a ReLU passes a gradient back if both its input and the gradient are positive.

Departures from the paper: none. ReLU6 is treated alike; other activations (GELU, SiLU) have no such
rule and keep their own gradient, so that on a network without ReLUs this is `saliency`. The
pointing game smooths the map: ``guidedbackprop(sigma=0.02)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "guidedbackprop",
    title="Gradient of positive paths",
    family="input-gradient",
    needs=(),
    cost="many",
    paper=Paper(
        authors="Springenberg, Dosovitskiy, Brox, Riedmiller",
        title="Striving for Simplicity: The All Convolutional Net",
        venue="ICLR Workshops",
        year=2015,
        link="https://arxiv.org/abs/1412.6806",
    ),
)
def guidedbackprop(forward: Forward, *, reduction: str = "max-abs", sigma: float = 0.0) -> Tensor:
    """The guided gradient as one map, ``[T, H, W]``.

    Costs one pass forward and back.

    Args:
        forward: the shared pass.
        reduction: of the colour channels: "max-abs", "sum-abs", "abs-sum", "max", "sum" or
            "positive-sum".
        sigma: of a Gaussian that smooths the map, as a fraction of the longer side.
    """
    from wsolbench.backprop import guided_gradients
    from wsolbench.smoothing import to_map

    return to_map(guided_gradients(forward), reduction, sigma)
