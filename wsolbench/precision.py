"""Faster arithmetic for a while: autocast to half precision, images with their channels last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def faster(
    module: nn.Module, *, autocast: str = "none", channels_last: bool = False
) -> Iterator[None]:
    """Let a network compute in half precision or with its channels last, for a while.

    Its logits are float32 all the same. Afterwards it is as it was: the same forward, and the same
    tensors as weights.

    Args:
        module: the network.
        autocast: "none", "float16" or "bfloat16"; torch decides which layers use it.
        channels_last: keep images, maps and the weights of convolutions in that memory format.
    """
    if autocast == "none" and not channels_last:
        yield
        return
    weights = {p: p.data for p in module.parameters() if channels_last and p.ndim == 4}
    own = vars(module).get("forward")
    try:
        for parameter, data in weights.items():
            parameter.data = data.contiguous(memory_format=torch.channels_last)
        vars(module)["forward"] = MethodType(_forward(own, autocast, channels_last), module)
        yield
    finally:
        for parameter, data in weights.items():
            parameter.data = data
        vars(module).pop("forward", None)
        if own is not None:
            vars(module)["forward"] = own


def _forward(own: Any, autocast: str, channels_last: bool) -> Any:
    """A ``forward`` of the instance that survives copying: it calls the one of the class."""

    def forward(self: nn.Module, images: Tensor) -> Any:
        if channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        with _autocast(images.device.type, autocast):
            logits = type(self).forward(self, images) if own is None else own(images)
        return logits.float() if isinstance(logits, Tensor) else logits

    return forward


@contextmanager
def _autocast(device: str, name: str) -> Iterator[None]:
    if name == "none":
        yield
        return
    with torch.autocast(device, dtype=getattr(torch, name)):
        yield
