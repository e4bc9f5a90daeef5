"""Smooth Grad-CAM++: Grad-CAM++ with gradients averaged over noisy copies of the image.

Formula: ``M = ReLU(sum_c a[c] A[c])`` with ``a[c] = sum over pixels of alpha[c] ReLU(mean g[c])``
and ``alpha = mean g^2 / (2 mean g^2 + (sum over pixels of A[c]) mean g^3)``, where the means are
over n passes of the image plus normal noise, ``g = dS/dA``, S the class's logit and A the maps of a
layer for the image itself.

Departures from the paper: its numerator is printed as the first derivative, which is not what
Grad-CAM++ has, and is taken as the second here, as torch-cam does. torch-cam differs otherwise: it
sums ``A mean g^3`` over the pixels together, and takes ReLU(g) of the last noisy copy alone. The
noise is drawn per target from the seed and the target's name, so that no batch changes it; its
deviation is in units of the normalised image, as in torch-cam.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.errors import OptionError
from wsolbench.method import Paper, layer_names
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "smoothgradcampp",
    title="Grad-CAM++ smoothed over noisy images",
    family="gradient",
    needs=("activations",),
    cost="many",
    paper=Paper(
        authors="Omeiza, Speakman, Cintas, Weldermariam",
        title="Smooth Grad-CAM++: An Enhanced Inference Level Visualization Technique for Deep "
        "Convolutional Neural Network Models",
        venue="arXiv",
        year=2019,
        link="https://arxiv.org/abs/1908.01224",
    ),
)
def smoothgradcampp(
    forward: Forward,
    *,
    layers: str | None = None,
    samples: int = 4,
    sigma: float = 0.3,
    seed: int = 0,
) -> Tensor:
    """ReLU of the maps weighted by averaged derivatives, ``[T, h, w]``.

    Args:
        forward: the shared pass.
        layers: one layer; the network's target layer where ``None``.
        samples: the number n of noisy passes.
        sigma: standard deviation of the noise.
        seed: another seed, another noise.
    """
    import torch

    if samples < 1:
        raise OptionError(f"expected samples of smoothgradcampp to be at least 1, got {samples}")
    names = layer_names(layers) or (forward.classifier.target_layer,)
    activations = forward.activations(names[0])
    first, second, third = _moments(forward, names[0], samples, sigma, seed)
    total = activations.sum((2, 3), keepdim=True)
    denominator = 2 * second + total * third
    alpha = second / denominator.where(denominator != 0, torch.inf)
    weights = (alpha * first.relu()).sum((2, 3))
    return torch.einsum("tc,tchw->thw", weights.to(activations), activations).relu()


def _moments(
    forward: Forward, layer: str, samples: int, sigma: float, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The mean of the gradient and of its second and third power over noisy passes."""
    import torch

    images = forward.images[forward.image_index]
    generators = forward.generators(seed)
    sums: list[Tensor] = []
    for _ in range(samples):
        draws = [torch.randn(images.shape[1:], generator=g) for g in generators]
        noise = torch.stack(draws) if draws else images.new_zeros(images.shape)
        noisy = forward.again(
            images + sigma * noise.to(images), layers=(layer,), needs={"gradients"}
        )
        gradients = noisy.gradients(layer).double()
        powers = [gradients, gradients**2, gradients**3]
        sums = [a + b for a, b in zip(sums, powers, strict=True)] if sums else powers
    first, second, third = (total / samples for total in sums)
    return first, second, third
