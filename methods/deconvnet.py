"""Deconvnet: the class score projected back to the image through the transposed network.

Formula: ``M(x, y) = max over colours of |G(x, y)|``, with G the gradient of the class's logit at
the image, where a ReLU passes a gradient back if the gradient is positive, whatever it read.

Departures from the paper: it projects back single feature maps; from a class, as in the literature
since Simonyan et al. ReLU6 is treated alike; other activations (GELU, SiLU) keep their own
gradient, so that on a network without ReLUs this is `saliency`. The pointing game smooths the map:
``deconvnet(sigma=0.02)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "deconvnet",
    title="Projection back through the transposed network",
    family="input-gradient",
    needs=(),
    cost="many",
    paper=Paper(
        authors="Zeiler, Fergus",
        title="Visualizing and Understanding Convolutional Networks",
        venue="ECCV",
        year=2014,
        link="https://arxiv.org/abs/1311.2901",
    ),
)
def deconvnet(forward: Forward, *, reduction: str = "max-abs", sigma: float = 0.0) -> Tensor:
    """The projection as one map, ``[T, H, W]``.

    Costs one pass forward and back.

    Args:
        forward: the shared pass.
        reduction: of the colour channels: "max-abs", "sum-abs", "abs-sum", "max", "sum" or
            "positive-sum".
        sigma: of a Gaussian that smooths the map, as a fraction of the longer side.
    """
    from wsolbench.backprop import deconvnet_gradients
    from wsolbench.smoothing import to_map

    return to_map(deconvnet_gradients(forward), reduction, sigma)
