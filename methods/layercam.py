"""LayerCAM: every pixel of every map weighted by its own positive gradient.

Formula: ``M = ReLU(sum_c ReLU(dS/dA[c]) * A[c])``, S the class's logit and A the maps of a layer;
good for shallow layers too, whose finer maps may be fused with those of the last one.

Departures from the paper: several layers are each divided by their maximum, resized bilinearly to
the finest of them, and fused by maximum or by a mean with weights. ``tanh=2`` scales each one to
``tanh(2 M / max M)`` before, as the paper does with the maps of shallow stages; without it maps of
all layers count alike, so it is left off. The Flower-17 study fuses three layers by
``layercam(layers=layer2+layer3+layer4, fusion=mean, weights=0.4+0.4+0.2)``, up to names of layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.errors import OptionError
from wsolbench.method import Paper, layer_names
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "layercam",
    title="Positive pixelwise gradients times activations",
    family="gradient",
    needs=("activations", "gradients"),
    cost="backward",
    paper=Paper(
        authors="Jiang, Zhang, Hou, Cheng, Wei",
        title="LayerCAM: Exploring Hierarchical Class Activation Maps for Localization",
        venue="IEEE Transactions on Image Processing",
        year=2021,
        link="https://doi.org/10.1109/TIP.2021.3089943",
    ),
)
def layercam(
    forward: Forward,
    *,
    layers: str | None = None,
    fusion: str = "max",
    weights: str | None = None,
    tanh: float = 0.0,
) -> Tensor:
    """ReLU of the sum of positive gradients times activations, ``[T, h, w]``.

    Args:
        forward: the shared pass.
        layers: one layer or several joined by "+"; the network's target layer where ``None``.
        fusion: "max" or "mean", of several layers.
        weights: of the layers in the mean, joined by "+"; equal ones where ``None``.
        tanh: the factor in the tanh that scales each layer's map; 0 for none.
    """
    import torch

    names = layer_names(layers) or (None,)
    shares = _shares(fusion, weights, len(names))
    maps = [_scaled(_of_layer(forward, name), tanh) for name in names]
    if len(maps) == 1:
        return maps[0]
    finest = max(maps, key=lambda m: m[0].numel()).shape[1:]
    stack = torch.stack([_comparable(m, finest) for m in maps])
    if fusion == "max":
        return stack.amax(0)
    return (stack * torch.tensor(shares).to(stack)[:, None, None, None]).sum(0)


def _shares(fusion: str, weights: str | None, count: int) -> list[float]:
    """The weight of each layer in the mean, together 1."""
    if fusion not in ("max", "mean"):
        raise OptionError(f"expected fusion of layercam to be 'max' or 'mean', but got {fusion!r}")
    if weights is None:
        return [1 / count] * count
    if fusion != "mean":
        raise OptionError("weights of layercam go with fusion=mean")
    try:
        numbers = [float(weight) for weight in layer_names(weights)]
    except ValueError:
        numbers = []
    if len(numbers) != count or min(numbers) < 0 or not sum(numbers) > 0:
        raise OptionError(
            f"expected weights of layercam to be {count} numbers joined by '+', one for each "
            f"layer, not negative, but got {weights!r}"
        )
    return [number / sum(numbers) for number in numbers]


def _of_layer(forward: Forward, layer: str | None) -> Tensor:
    return (forward.gradients(layer).relu() * forward.activations(layer)).sum(1).relu()


def _scaled(maps: Tensor, factor: float) -> Tensor:
    return (factor * _by_peak(maps)).tanh() if factor else maps


def _by_peak(maps: Tensor) -> Tensor:
    """Every map divided by its maximum; zeros stay zeros."""
    peak = maps.amax((1, 2), keepdim=True)
    return maps / peak.where(peak > 0, 1)


def _comparable(maps: Tensor, size_hw: Sequence[int]) -> Tensor:
    """Every map divided by its maximum and resized to ``size_hw``."""
    from torch.nn.functional import interpolate

    scaled = _by_peak(maps)[:, None]
    return interpolate(scaled, list(size_hw), mode="bilinear", align_corners=False)[:, 0]
