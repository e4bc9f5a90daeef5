"""The layers of a network as seen in one traced forward pass: which are score-map material.

Nothing here goes by the names that an architecture gives its modules: shapes, the order in which
modules complete, and what tensor they return decide.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from wsolbench.errors import ModelError
from wsolbench.hooks import check_logits, freeze

TRACED_IMAGES = 2
TOLERANCE = 1e-4  # of float32 sums over some thousand terms, relative to the largest value
_MAX_PREFIX_TOKENS = 16
_POOLING = re.compile(r"pool(ing)?([123]d)?$", re.IGNORECASE)
_PASSES_THROUGH = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.Flatten)


@dataclass(frozen=True, slots=True)
class Layer:
    """How the output of a module is read as maps.

    Attributes:
        name: dotted name of the module.
        layout: "maps" ``[B, C, h, w]``, "channels-last" ``[B, h, w, C]`` or "tokens" ``[B, N, C]``.
        channels: C.
        grid_hw: h and w at the traced input size.
        input_hw: the traced input size.
        prefix: tokens before the grid (class token, registers), which are dropped.
        rectified: whether the maps are what the module returns after the ReLU that alone reads it,
            where that ReLU is no module (DenseNet).
    """

    name: str
    layout: str
    channels: int
    grid_hw: tuple[int, int]
    input_hw: tuple[int, int]
    prefix: int = 0
    rectified: bool = False

    def to_maps(self, output: Tensor, input_hw: Sequence[int]) -> Tensor:
        """The module's output, or a gradient of that shape, as ``[B, C, h, w]``.

        Args:
            output: what the module returned.
            input_hw: size of the images of this pass; the token grid scales with it.

        Raises:
            ModelError: the tokens are not a grid of the expected size.
        """
        if self.layout == "maps":
            return output
        if self.layout == "channels-last":
            return output.permute(0, 3, 1, 2)
        height, width = (
            round(cells * now / then)
            for cells, now, then in zip(self.grid_hw, input_hw, self.input_hw, strict=True)
        )
        tokens = output[:, self.prefix :]
        if tokens.shape[1] != height * width:
            raise ModelError(
                f"expected {self.prefix} + {height} x {width} tokens from layer {self.name} for "
                f"images of {tuple(input_hw)}, but got {output.shape[1]}"
            )
        return tokens.transpose(1, 2).reshape(len(tokens), -1, height, width)


@dataclass(frozen=True, slots=True)
class Output:
    """One tensor that a module returned during the trace.

    Attributes:
        name: dotted name of the module.
        module: the module.
        layer: how to read it as maps; ``None`` where it has no spatial extent.
        pooled: ``[2, C]`` mean of maps over their pixels, for layout "maps" only.
        target: whether it may be a target layer: spatial, and no pooling, dropout or the like.
    """

    name: str
    module: nn.Module = field(repr=False)
    layer: Layer | None
    pooled: Tensor | None = field(repr=False)
    target: bool


@dataclass(frozen=True)
class Trace:
    """One forward pass with every module's output in order of completion.

    Attributes:
        outputs: a module that runs several times appears as often.
        logits: ``[2, K]``.
        images: the random images, ``[2, 3, H, W]``.
    """

    outputs: tuple[Output, ...]
    logits: Tensor = field(repr=False)
    images: Tensor = field(repr=False)

    @property
    def layers(self) -> Mapping[str, Layer]:
        """Every module with a spatial output; of repeated ones the last output."""
        return {output.name: output.layer for output in self.outputs if output.layer is not None}

    @property
    def targets(self) -> tuple[Output, ...]:
        """Outputs that may be a target layer."""
        return tuple(output for output in self.outputs if output.target)


def trace(module: nn.Module, input_hw: tuple[int, int]) -> Trace:
    """Run two random images through ``module`` and note what every submodule returns.

    Raises:
        ModelError: the module fails on images of this size, or does not return logits.
    """
    images = random_images(module, input_hw)
    recorder = _Recorder(input_hw)
    handles = [
        part.register_forward_hook(partial(recorder, name))
        for name, part in module.named_modules()
        if name
    ]
    try:
        with freeze(module), torch.no_grad():
            logits = check_logits(module(images), TRACED_IMAGES)
    except (RuntimeError, ValueError, TypeError, AssertionError, IndexError) as error:
        size = "x".join(map(str, input_hw))
        raise ModelError(
            f"the network fails on images of {size} (height x width): {error}"
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    return Trace(tuple(recorder.outputs), logits, images)


def random_images(module: nn.Module, input_hw: tuple[int, int]) -> Tensor:
    """Two images of normal noise on the module's device, always the same: ``[2, 3, H, W]``."""
    noise = torch.randn((TRACED_IMAGES, 3, *input_hw), generator=torch.Generator().manual_seed(0))
    parameter = next(module.parameters(), torch.empty(0))
    return noise.to(parameter.device, parameter.dtype)


def find_target(traced: Trace) -> tuple[Layer, Output | None]:
    """The layer whose maps the methods read unless the user names another.

    It is the last module to complete that returns maps. Where those are the class maps themselves
    (a convolution to K channels, then global average pooling, as in SqueezeNet), it is the last
    one before that convolution. In a transformer whose class token alone is read, it is the first
    normalisation of the last block: beyond it the other tokens no longer reach the logits.

    Returns:
        The layer, and the class maps where there are any.

    Raises:
        ModelError: no module returns maps.
    """
    if not traced.targets:
        raise ModelError("no layer of the network returns maps [B, C, h, w] or a grid of tokens")
    last = traced.targets[-1]
    layer = _spatial(last)
    if layer.layout == "tokens":
        return _spatial(_before_attention(traced) or last), None
    if last.pooled is None or not _equal(last.pooled, traced.logits):
        return layer, None
    classes = traced.logits.shape[1]
    makers = [
        index
        for index, output in enumerate(traced.outputs)
        if output.target and isinstance(output.module, nn.Conv2d)
        if _spatial(output).channels == classes
    ]
    earlier = [output for output in traced.outputs[: makers[-1] if makers else 0] if output.target]
    return (_spatial(earlier[-1]) if earlier else layer), last


def _before_attention(traced: Trace) -> Output | None:
    """The last normalisation of all tokens that the last attention module reads."""
    attention = [
        index
        for index, output in enumerate(traced.outputs)
        if "attention" in type(output.module).__name__.lower()
    ]
    norms = [
        output
        for output in traced.outputs[: attention[-1] if attention else None]
        if output.target and isinstance(output.module, nn.LayerNorm)
    ]
    return norms[-1] if norms else None


class _Recorder:
    """The forward hook of a trace; keeps pooling outputs, so that none else gets their address."""

    def __init__(self, input_hw: tuple[int, int]) -> None:
        self.input_hw = input_hw
        self.outputs: list[Output] = []
        self._pools: list[Tensor] = []
        self._grid: tuple[int, int] | None = None

    def __call__(self, name: str, module: nn.Module, _: Any, result: Any) -> None:
        output = result[0] if isinstance(result, tuple) and result else result
        if not isinstance(output, Tensor):
            return
        layer = self._layer(name, output) if isinstance(result, Tensor) else None
        if _POOLING.search(type(module).__name__):
            self._pools.append(output)
        pool = any(output.data_ptr() == pool.data_ptr() for pool in self._pools)
        target = layer is not None and not pool and not isinstance(module, _PASSES_THROUGH)
        pooled = output.mean((2, 3)) if layer is not None and layer.layout == "maps" else None
        self.outputs.append(Output(name, module, layer, pooled, target))

    def _layer(self, name: str, output: Tensor) -> Layer | None:
        if output.shape[0] != TRACED_IMAGES:
            return None
        shape = tuple(output.shape[1:])
        if len(shape) == 3 and self._is_grid(shape[1:]):
            self._grid = (shape[1], shape[2])
            return Layer(name, "maps", shape[0], self._grid, self.input_hw)
        if len(shape) == 3 and self._is_grid(shape[:2]):
            return Layer(name, "channels-last", shape[2], (shape[0], shape[1]), self.input_hw)
        if len(shape) == 2 and self._grid is not None:
            prefix = shape[0] - math.prod(self._grid)
            if 0 <= prefix <= _MAX_PREFIX_TOKENS:
                return Layer(name, "tokens", shape[1], self._grid, self.input_hw, prefix)
        return None

    def _is_grid(self, cells: Sequence[int]) -> bool:
        """Whether these are more than one cell, in about the proportions of the image."""
        height, width = cells
        if height * width <= 1:
            return False
        stride = math.sqrt(math.prod(self.input_hw) / (height * width))
        return all(
            abs(n - side / stride) <= 2 for n, side in zip(cells, self.input_hw, strict=True)
        )


def _spatial(output: Output) -> Layer:
    assert output.layer is not None  # noqa: S101 - targets always have one
    return output.layer


def _equal(one: Tensor, other: Tensor) -> bool:
    """Equal up to rounding, relative to the largest value."""
    if one.shape != other.shape:
        return False
    return bool((one - other).abs().max() <= TOLERANCE * other.abs().max())
