"""FEM: maps weighted by how many of their pixels stand out, whatever the class.

Formula: ``M = sum_c w[c] A[c]``, ``w[c]`` the share of pixels of A[c] above its mean plus k
standard deviations over the pixels; A the maps of a layer.

Departures from the paper: it multiplies by the binary maps' mean, as here and in pytorch-grad-cam;
its scaling of the result to [0, 1] is left to the protocols.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "fem",
    title="Maps weighted by their share of outstanding pixels, whatever the class",
    family="activation",
    needs=("activations",),
    cost="forward",
    supervision="none",
    paper=Paper(
        authors="Fuad, Martin, Giot, Bourqui, Benois-Pineau, Zemmari",
        title="Features Understanding in 3D CNNs for Actions Recognition in Video",
        venue="IPTA",
        year=2020,
        link="https://hal.science/hal-02963298",
    ),
)
def fem(forward: Forward, *, layers: str | None = None, k: float = 2.0) -> Tensor:
    """Sum of the maps weighted by their rare pixels, ``[T, h, w]``.

    Args:
        forward: the shared pass.
        layers: one layer; the network's target layer where ``None``.
        k: standard deviations above the mean from which a pixel counts.
    """
    import torch

    maps = forward.activations(layers)
    mean, deviation = maps.mean((2, 3), True), maps.std((2, 3), correction=0, keepdim=True)
    share = (maps > mean + k * deviation).to(maps).mean((2, 3))
    return torch.einsum("tc,tchw->thw", share, maps)
