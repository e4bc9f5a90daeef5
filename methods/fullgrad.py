"""FullGrad: gradients times the input, and times every bias in the network, at every pixel.

Formula: ``M = sum over rgb of psi(dS/dx * x) + sum over layers l and channels c of
psi(dS/db[l, c] * b[l, c])``, S the class's logit, x the image, and b what every convolution and
batch normalisation adds to its output at every pixel (for the latter with its running mean). Input
and biases together are the logit itself: that is what "full" says. psi is the absolute value,
brought into [0, 1] and resized bilinearly to the image.

Departures from the paper: biases of fully connected layers have no place in the image and are left
out, as there. ``scale="layer"`` takes minimum and maximum over all channels of a layer, as the
authors' code does; ``scale="channel"`` takes those of every channel by itself, as pytorch-grad-cam
does, so that all channels count alike however weak. Resizing is done after the sum over channels,
which is the same and cheaper; its grid is that of pytorch-grad-cam (the authors align corners).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.errors import OptionError
from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward

_TINY = 1e-7  # keeps the division finite, as in pytorch-grad-cam


@METHODS.register(
    "fullgrad",
    title="Gradients times input and times every bias of the network",
    family="gradient",
    needs=("bias-gradients",),
    cost="backward",
    paper=Paper(
        authors="Srinivas, Fleuret",
        title="Full-Gradient Representation for Neural Network Visualization",
        venue="NeurIPS",
        year=2019,
        link="https://arxiv.org/abs/1905.00780",
    ),
)
def fullgrad(forward: Forward, *, scale: str = "layer") -> Tensor:
    """Sum of the scaled absolute shares of input and biases, ``[T, H, W]``.

    Args:
        forward: the shared pass.
        scale: "layer" or "channel", over what minimum and maximum are taken.
    """
    import torch
    from torch.nn.functional import interpolate

    if scale not in ("layer", "channel"):
        raise OptionError(f"expected scale of fullgrad to be 'layer' or 'channel', got {scale!r}")

    def fold(gradients: Tensor, bias: Tensor) -> Tensor:
        return _scaled(gradients, bias.abs(), scale)

    folded = forward.fold_biases(fold)
    shares = forward.images[forward.image_index] * forward.input_gradients()
    maps = _scaled(shares, torch.ones(3).to(shares), scale)
    for layer in folded:
        resized = interpolate(layer[:, None], maps.shape[1:], mode="bilinear", align_corners=False)
        maps += resized[:, 0]
    return maps


def _scaled(values: Tensor, factors: Tensor, scale: str) -> Tensor:
    """Sum over the channels of ``|values| * factors`` in [0, 1], ``[N, C, h, w] -> [N, h, w]``.

    Large maps are read as few times as can be: absolute value, extremes, weighted sum.
    """
    import torch

    sizes = values.abs().to(torch.promote_types(values.dtype, torch.float32))
    factors = factors.to(sizes)
    low, high = (extreme * factors for extreme in sizes.flatten(2).aminmax(dim=2))
    if scale == "layer":
        low, high = low.amin(1, keepdim=True), high.amax(1, keepdim=True)
    per_unit = 1 / (high - low + _TINY)
    summed = torch.einsum("nchw,nc->nhw", sizes, factors * per_unit)
    return summed - (low * per_unit).expand_as(factors * per_unit).sum(1)[:, None, None]
