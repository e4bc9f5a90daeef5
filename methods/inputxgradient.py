"""Input times gradient: the share of each pixel in the class score, were the network linear.

Formula: ``M(x, y) = |sum over colours of X(x, y) dS/dX(x, y)|``, with S the class's logit and X the
image as the network sees it, normalised.

Departures from the paper: the colours are added before the absolute value is taken, so that a pixel
has one share; captum leaves both to the user. ``reduction="sum"`` keeps the sign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "inputxgradient",
    title="Image times gradient",
    family="input-gradient",
    needs=("input-gradients",),
    cost="backward",
    paper=Paper(
        authors="Shrikumar, Greenside, Shcherbina, Kundaje",
        title=(
            "Not Just a Black Box: Learning Important Features Through Propagating Activation "
            "Differences"
        ),
        venue="arXiv",
        year=2016,
        link="https://arxiv.org/abs/1605.01713",
    ),
)
def inputxgradient(forward: Forward, *, reduction: str = "abs-sum", sigma: float = 0.0) -> Tensor:
    """Image times gradient as one map, ``[T, H, W]``.

    Args:
        forward: the shared pass.
        reduction: of the colour channels: "max-abs", "sum-abs", "abs-sum", "max", "sum" or
            "positive-sum".
        sigma: of a Gaussian that smooths the map, as a fraction of the longer side.
    """
    from wsolbench.smoothing import to_map

    shares = forward.images[forward.image_index] * forward.input_gradients()
    return to_map(shares, reduction, sigma)
