"""Uniform noise: the floor below the floor, of a map that has nothing to do with the image.

Formula: ``M(i, j) ~ U[0, 1)`` on a grid as coarse as the maps of a usual network.

Departures: none, for lack of a paper. The noise is drawn per target from the seed and the target's
name, so that neither batch size nor order nor the number of workers changes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.errors import OptionError
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "random",
    title="Uniform noise (floor)",
    family="floor",
    needs=(),
    cost="free",
    supervision="none",
)
def random(forward: Forward, *, seed: int = 0, grid: int = 14) -> Tensor:
    """Noise that depends on the seed and the target's name alone, ``[T, grid, grid]``.

    Args:
        forward: the shared pass, of which only the targets' names are used.
        seed: another seed, another draw.
        grid: height and width of the maps.
    """
    import torch

    if grid < 1:
        raise OptionError(f"expected grid of random to be at least 1, but got {grid}")
    maps = torch.empty(len(forward), grid, grid)
    for noise, generator in zip(maps, forward.generators(seed), strict=True):
        noise.uniform_(generator=generator)
    return maps.to(forward.images.device)
