"""Deep Feature Factorization: the part of the image whose concept speaks for the class.

Formula: ``A ~ W H``, the maps of a layer as rows ``[C, h w]`` in non-negative factors of k concepts
W ``[C, k]`` and where they are H ``[k, h w]``; M is the row of H whose concept has the largest mean
product with the class's gradient (on global average pooling and one linear layer: the largest
class score).

Departures from the paper: it factorizes many images together and leaves the choice of a concept to
people; here each image has concepts of its own, so that no batch changes a map, and the class
chooses. Maps of both signs are made non-negative by subtracting each channel's minimum, as in
pytorch-grad-cam. The factors start at the absolute singular vectors and are improved by a fixed
number of multiplicative updates (Lee and Seung), so that nothing is random.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.errors import OptionError
from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward

_TINY = 1e-12


@METHODS.register(
    "dff",
    title="Non-negative factor of the maps that speaks for the class",
    family="activation",
    needs=("activations", "gradients"),
    cost="backward",
    paper=Paper(
        authors="Collins, Achanta, Süsstrunk",
        title="Deep Feature Factorization for Concept Discovery",
        venue="ECCV",
        year=2018,
        link="https://arxiv.org/abs/1806.10206",
    ),
)
def dff(
    forward: Forward, *, layers: str | None = None, concepts: int = 4, steps: int = 100
) -> Tensor:
    """Where the class's strongest concept is, ``[T, h, w]``.

    Args:
        forward: the shared pass.
        layers: one layer; the network's target layer where ``None``.
        concepts: how many.
        steps: of multiplicative updates.
    """
    if concepts < 1 or steps < 0:
        raise OptionError(f"expected concepts and steps of dff, but got {concepts} and {steps}")
    maps = forward.activations(layers)
    values = maps.flatten(2).double()
    values = values - values.amin(2, keepdim=True).clamp(max=0)
    what, where = factorize(values, concepts, steps)
    where = where * what.norm(dim=1)[:, :, None]
    directions = what / what.norm(dim=1, keepdim=True).clamp(min=_TINY)
    scores: Tensor = (forward.gradients(layers).mean((2, 3)).double()[:, None] @ directions)[:, 0]
    strongest = scores.argmax(1)
    chosen: Tensor = where.gather(1, strongest[:, None, None].expand(-1, 1, where.shape[2]))
    return chosen.view(len(maps), *maps.shape[2:])


def factorize(values: Tensor, rank: int, steps: int) -> tuple[Tensor, Tensor]:
    """Non-negative factors ``[T, C, k]`` and ``[T, k, N]`` of ``values`` ``[T, C, N] >= 0``."""
    import torch

    u, s, v = torch.linalg.svd(values, full_matrices=False)
    rank = min(rank, s.shape[1])
    root = s[:, None, :rank].sqrt()
    what, where = u[..., :rank].abs() * root, v[:, :rank].abs() * root.mT
    for _ in range(steps):
        where = where * (what.mT @ values) / (what.mT @ what @ where + _TINY)
        what = what * (values @ where.mT) / (what @ (where @ where.mT) + _TINY)
    return what, where
