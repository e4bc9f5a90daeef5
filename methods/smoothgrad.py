"""SmoothGrad: the gradient at the image averaged over noisy copies of it.

Formula: ``M(x, y) = max over colours of |1/n sum_i dS/dX(X + e[i])(x, y)|``, with S the class's
logit, X the image and ``e[i] ~ Normal(0, (noise (max X - min X))^2)``.

Departures from the paper: 20 copies rather than 50, beyond which the paper sees little change. The
noise is drawn per target from the seed and the target's name.
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
    "smoothgrad",
    title="Gradient averaged over noisy images",
    family="input-gradient",
    needs=(),
    cost="many",
    paper=Paper(
        authors="Smilkov, Thorat, Kim, Viégas, Wattenberg",
        title="SmoothGrad: removing noise by adding noise",
        venue="arXiv",
        year=2017,
        link="https://arxiv.org/abs/1706.03825",
    ),
)
def smoothgrad(
    forward: Forward,
    *,
    samples: int = 20,
    noise: float = 0.15,
    seed: int = 0,
    reduction: str = "max-abs",
    sigma: float = 0.0,
    batch_size: int = 16,
) -> Tensor:
    """The average gradient as one map, ``[T, H, W]``.

    Costs ``samples`` passes forward and back per target.

    Args:
        forward: the shared pass.
        samples: n.
        noise: standard deviation as a fraction of the image's range of values.
        seed: of the noise.
        reduction: of the colour channels: "max-abs", "sum-abs", "abs-sum", "max", "sum" or
            "positive-sum".
        sigma: of a Gaussian that smooths the map, as a fraction of the longer side.
        batch_size: noisy images at a time.
    """
    import torch

    from wsolbench.backprop import gradients_at
    from wsolbench.perturb import spans
    from wsolbench.smoothing import to_map

    if samples < 1 or noise < 0:
        raise OptionError(
            "expected samples of smoothgrad to be at least 1 and its noise at least 0, but got "
            f"{samples} and {noise}"
        )
    gradients = []
    for image, label, generator in zip(
        forward.images[forward.image_index],
        forward.labels.tolist(),
        forward.generators(seed),
        strict=True,
    ):
        spread = noise * (image.max() - image.min())
        total = torch.zeros_like(image)
        for start, stop in spans(samples, batch_size):
            drawn = [torch.randn(image.shape, generator=generator) for _ in range(start, stop)]
            noisy = image + spread * torch.stack(drawn).to(image)
            total += gradients_at(forward, noisy, label).sum(0)
        gradients.append(total / samples)
    return to_map(torch.stack(gradients), reduction, sigma)
