"""Eigen-CAM: the maps projected onto their first principal direction, whatever the class.

Formula: ``M = X v``, X the pixels of the maps A of a layer as rows ``[h w, C]`` and v the first
right singular vector of X.

Departures from the paper: a singular vector has no sign. Here it is the one for which the map's
product with the mean of A over its channels is positive (for centred maps: for which the two are
positively correlated), so that the map is never upside down; for maps behind a ReLU, M is then
nowhere negative. X is not centred, as in the paper; pytorch-grad-cam centres it, says nothing of
it, and leaves the sign to chance: ``centered=true`` gives its map up to sign.
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
    "eigencam",
    title="First principal component of the maps, whatever the class",
    family="activation",
    needs=("activations",),
    cost="forward",
    supervision="none",
    paper=Paper(
        authors="Muhammad, Yeasin",
        title="Eigen-CAM: Class Activation Map using Principal Components",
        venue="IJCNN",
        year=2020,
        link="https://arxiv.org/abs/2008.00299",
    ),
)
def eigencam(forward: Forward, *, layers: str | None = None, centered: bool = False) -> Tensor:
    """Projection onto the first right singular vector, ``[T, h, w]``.

    Args:
        forward: the shared pass.
        layers: one layer; the network's target layer where ``None``.
        centered: subtract every channel's mean first, as pytorch-grad-cam does.
    """
    return principal_projection(forward.activations(layers), centered=centered)
