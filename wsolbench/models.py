"""A classifier and all that the suite must know of it: input, classes, layers, head, weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from wsolbench.errors import ModelError, UnknownNameError
from wsolbench.head import LinearHead, find_head
from wsolbench.hooks import freeze
from wsolbench.layers import Layer, find_target, trace
from wsolbench.zoo import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    build,
    default_weights,
    describe_weights,
    digest,
    list_models,
    preprocessing,
)

__all__ = [
    "Classifier",
    "Layer",
    "LinearHead",
    "as_classifier",
    "freeze",
    "list_models",
    "load_classifier",
]


@dataclass(frozen=True, eq=False)
class Classifier:
    """A network ``[B, 3, H, W] -> logits [B, K]`` and what was measured of it.

    Attributes:
        name: for people and records.
        module: the network; used in evaluation mode, and given back as it was.
        num_classes: K.
        input_hw: the image size at which it was traced.
        mean: of the RGB channels in [0, 1] that the network expects.
        std: likewise.
        weights: where they came from ("imagenet", a file name, "none", "module").
        digest: SHA-256 of all parameters and buffers.
        target_layer: the layer that methods read unless told otherwise.
        head: global average pooling and one linear layer, if that is what the network ends in.
        layers: every module whose output can be read as maps.
    """

    name: str
    module: nn.Module = field(repr=False)
    num_classes: int
    input_hw: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    weights: str
    digest: str
    target_layer: str
    head: LinearHead | None
    layers: Mapping[str, Layer] = field(repr=False)

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self._like.device

    @property
    def dtype(self) -> torch.dtype:
        """Type of the parameters."""
        return self._like.dtype

    @property
    def _like(self) -> Tensor:
        return next(self.module.parameters(), torch.empty(0))

    def layer(self, name: str) -> Layer:
        """How to read the maps of a layer.

        Raises:
            UnknownNameError: the network has no such module.
            ModelError: the module does not return maps.
        """
        if name in self.layers:
            return self.layers[name]
        names = [known for known, _ in self.module.named_modules() if known]
        if name not in names:
            raise UnknownNameError(
                f"layer of {self.name}", name, names, "`print(model)` shows them."
            )
        raise ModelError(
            f"layer {name} of {self.name} does not return maps [B, C, h, w] with more than one "
            f"pixel; choose another, for example {self.target_layer}"
        )


def load_classifier(
    name: str,
    *,
    num_classes: int,
    weights: str | Path | None = None,
    layer: str | None = None,
    input_hw: tuple[int, int] = (224, 224),
    device: str | torch.device = "cpu",
    seed: int = 0,
) -> Classifier:
    """Build a network by name, give it its weights and find out what the suite must know of it.

    Args:
        name: one of `list_models`.
        num_classes: number of logits.
        weights: "imagenet" (torchvision's own), "shipped" (digit-net's), "none" (random from
            ``seed``), or a ``.safetensors``, ``.pt`` or ``.pth`` file; ``None`` for the network's
            default.
        layer: target layer by its dotted name; found by itself where ``None``.
        input_hw: height and width of the images.
        device: where to put it.
        seed: of random weights.

    Raises:
        UnknownNameError: no such network or layer.
        UsageError: no such weights.
        ModelError: weights that do not fit, or a layer without maps.
    """
    source = str(weights if weights is not None else default_weights(name))
    module = build(name, num_classes, source, seed).to(device)
    mean, std = preprocessing(name)
    return as_classifier(
        module,
        name=name,
        layer=layer,
        input_hw=input_hw,
        mean=mean,
        std=std,
        weights=describe_weights(name, source, seed),
    )


def as_classifier(
    module: nn.Module | Classifier,
    *,
    name: str | None = None,
    layer: str | None = None,
    input_hw: tuple[int, int] = (224, 224),
    mean: tuple[float, ...] = IMAGENET_MEAN,
    std: tuple[float, ...] = IMAGENET_STD,
    weights: str = "module",
) -> Classifier:
    """Wrap any network that returns logits ``[B, K]``; a `Classifier` passes through unchanged.

    Args:
        module: the network, where it is and with the weights it has.
        name: for people and records; the class's name where ``None``.
        layer: target layer by its dotted name; found by itself where ``None``.
        input_hw: height and width of the images it will get.
        mean: of the RGB channels in [0, 1] that the network expects.
        std: likewise.
        weights: where the weights came from.

    Raises:
        UnknownNameError: no such layer.
        ModelError: the network fails on such images, returns no logits, or has no maps.
    """
    if isinstance(module, Classifier):
        return module
    traced = trace(module, input_hw)
    target = find_target(traced)[0].name
    head, layers = find_head(module, traced), dict(traced.layers)
    if head is not None and head.relu_before:
        layers[head.layer] = replace(layers[head.layer], rectified=True)
    classifier = Classifier(
        name=name or type(module).__name__,
        module=module,
        num_classes=traced.logits.shape[1],
        input_hw=input_hw,
        mean=mean,
        std=std,
        weights=weights,
        digest=digest(module),
        target_layer=target,
        head=head,
        layers=layers,
    )
    return (
        classifier
        if layer is None
        else replace(classifier, target_layer=classifier.layer(layer).name)
    )
