"""The linear head of a network: global average pooling and one linear layer, measured as a fact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from wsolbench.hooks import freeze, keep_outputs
from wsolbench.layers import TOLERANCE, Trace, find_target


@dataclass(frozen=True, eq=False)
class LinearHead:
    """``logits = GAP(relu_after?(weight @ A + bias))``, A the maps of a layer.

    Without ``relu_after`` this is the usual linear layer on globally average-pooled features.

    Attributes:
        layer: the layer that gives A, ``[B, C, h, w]``.
        weight: ``[K, C]``.
        bias: ``[K]``.
        relu_before: whether A is what the layer returns after a ReLU, which is no module of its own
            (DenseNet).
        relu_after: whether a ReLU stands between the class maps and the pooling (SqueezeNet).
    """

    layer: str
    weight: Tensor = field(repr=False)
    bias: Tensor = field(repr=False)
    relu_before: bool = False
    relu_after: bool = False

    def logits(self, activations: Tensor) -> Tensor:
        """``[B, K]`` from A ``[B, C, h, w]``, as the network computes them."""
        if not self.relu_after:
            return nn.functional.linear(activations.mean((2, 3)), self.weight, self.bias)
        maps = torch.einsum("kc,bchw->bkhw", self.weight, activations) + self.bias[:, None, None]
        return maps.relu().mean((2, 3))

    def pull_back(self, activations: Tensor, cotangents: Tensor) -> Tensor:
        """The gradient of the logits weighted by ``[T, K]`` with respect to A, ``[T, C, h, w]``."""
        with torch.enable_grad():
            leaf = activations.detach().requires_grad_()
            return torch.autograd.grad(self.logits(leaf), leaf, cotangents)[0]


def find_head(module: nn.Module, traced: Trace) -> LinearHead | None:
    """The linear head of ``module``, if the logits of two random images confirm it.

    Returns:
        ``None`` where the logits are no such function of any layer (MLP heads, a class token, a
        normalisation between pooling and classifier), or where they do not depend on the features
        at all (weights of zero), so that nothing can be measured.
    """
    target, class_maps = find_target(traced)
    layers = {
        layer.name: layer for layer in (target, traced.targets[-1].layer) if layer is not None
    }
    with freeze(module), torch.no_grad(), keep_outputs(module, tuple(layers)) as outputs:
        module(traced.images)
    for name, (weight, bias) in product(layers, _candidates(traced, bool(class_maps))):
        layer = layers[name]
        if weight.shape[1] != layer.channels:
            continue
        activations = layer.to_maps(outputs[name], layer.input_hw)
        for before, after in product((False, True), repeat=2):
            head = LinearHead(name, weight, bias, relu_before=before, relu_after=after)
            if _explains(head, activations.relu() if before else activations, traced.logits):
                return head
    return None


def _explains(head: LinearHead, activations: Tensor, logits: Tensor) -> bool:
    """Equal up to rounding, relative to what the features (not the bias) contribute."""
    contribution = (logits - head.bias).abs().max()
    error = (head.logits(activations) - logits).abs().max()
    return bool(contribution > 0) and bool(error <= TOLERANCE * contribution)


def _candidates(traced: Trace, class_maps: bool) -> Iterator[tuple[Tensor, Tensor]]:
    """Weight ``[K, C]`` and bias ``[K]`` of the last pointwise layer, then the identity."""
    classes = traced.logits.shape[1]
    for output in reversed(traced.outputs):
        module: Any = output.module
        pointwise = isinstance(module, nn.Linear) or (
            isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) and module.groups == 1
        )
        if pointwise and module.weight.shape[0] == classes:
            weight = module.weight.detach().flatten(1)
            bias = module.bias
            yield weight, weight.new_zeros(classes) if bias is None else bias.detach()
            break
    if class_maps:  # made by a larger convolution: the maps of the layer are the evidence
        yield torch.eye(classes).to(traced.logits), torch.zeros(classes).to(traced.logits)
