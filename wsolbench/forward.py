"""One forward pass per batch, shared by every method; gradients of any target, computed once.

Parameters take no gradient and the graph starts at the earliest layer that a method asked for, so
the network before it runs as in plain inference and a gradient costs only what comes after. Only
where a method needs gradients at the images does it start there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from wsolbench._target_table import TargetTable, check_images
from wsolbench.errors import InputError, ModelError
from wsolbench.hooks import check_logits, freeze, keep_outputs, out_of_place

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
        targets: TargetTable,
    ) -> None:
        self.classifier, self.keys, self._targets = classifier, targets.keys, targets
        self.images, self._leaf = images.detach(), images
        self.logits = logits.detach()
        self.image_index, self.labels = targets.columns(images.device)
        self._graph = logits if logits.requires_grad else None
        self._outputs = outputs
        self._gradients: dict[str, Tensor] = {}
        self._input_gradients: Tensor | None = None

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
            self._gradients = self.pull_back(self._one_hot())
        return self._gradients[self._name(layer)]

    def input_gradients(self) -> Tensor:
        """The gradient of every target's logit with respect to its image, ``[T, 3, H, W]``.

        Computed once, by a backward pass through the whole network.

        Raises:
            InputError: the pass was made without "input-gradients" among its needs.
        """
        if self._input_gradients is None:
            self._input_gradients = self.pull_back_to_images(self._one_hot())
        return self._input_gradients

    def pull_back_to_images(self, cotangents: Tensor) -> Tensor:
        """The gradient of any linear score of the logits with respect to the images.

        Args:
            cotangents: ``[T, K]``, the weight of every logit in each target's score.

        Returns:
            ``[T, 3, H, W]``.

        Raises:
            InputError: the pass was made without "input-gradients" among its needs.
        """
        if not self._leaf.requires_grad:
            raise InputError(
                'expected a pass with "input-gradients" among its needs, but this graph does not '
                "reach the images"
            )
        return self._pull([self._leaf], cotangents)[0]

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
        names = [name for name in self.kept if not self.classifier.layer(name).rectified]
        found = self._pull([self._outputs[name] for name in names], cotangents, names)
        gradients = {n: self._maps(n, g) for n, g in zip(names, found, strict=True)}
        return gradients | self._beyond_relu(cotangents)

    def again(
        self, images: Tensor, *, layers: Iterable[str] = (), needs: Collection[str] = ()
    ) -> Forward:
        """Another pass, of changed images, for methods that look at the network more than once.

        Args:
            images: ``[T, 3, H, W]``, one for every target.
            layers: as in `run_forward`.
            needs: as in `run_forward`.

        Returns:
            A pass of T images with the same T labels and keys.
        """
        return run_forward(
            self.classifier,
            images,
            image_index=range(len(self)),
            labels=self.labels.tolist(),
            keys=self.keys,
            layers=layers,
            needs=needs,
        )

    def rescore(self, images: Tensor) -> Tensor:
        """The logits of other images, ``[N, 3, H, W] -> [N, K]``, for methods that perturb them."""
        with freeze(self.classifier.module), torch.no_grad():
            return check_logits(self.classifier.module(images), len(images))

    def generators(self, seed: int) -> list[torch.Generator]:
        """A random generator per target on the CPU, the same in every batch and order."""
        return self._targets.generators(seed)

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
        return of_images if self._targets.one_each else of_images[self.image_index]

    def _one_hot(self) -> Tensor:
        """The score of every target as weights of the logits, ``[T, K]``."""
        return torch.nn.functional.one_hot(self.labels, self.logits.shape[1]).to(self.logits)

    def _pull(
        self, sources: Sequence[Tensor], cotangents: Tensor, names: Sequence[str] = ()
    ) -> list[Tensor]:
        """Gradients at tensors ``[B, ...]`` of the graph, one for every target: ``[T, ...]``."""
        if self._graph is None:
            raise InputError("expected a pass with gradients=True, but this one kept no graph")
        found: list[Tensor] = []
        for rows in self._targets.rounds() or [[]]:
            index = self.image_index[rows]
            logits = torch.zeros_like(self.logits)
            logits[index] = cotangents[rows].to(logits)
            gradients = self._backward(sources, logits, names)
            if self._targets.one_each:
                return gradients
            found = found or [g.new_empty(len(self), *g.shape[1:]) for g in gradients]
            for rows_of_all, gradient in zip(found, gradients, strict=True):
                rows_of_all[rows] = gradient[index]
        return found

    def _backward(
        self, sources: Sequence[Tensor], cotangent: Tensor, names: Sequence[str]
    ) -> list[Tensor]:
        if not sources:
            return []
        assert self._graph is not None  # noqa: S101 - checked by the caller
        gradients = torch.autograd.grad(
            self._graph, sources, cotangent, retain_graph=True, allow_unused=True
        )
        for name, gradient in zip(names, gradients, strict=False):
            if gradient is None:
                raise ModelError(f"the logits do not depend on layer {name}; choose another")
        return list(gradients)

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
    needs: Collection[str] = (),
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
        needs: what the methods need, of `wsolbench.method.NEEDS`; "gradients" there means the same.

    Raises:
        InputError: lengths that differ, or an image or label out of range.
        UnknownNameError: no such layer.
        ModelError: a layer without maps, or a network that fails or returns no logits.
    """
    names = tuple(dict.fromkeys(layers))
    targets = TargetTable(image_index, labels, keys)
    check_images(images)
    targets.check(len(images), classifier.num_classes)
    images = images.detach().to(classifier.device, classifier.dtype)
    rectified = {name for name in names if classifier.layer(name).rectified}
    at_images = "input-gradients" in needs
    leaf = at_images or gradients or "gradients" in needs
    module = classifier.module
    with ExitStack() as stack:
        stack.enter_context(freeze(module))
        stack.enter_context(torch.set_grad_enabled(leaf))
        if at_images:
            stack.enter_context(out_of_place(module))
            images.requires_grad_()
        outputs = stack.enter_context(keep_outputs(module, names, leaf=leaf, rectified=rectified))
        shown = images.clone() if at_images else images  # a leaf cannot be changed in place
        logits = check_logits(module(shown), len(images))
    return Forward(classifier, images, logits, outputs, targets)
