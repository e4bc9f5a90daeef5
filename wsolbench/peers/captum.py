"""The methods of captum (`captum:Saliency`, `captum:LayerGradCam`).

captum attributes to every value of the image or of a layer; the option ``reduction`` makes a map of
the channels: "max-abs" for images, as the pointing-game literature does it, and "positive-sum" for
layers, which is the ReLU of the sum. LayerGradCam has one channel already. Options are those of
captum's ``attribute`` whose default is a plain value. Baselines, where captum wants one, are black
after normalisation (zeros), captum's own default.

`captum:NoiseTunnel` is SmoothGrad of Saliency. Occlusion's window is a seventh of the longer side
and its stride half of that unless told otherwise (``window``, ``stride``, in pixels); methods that
perturb features one by one get the cells of a 7 x 7 grid as features (``grid``), not single pixels.

Left out: what needs a reference distribution, a neuron, text or layers of several inputs, and
LayerLRP, which fails on layers that are made of others.
Given one target at a time: whatever draws random numbers, and the permutations, which take the
values of other images of the batch.
"""

from __future__ import annotations

from functools import partial
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from wsolbench.errors import OptionError, UnknownNameError, UnsupportedError
from wsolbench.peers.base import (
    COMMON,
    SEED,
    Call,
    PeerMethod,
    adapter,
    library,
    plain_options,
    split_options,
)

PREFIX, DISTRIBUTION = "captum", "captum"
IMAGE = (
    "Deconvolution",
    "DeepLift",
    "FeatureAblation",
    "GradientShap",
    "GuidedBackprop",
    "GuidedGradCam",
    "InputXGradient",
    "IntegratedGradients",
    "KernelShap",
    "LRP",
    "Lime",
    "NoiseTunnel",
    "Occlusion",
    "Saliency",
    "ShapleyValueSampling",
)
LAYER = (
    "InternalInfluence",
    "LayerActivation",
    "LayerConductance",
    "LayerDeepLift",
    "LayerGradCam",
    "LayerGradientShap",
    "LayerGradientXActivation",
    "LayerIntegratedGradients",
)
GRADCAM, GUIDED_GRADCAM = "LayerGradCam", "GuidedGradCam"
OCCLUSION, TUNNEL = "Occlusion", "NoiseTunnel"
GRIDS = ("FeatureAblation", "KernelShap", "Lime", "ShapleyValueSampling")
SHAP = ("GradientShap", "LayerGradientShap")
SINGLY = ("KernelShap", "Lime", "ShapleyValueSampling", TUNNEL, *SHAP)
MANY = (
    *GRIDS,
    OCCLUSION,
    TUNNEL,
    *SHAP,
    "IntegratedGradients",
    "InternalInfluence",
    "LayerConductance",
    "LayerIntegratedGradients",
)
NOT_OPTIONS = (
    "attribute_to_layer_input",
    "attr_dim_summation",
    "return_convergence_delta",
    "return_input_shape",
    "show_progress",
    "verbose",
    "memory_efficient",
    "draw_baseline_from_distrib",
)
REDUCTIONS = {
    "max-abs": lambda channels: channels.abs().amax(1),
    "sum-abs": lambda channels: channels.abs().sum(1),
    "abs-sum": lambda channels: channels.sum(1).abs(),
    "max": lambda channels: channels.amax(1),
    "sum": lambda channels: channels.sum(1),
    "positive-sum": lambda channels: channels.sum(1).relu(),
}


def names() -> tuple[str, ...]:
    """Every class that can be named.

    Raises:
        UsageError: the library is not installed.
    """
    return tuple(sorted({*IMAGE, *LAYER}.intersection(vars(_module()))))


def resolve(name: str) -> PeerMethod:
    """One of them as a method.

    Raises:
        UnknownNameError: no such class.
        UsageError: the library is not installed.
    """
    if name not in names():
        raise UnknownNameError(f"method of {PREFIX}", name, names())
    kind = getattr(_module(), name)
    options = plain_options(kind, kind.attribute, without=NOT_OPTIONS)
    if name == GRADCAM:
        options["relu_attributions"] = True  # as the paper has it
    if name in GRIDS:
        options["grid"] = 7
    if name == OCCLUSION:
        options |= {"window": 0, "stride": 0}
    return PeerMethod(
        name=f"{PREFIX}:{name}",
        function=adapter(partial(_maps, kind), singly=name in SINGLY),
        title=f"{name} of captum",
        family="peer",
        cost="many" if name in MANY else "backward",
        supervision="none" if name == "LayerActivation" else "image labels",
        distribution=DISTRIBUTION,
        defaults={
            **COMMON,
            **(SEED if name in SINGLY else {}),
            "reduction": "positive-sum" if name in LAYER else "max-abs",
            **options,
        },
    )


def _module() -> ModuleType:
    return library("captum.attr", PREFIX)


def _maps(kind: Any, call: Call) -> Tensor:
    options = dict(call.options)
    reduction = options.pop("reduction")
    if reduction not in REDUCTIONS:
        raise OptionError(f"expected a reduction of {', '.join(REDUCTIONS)}, but got {reduction!r}")
    if kind.__name__ in (GRADCAM, GUIDED_GRADCAM) and call.layer.layout != "maps":
        raise UnsupportedError(
            f"{PREFIX}:{kind.__name__} averages over the last axes of a layer, which in "
            f"{call.layer.name} are not height and width"
        )
    attributions = _attribute(kind, call, options).detach()
    maps: Tensor = REDUCTIONS[reduction](attributions)
    return maps


def _attribute(kind: Any, call: Call, options: dict[str, Any]) -> Tensor:
    """``[n, C, h, w]``."""
    name = kind.__name__
    made = split_options(options, kind)
    with_layer = name in LAYER or name == GUIDED_GRADCAM
    if name == TUNNEL:
        explainer = kind(_module().Saliency(call.module))
    else:
        explainer = kind(call.module, *([call.part] if with_layer else []), **made)
    given = split_options(options, kind.attribute) | _extra(name, call, options)
    if name != "LayerActivation":
        given["target"] = torch.tensor(call.labels, device=call.images.device)
    found = explainer.attribute(call.images, **given)
    if isinstance(found, tuple | list):
        (found,) = found
    tensor: Tensor = found
    return tensor if name not in LAYER or name == GRADCAM else call.to_maps(tensor)


def _extra(name: str, call: Call, options: dict[str, Any]) -> dict[str, Any]:
    """What some of them need that has no plain default."""
    if name in GRIDS:
        return {"feature_mask": _cells(call.images, options["grid"])}
    if name in SHAP:
        return {"baselines": torch.zeros_like(call.images[:1])}
    if name == OCCLUSION:
        window = options["window"] or max(1, round(max(call.images.shape[-2:]) / 7))
        stride = options["stride"] or max(1, window // 2)
        return {"sliding_window_shapes": (3, window, window), "strides": (3, stride, stride)}
    return {}


def _cells(images: Tensor, grid: int) -> Tensor:
    """The cell that every pixel lies in, of a grid of ``grid`` x ``grid``: ``[1, 3, H, W]``."""
    if grid < 1:
        raise OptionError(f"expected a grid of at least 1, but got {grid}")
    rows, columns = (torch.arange(side) * grid // side for side in images.shape[-2:])
    cells = rows[:, None] * grid + columns[None]
    return cells.repeat(1, images.shape[1], 1, 1).to(images.device)
