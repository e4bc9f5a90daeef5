"""KPCA-CAM: the first principal component of the maps under a kernel, whatever the class.

Formula: ``M = sqrt(lambda) u``, lambda and u the largest eigenvalue of the centred kernel matrix of
the pixels and its eigenvector; the pixels of the maps A of a layer, centred, are the rows of X, and
the kernel is ``tanh(gamma x.x' + 1)`` (sigmoid), ``exp(-gamma |x - x'|^2)`` (rbf) or ``x.x'``
(linear, which is Eigen-CAM with centred maps).

Departures from the paper: the sign, which it leaves open, is the one for which M correlates
positively with the mean of A over its channels. gamma is 1 / C where not given, as in scikit-learn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.errors import OptionError
from wsolbench.method import Paper
from wsolbench.registry import METHODS

from ._projection import orient

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward

_KERNELS = ("sigmoid", "rbf", "linear")


@METHODS.register(
    "kpcacam",
    title="First kernel principal component of the maps, whatever the class",
    family="activation",
    needs=("activations",),
    cost="forward",
    supervision="none",
    paper=Paper(
        authors="Karmani, Sivakaran, Prasad, Ali, Yang, Tang",
        title="KPCA-CAM: Visual Explainability of Deep Computer Vision Models using Kernel PCA",
        venue="IEEE MMSP",
        year=2024,
        link="https://arxiv.org/abs/2410.00267",
    ),
)
def kpcacam(
    forward: Forward,
    *,
    layers: str | None = None,
    kernel: str = "sigmoid",
    gamma: float | None = None,
) -> Tensor:
    """Projection onto the first kernel principal component, ``[T, h, w]``.

    Args:
        forward: the shared pass.
        layers: one layer; the network's target layer where ``None``.
        kernel: "sigmoid", "rbf" or "linear".
        gamma: of the kernel; 1 / C where ``None``.
    """
    import torch

    if kernel not in _KERNELS:
        raise OptionError(f"expected kernel of kpcacam among {_KERNELS}, but got {kernel!r}")
    maps = forward.activations(layers)
    pixels = maps.flatten(2).mT.double()
    pixels = pixels - pixels.mean(1, keepdim=True)
    gram = _gram(pixels, kernel, 1 / maps.shape[1] if gamma is None else gamma)
    rows = gram.mean(1, keepdim=True)
    gram = gram - rows - rows.mT + rows.mean(2, keepdim=True)
    values, vectors = torch.linalg.eigh(gram)
    projected = vectors[..., -1] * values[:, -1:].clamp(min=0).sqrt()
    return orient(projected.view(len(maps), *maps.shape[2:]).to(maps.dtype), maps)


def _gram(pixels: Tensor, kernel: str, gamma: float) -> Tensor:
    """``[T, N, C] -> [T, N, N]``."""
    products = pixels @ pixels.mT
    if kernel == "linear":
        return products
    if kernel == "sigmoid":
        return (gamma * products + 1).tanh()
    squares = products.diagonal(dim1=1, dim2=2)
    return (-gamma * (squares[:, :, None] + squares[:, None] - 2 * products)).exp()
