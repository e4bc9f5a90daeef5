"""The methods of torch-cam (`torchcam:LayerCAM`).

Their raw map is what the extractor returns with ``normalized=False``, at the layer's resolution,
after the method's own ReLU. `torchcam:CAM` is given the network's linear layer where it has one.
`torchcam:LeGrad` takes every block with self-attention. Left out: RefineCAM, which needs several
layers.

Given one target at a time: those that draw noise (SmoothGradCAMpp, SSCAM).
"""

from __future__ import annotations

from functools import partial
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from wsolbench.errors import UnknownNameError, UnsupportedError
from wsolbench.peers.base import (
    COMMON,
    SEED,
    Call,
    PeerMethod,
    adapter,
    library,
    plain_options,
)

PREFIX, DISTRIBUTION = "torchcam", "torchcam"
SINGLY = ("SmoothGradCAMpp", "SSCAM")
MANY = ("ScoreCAM", "SSCAM", "ISCAM")
CAM, LEGRAD, REFINE = "CAM", "LeGrad", "RefineCAM"
NOT_OPTIONS = ("enable_hooks", "input_shape", "prefix_tokens")
NOT_BACKWARD = (CAM, *MANY)


def names() -> tuple[str, ...]:
    """Every class that can be named.

    Raises:
        UsageError: the library is not installed.
    """
    methods = _module()
    return tuple(
        sorted(
            name
            for part in (methods.activation, methods.gradient)
            for name in part.__all__
            if name != REFINE
        )
    )


def resolve(name: str) -> PeerMethod:
    """One of them as a method.

    Raises:
        UnknownNameError: no such class.
        UsageError: the library is not installed.
    """
    if name not in names():
        raise UnknownNameError(f"method of {PREFIX}", name, names())
    kind = getattr(_module(), name)
    options = plain_options(kind, without=NOT_OPTIONS)
    return PeerMethod(
        name=f"{PREFIX}:{name}",
        function=adapter(partial(_maps, kind), singly=name in SINGLY),
        title=f"{name} of torch-cam",
        family="peer",
        cost="many" if name in MANY else "forward" if name == CAM else "backward",
        distribution=DISTRIBUTION,
        defaults={**COMMON, **(SEED if name in SINGLY else {}), **options},
    )


def _module() -> ModuleType:
    return library("torchcam.methods", PREFIX)


def _maps(kind: Any, call: Call) -> Tensor:
    with _extractor(kind, call) as extractor:
        with torch.set_grad_enabled(kind.__name__ not in NOT_BACKWARD):
            scores = call.module(call.images)
        maps = extractor(call.labels, scores, normalized=False)
    found: Tensor = maps[0] if isinstance(maps, list | tuple) else maps
    return found


def _extractor(kind: Any, call: Call) -> Any:
    if kind.__name__ == LEGRAD:
        return _legrad(kind, call)
    options = dict(call.options)
    if call.layer.layout != "maps":
        options["reshape_transform"] = call.to_maps
    if kind.__name__ == CAM:
        options["fc_layer"] = _linear_layer(call)
    return kind(call.module, call.layer.name, **options)


def _linear_layer(call: Call) -> str:
    """The module that holds the weights of the network's linear head."""
    head = call.head
    if head is None or head.layer != call.layer.name:
        raise UnsupportedError(
            f"{PREFIX}:{CAM} needs global average pooling and one linear layer behind "
            f"{call.layer.name}, and the network has none there"
        )
    for name, part in call.module.named_modules():
        weight = getattr(part, "weight", None)
        if weight is not None and weight.detach().flatten().equal(head.weight.flatten()):
            return str(name)
    raise UnsupportedError(f"{PREFIX}:{CAM} needs a linear layer of its own, and there is none")


def _legrad(kind: Any, call: Call) -> Any:
    """LeGrad over every block with self-attention, on the token grid of the layer."""
    blocks = [
        name
        for name, part in call.module.named_modules()
        if isinstance(getattr(part, "self_attention", None), torch.nn.MultiheadAttention)
    ]
    if not blocks or call.layer.layout != "tokens":
        raise UnsupportedError(
            f"{PREFIX}:{LEGRAD} needs blocks with self_attention, as torchvision's "
            "VisionTransformer has them, and the network has none"
        )
    grid = tuple(
        round(cells * now / then)
        for cells, now, then in zip(
            call.layer.grid_hw, call.images.shape[-2:], call.layer.input_hw, strict=True
        )
    )
    return kind(call.module, blocks, prefix_tokens=call.layer.prefix, grid_shape=grid)
