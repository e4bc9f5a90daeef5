"""Contrastive excitation backprop: the winning path of the class, less that of its opposite.

Formula: ``M(i, j) = ReLU(sum_c P[c](i, j) - sum_c Q[c](i, j))``, with P the winning probabilities
of `ebp` and Q those of a unit whose weights in the last layer are the class's times -1.

Departures from the paper: as for `ebp`. The paper subtracts below the last layer and hands down the
difference; handing down is linear, so that it is the same to subtract at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "contrastive-ebp",
    title="Winning probabilities less those of the class's opposite",
    family="input-gradient",
    needs=("excitation",),
    cost="many",
    paper=Paper(
        authors="Zhang, Bargal, Lin, Brandt, Shen, Sclaroff",
        title="Top-down Neural Attention by Excitation Backprop",
        venue="IJCV",
        year=2018,
        link="https://arxiv.org/abs/1608.00507",
    ),
)
def contrastive_ebp(
    forward: Forward, *, layers: str | None = None, sigma: float = 0.0, batch_size: int = 16
) -> Tensor:
    """Contrastive winning probabilities of a layer, ``[T, h, w]``.

    Costs one pass forward, and twice back to the layer, per target.

    Args:
        forward: the shared pass, of which only the images are used.
        layers: one layer; ``None`` for the last of twice the target layer's resolution.
        sigma: of a Gaussian that smooths the map, as a fraction of the longer side.
        batch_size: targets at a time.
    """
    from wsolbench.excitation import finer_layer, winning_probabilities
    from wsolbench.smoothing import smooth

    layer = finer_layer(forward.classifier) if layers is None else layers
    plain, opposite = winning_probabilities(forward, layer, contrast=True, batch_size=batch_size)
    assert opposite is not None  # noqa: S101 - asked for
    return smooth((plain - opposite).sum(1).relu(), sigma)
