"""LayerCAM: every pixel of every map weighted by its own positive gradient.

Formula: ``M = ReLU(sum_c ReLU(dS/dA[c]) * A[c])``, S the class's logit and A the maps of a layer;
good for shallow layers too, whose finer maps may be fused with those of the last one.

Departures from the paper: several layers are each divided by their maximum, resized bilinearly to
the finest of them and fused by maximum (or mean), without the tanh that the paper applies to
shallow stages.
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
def layercam(forward: Forward, *, layers: str | None = None, fusion: str = "max") -> Tensor:
    """ReLU of the sum of positive gradients times activations, ``[T, h, w]``.

    Args:
        forward: the shared pass.
        layers: one layer or several joined by "+"; the network's target layer where ``None``.
        fusion: "max" or "mean", of several layers.
    """
    import torch

    if fusion not in ("max", "mean"):
        raise OptionError(f"expected fusion of layercam to be 'max' or 'mean', but got {fusion!r}")
    maps = [_of_layer(forward, name) for name in layer_names(layers) or (None,)]
    if len(maps) == 1:
        return maps[0]
    finest = max(maps, key=lambda m: m[0].numel()).shape[1:]
    stack = torch.stack([_comparable(m, finest) for m in maps])
    return stack.amax(0) if fusion == "max" else stack.mean(0)


def _of_layer(forward: Forward, layer: str | None) -> Tensor:
    return (forward.gradients(layer).relu() * forward.activations(layer)).sum(1).relu()


def _comparable(maps: Tensor, size_hw: Sequence[int]) -> Tensor:
    """Every map divided by its maximum (zeros stay zeros) and resized to ``size_hw``."""
    from torch.nn.functional import interpolate

    peak = maps.amax((1, 2), keepdim=True)
    scaled = maps / peak.where(peak > 0, 1)
    return interpolate(scaled[:, None], list(size_hw), mode="bilinear", align_corners=False)[:, 0]
