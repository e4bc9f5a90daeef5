"""One forward pass per batch, shared by every method; gradients of any target, computed once.

Parameters take no gradient and the graph starts at the earliest layer that a method asked for, so
the network before it runs as in plain inference and a gradient costs only what comes after.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from wsolbench.errors import InputError, ModelError
from wsolbench.hooks import check_logits, freeze, keep_outputs

if TYPE_CHECKING:
    from wsolbench.head import LinearHead
    from wsolbench.models import Classifier


class Forward:
    """What one pass of B images leaves behind for T targets (an image and a class each).

    Made by `run_forward`. Tensors are on the classifier's device and belong to all methods: read
    them, never change them in place.

    Attributes:
        classifier: the network and what is known of it.
        images: ``[B, 3, H, W]`` as the network saw them.
        logits: ``[B, K]``.
        image_index: the image of each target, ``[T]`` int64.
        labels: the class of each target, ``[T]`` int64.
        keys: a name for each target, the same in every batch, order and machine.
    """

    def __init__(
        self,
        classifier: Classifier,
        images: Tensor,
        logits: Tensor,
        outputs: dict[str, Tensor],
        targets: Sequence[tuple[int, int]],
        keys: Sequence[str],
    ) -> None:
        self.classifier, self.images, self.keys = classifier, images, tuple(keys)
        self.logits = logits.detach()
        self._targets = tuple(targets)
        self.image_index, self.labels = _columns(targets, images.device)
        self._graph = logits if logits.requires_grad else None
        self._outputs = outputs
        self._gradients: dict[str, Tensor] = {}

    def __len__(self) -> int:
        """The number of targets, T."""
        return len(self._targets)

    @property
    def head(self) -> LinearHead | None:
        """The network's linear head, if it has one."""
        return self.classifier.head

    @property
    def input_hw(self) -> tuple[int, int]:
        """Height and width of the images."""
        return self.images.shape[-2], self.images.shape[-1]

    @property
    def kept(self) -> tuple[str, ...]:
        """The layers that this pass kept."""
        return tuple(self._outputs)

    @property
    def scores(self) -> Tensor:
        """The logit of every target, ``[T]``."""
        return self.logits[self.image_index, self.labels]

    def activations(self, layer: str | None = None) -> Tensor:
        """The maps of a layer, ``[T, C, h, w]``; of the target layer where ``None``.

        Raises:
            InputError: this pass did not keep that layer.
        """
        return self._of_targets(self._maps(self._name(layer), self._output(layer).detach()))

    def gradients(self, layer: str | None = None) -> Tensor:
        """The gradient of every target's logit with respect to a layer's maps, ``[T, C, h, w]``.

        The gradients of all kept layers are computed together, once, when one is asked for first.

        Raises:
            InputError: this pass did not keep that layer, or no gradients at all.
            ModelError: the logits do not depend on that layer.
        """
        self._output(layer)
        if not self._gradients:
            targets = torch.zeros(len(self), self.logits.shape[1]).to(self.logits)
            targets[torch.arange(len(self), device=targets.device), self.labels] = 1
            self._gradients = self.pull_back(targets)
        return self._gradients[self._name(layer)]

    def pull_back(self, cotangents: Tensor) -> dict[str, Tensor]:
        """Gradients of any linear score of the logits with respect to every kept layer.

        The k-th backward pass takes the k-th target of every image together, so that as many are
        needed as the most targets of one image.

        Args:
            cotangents: ``[T, K]``, the weight of every logit in each target's score.

        Returns:
            Layer -> ``[T, C, h, w]``.

        Raises:
            InputError: the pass was made without gradients.
            ModelError: the logits do not depend on a layer.
        """
        gradients: dict[str, Tensor] = {}
        for rows in self._rounds() or [[]]:
            logits = torch.zeros_like(self.logits)
            index = self.image_index[rows]
            logits[index] = cotangents[rows].to(logits)
            for name, gradient in self._backward(logits).items():
                if len(rows) == len(self) == len(gradient) and self._one_each:
                    gradients[name] = gradient
                    continue
                gradients.setdefault(name, gradient.new_empty(len(self), *gradient.shape[1:]))
                gradients[name][rows] = gradient[index]
        return gradients | self._beyond_relu(cotangents)

    def rescore(self, images: Tensor) -> Tensor:
        """The logits of other images, ``[N, 3, H, W] -> [N, K]``, for methods that perturb them."""
        with freeze(self.classifier.module), torch.no_grad():
            return check_logits(self.classifier.module(images), len(images))

    def generators(self, seed: int) -> list[torch.Generator]:
        """A random generator per target on the CPU, the same in every batch and order."""
        return [torch.Generator().manual_seed(_seed(seed, key)) for key in self.keys]

    @property
    def _one_each(self) -> bool:
        """Whether the targets are the images, one each, in order."""
        return [image for image, _ in self._targets] == list(range(len(self.images)))

    def _name(self, layer: str | None) -> str:
        return self.classifier.target_layer if layer is None else layer

    def _output(self, layer: str | None) -> Tensor:
        name = self._name(layer)
        if name not in self._outputs:
            kept = ", ".join(self.kept) or "none"
            raise InputError(f"expected one of the layers that this pass kept ({kept}), got {name}")
        return self._outputs[name]

    def _maps(self, name: str, output: Tensor) -> Tensor:
        return self.classifier.layer(name).to_maps(output, self.input_hw)

    def _of_targets(self, of_images: Tensor) -> Tensor:
        return of_images if self._one_each else of_images[self.image_index]

    def _rounds(self) -> list[list[int]]:
        """Rows of targets, grouped so that no group holds two of one image."""
        seen: defaultdict[int, int] = defaultdict(int)
        rounds: list[list[int]] = []
        for row, (image, _) in enumerate(self._targets):
            if seen[image] == len(rounds):
                rounds.append([])
            rounds[seen[image]].append(row)
            seen[image] += 1
        return rounds

    def _backward(self, cotangent: Tensor) -> dict[str, Tensor]:
        if self._graph is None:
            raise InputError("expected a pass with gradients=True, but this one kept no graph")
        names = [name for name in self.kept if not self.classifier.layer(name).rectified]
        if not names:
            return {}
        outputs = [self._outputs[name] for name in names]
        gradients = torch.autograd.grad(
            self._graph, outputs, cotangent, retain_graph=True, allow_unused=True
        )
        for name, gradient in zip(names, gradients, strict=True):
            if gradient is None:
                raise ModelError(f"the logits do not depend on layer {name}; choose another")
        return {n: self._maps(n, g) for n, g in zip(names, gradients, strict=True)}

    def _beyond_relu(self, cotangents: Tensor) -> dict[str, Tensor]:
        """Gradients at rectified maps, which the head alone reads; the ReLU must not mask them."""
        return {
            name: self.head.pull_back(self.activations(name), cotangents)
            for name in self.kept
            if self.classifier.layer(name).rectified and self.head is not None
        }


def run_forward(
    classifier: Classifier,
    images: Tensor,
    *,
    image_index: Sequence[int],
    labels: Sequence[int],
    keys: Sequence[str],
    layers: Iterable[str] = (),
    gradients: bool = False,
) -> Forward:
    """Run one batch through the network and keep what the methods need.

    No hook, gradient, graph or changed flag stays behind in the network, also where it raises.

    Args:
        classifier: the network.
        images: ``[B, 3, H, W]``, normalised, on any device.
        image_index: the image of each of T targets; an image may have several, or none.
        labels: the class of each target, in the image or not.
        keys: a name for each target, which seeds the methods that draw random numbers.
        layers: dotted names of the layers whose maps are kept.
        gradients: whether gradients with respect to those layers will be asked for.

    Raises:
        InputError: lengths that differ, or an image or label out of range.
        UnknownNameError: no such layer.
        ModelError: a layer without maps, or a network that fails or returns no logits.
    """
    names = tuple(dict.fromkeys(layers))
    targets = _check_targets(classifier, images, image_index, labels, keys)
    rectified = {name for name in names if classifier.layer(name).rectified}
    images = images.to(classifier.device, classifier.dtype)
    module = classifier.module
    with (
        freeze(module),
        torch.set_grad_enabled(gradients),
        keep_outputs(module, names, leaf=gradients, rectified=rectified) as outputs,
    ):
        logits = check_logits(module(images), len(images))
    return Forward(classifier, images, logits, outputs, targets, keys)


def _check_targets(
    classifier: Classifier,
    images: Tensor,
    image_index: Sequence[int],
    labels: Sequence[int],
    keys: Sequence[str],
) -> list[tuple[int, int]]:
    if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
        raise InputError(
            f"expected images [B, 3, H, W] of floats, but got {tuple(images.shape)} {images.dtype}"
        )
    if not len(image_index) == len(labels) == len(keys):
        raise InputError(
            "expected an image, a label and a key for every target, but got "
            f"{len(image_index)} images, {len(labels)} labels and {len(keys)} keys"
        )
    for what, values, end in (
        ("image", image_index, len(images)),
        ("label", labels, classifier.num_classes),
    ):
        wrong = [value for value in values if not 0 <= value < end]
        if wrong:
            raise InputError(f"expected every {what} in 0..{end - 1}, but got {wrong[0]}")
    return [(int(image), int(label)) for image, label in zip(image_index, labels, strict=True)]


def _columns(targets: Sequence[tuple[int, int]], device: torch.device) -> tuple[Tensor, Tensor]:
    table = torch.tensor(targets, dtype=torch.int64).reshape(-1, 2).to(device)
    return table[:, 0], table[:, 1]


def _seed(seed: int, key: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}\n{key}".encode()).digest()[:8], "big") >> 1
