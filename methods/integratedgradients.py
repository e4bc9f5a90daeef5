"""Integrated gradients: what each pixel adds to the class score on the way from a blank image.

Formula: ``M(x, y) = |sum over colours of (X - B) integral_0^1 dS/dX(B + a (X - B)) da|``, with S
the class's logit, X the image and B the blank one. Without the absolute value, the sum over all
pixels is ``S(X) - S(B)``.

Departures from the paper: Gauss-Legendre quadrature as in captum, of 20 nodes, rather than a sum of
20 to 300 equal steps. B is the mean colour (0 after normalising), as in captum, rather than black,
which is ``baseline="black"``. ``reduction="sum"`` keeps the sign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.errors import OptionError
from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "integratedgradients",
    title="Gradient integrated from a blank image",
    family="input-gradient",
    needs=(),
    cost="many",
    paper=Paper(
        authors="Sundararajan, Taly, Yan",
        title="Axiomatic Attribution for Deep Networks",
        venue="ICML",
        year=2017,
        link="https://arxiv.org/abs/1703.01365",
    ),
)
def integratedgradients(
    forward: Forward,
    *,
    steps: int = 20,
    baseline: str = "mean",
    reduction: str = "abs-sum",
    sigma: float = 0.0,
    batch_size: int = 16,
) -> Tensor:
    """The integrated gradient as one map, ``[T, H, W]``.

    Costs ``steps`` passes forward and back per target.

    Args:
        forward: the shared pass.
        steps: nodes of the quadrature.
        baseline: "mean" or "black".
        reduction: of the colour channels: "max-abs", "sum-abs", "abs-sum", "max", "sum" or
            "positive-sum".
        sigma: of a Gaussian that smooths the map, as a fraction of the longer side.
        batch_size: images at a time.
    """
    import numpy as np
    import torch

    from wsolbench.backprop import gradients_at
    from wsolbench.perturb import spans
    from wsolbench.smoothing import to_map

    if steps < 1 or baseline not in ("mean", "black"):
        raise OptionError(
            "expected steps of integratedgradients to be at least 1 and its baseline 'mean' or "
            f"'black', but got {steps} and {baseline!r}"
        )
    images, classifier = forward.images, forward.classifier
    blank = images.new_zeros(3, 1, 1)
    if baseline == "black":
        mean, std = (images.new_tensor(v)[:, None, None] for v in (classifier.mean, classifier.std))
        blank = -mean / std
    nodes, weights = (
        torch.from_numpy(v).to(images)[:, None, None, None] / 2
        for v in np.polynomial.legendre.leggauss(steps)
    )
    shares = []
    for image, label in zip(images[forward.image_index], forward.labels.tolist(), strict=True):
        total = torch.zeros_like(image)
        for start, stop in spans(steps, batch_size):
            shown = blank + (0.5 + nodes[start:stop]) * (image - blank)
            total += (weights[start:stop] * gradients_at(forward, shown, label)).sum(0)
        shares.append((image - blank) * total)
    return to_map(torch.stack(shares), reduction, sigma)
