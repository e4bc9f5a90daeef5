"""Guided Grad-CAM: guided backpropagation where Grad-CAM is high.

Formula: ``M(x, y) = max over colours of |G(x, y) U(C)(x, y)|``, with G the guided gradient
(`guidedbackprop`), C the map of Grad-CAM and U bilinear resizing to the image's size.

Departures from the paper: none; it shows the product in colour. captum resizes by the nearest
neighbour unless told otherwise, and so does ``interpolation="nearest"``.
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
    "guidedgradcam",
    title="Guided gradient where Grad-CAM is high",
    family="input-gradient",
    needs=("activations", "gradients"),
    cost="many",
    paper=Paper(
        authors="Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra",
        title="Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization",
        venue="ICCV",
        year=2017,
        link="https://arxiv.org/abs/1610.02391",
    ),
)
def guidedgradcam(
    forward: Forward,
    *,
    layers: str | None = None,
    interpolation: str = "bilinear",
    reduction: str = "max-abs",
    sigma: float = 0.0,
) -> Tensor:
    """The product as one map, ``[T, H, W]``.

    Costs one pass forward and back.

    Args:
        forward: the shared pass.
        layers: one layer for Grad-CAM; the network's target layer where ``None``.
        interpolation: "bilinear" or "nearest".
        reduction: of the colour channels: "max-abs", "sum-abs", "abs-sum", "max", "sum" or
            "positive-sum".
        sigma: of a Gaussian that smooths the map, as a fraction of the longer side.
    """
    import torch
    from torch.nn.functional import interpolate

    from wsolbench.backprop import guided_gradients
    from wsolbench.smoothing import to_map

    if interpolation not in ("bilinear", "nearest"):
        raise OptionError(
            "expected interpolation of guidedgradcam to be 'bilinear' or 'nearest', but got "
            f"{interpolation!r}"
        )
    weights = forward.gradients(layers).mean((2, 3))
    cam = torch.einsum("tc,tchw->thw", weights, forward.activations(layers)).relu()
    large = interpolate(cam[:, None], forward.input_hw, mode=interpolation)
    return to_map(guided_gradients(forward) * large, reduction, sigma)
