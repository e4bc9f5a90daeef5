"""Eigen-Grad-CAM: Eigen-CAM of gradients times activations, so that it depends on the class.

Formula: ``M = X v``, X the pixels of ``g * A`` as rows ``[h w, C]`` without their mean, v the first
right singular vector of X, ``g = dS/dA``, S the class's logit and A the maps of a layer.

Departures from the paper: the formula is pytorch-grad-cam's, which names no paper for it; that of
Eigen-CAM is cited. X is centred as there (``centered=false`` leaves it), for products of both signs
have no natural origin. The sign, there left to chance, is the one for which M correlates positively
with the mean of ``g * A`` over the channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper
from wsolbench.registry import METHODS

from ._projection import principal_projection

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "eigengradcam",
    title="First principal component of gradients times activations",
    family="gradient",
    needs=("activations", "gradients"),
    cost="backward",
    paper=Paper(
        authors="Muhammad, Yeasin",
        title="Eigen-CAM: Class Activation Map using Principal Components",
        venue="IJCNN",
        year=2020,
        link="https://arxiv.org/abs/2008.00299",
    ),
)
def eigengradcam(forward: Forward, *, layers: str | None = None, centered: bool = True) -> Tensor:
    """Projection of gradients times activations, ``[T, h, w]``.

    Args:
        forward: the shared pass.
        layers: one layer; the network's target layer where ``None``.
        centered: subtract every channel's mean first.
    """
    products = forward.gradients(layers) * forward.activations(layers)
    return principal_projection(products, centered=centered)
