"""Saliency: the gradient of the class score at every pixel of the image.

Formula: ``M(x, y) = max over colours of |dS/dX(x, y)|``, with S the class's logit and X the image
as the network sees it, normalised.

Departures from the paper: none. The pointing game smooths the map by a Gaussian of 0.02 of the
longer side (Zhang et al., IJCV 2018): ``saliency(sigma=0.02)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "saliency",
    title="Gradient at the image",
    family="input-gradient",
    needs=("input-gradients",),
    cost="backward",
    paper=Paper(
        authors="Simonyan, Vedaldi, Zisserman",
        title=(
            "Deep Inside Convolutional Networks: Visualising Image Classification Models and "
            "Saliency Maps"
        ),
        venue="ICLR Workshops",
        year=2014,
        link="https://arxiv.org/abs/1312.6034",
    ),
)
def saliency(forward: Forward, *, reduction: str = "max-abs", sigma: float = 0.0) -> Tensor:
    """The gradient as one map, ``[T, H, W]``.

    Args:
        forward: the shared pass.
        reduction: of the colour channels: "max-abs", "sum-abs", "abs-sum", "max", "sum" or
            "positive-sum".
        sigma: of a Gaussian that smooths the map, as a fraction of the longer side.
    """
    from wsolbench.smoothing import to_map

    return to_map(forward.input_gradients(), reduction, sigma)
