"""One forward pass per batch, shared by every method; gradients of any target, computed once.

Parameters take no gradient and the graph starts at the earliest layer that a method asked for, so
the network before it runs as in plain inference and a gradient costs only what comes after. Only
where a method needs gradients at the images does it start there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from wsolbench._keeping import Kept, keep
from wsolbench._pullback import Autocast, Graph, at_least_float32
from wsolbench._target_table import TargetTable, check_images
from wsolbench.errors import InputError
from wsolbench.hooks import check_logits, freeze

if TYPE_CHECKING:
    from wsolbench._bias_taps import Fold
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
        targets: TargetTable,
        kept: Kept,
    ) -> None:
        self.classifier, self.keys, self._targets = classifier, targets.keys, targets
        self.images, self._leaf = images.detach(), images
        self.logits = at_least_float32(logits.detach())
        self.image_index, self.labels = targets.columns(images.device)
        self._kept = kept
        self._graph = Graph(logits, targets, self.image_index, kept.biases)
        self._autocast = Autocast.now(images.device)
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
        return tuple(self._kept.outputs)

    @property
    def scores(self) -> Tensor:
        """The logit of every target, ``[T]``."""
        return self.logits[self.image_index, self.labels]

    def activations(self, layer: str | None = None) -> Tensor:
        """The maps of a layer, ``[T, C, h, w]``; of the target layer where ``None``.

        Raises:
            InputError: this pass did not keep that layer.
        """
        maps = self._maps(self._name(layer), self._output(layer).detach())
        return self._of_targets(at_least_float32(maps))

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
            self._need("input-gradients")
            (self._input_gradients,) = self._graph.pull([self._leaf], self._one_hot())
        return self._input_gradients

    def fold_biases(self, fold: Fold) -> list[Tensor]:
        """What the gradients at every layer with a bias are folded to, in one backward pass.

        Args:
            fold: ``(gradients [b, C, h, w], bias [C]) -> [b, ...]``, called for every convolution
                and batch normalisation as the gradients come, so that none is kept.

        Returns:
            For every such layer, in the network's order, ``[T, ...]``. The gradients at the images
            come of the same pass.

        Raises:
            InputError: the pass was made without "bias-gradients" among its needs.
        """
        self._need("bias-gradients")
        self._input_gradients, *folded = self._graph.pull([self._leaf], self._one_hot(), fold=fold)
        return folded

    def attention(self) -> list[Tensor]:
        """The attention weights of every block, ``[T, heads, N, N]``; rows (queries) sum to 1.

        Raises:
            InputError: the pass was made without "attention" among its needs.
        """
        self._need("attention")
        return [
            self._of_targets(at_least_float32(weights.detach())) for weights in self._kept.attention
        ]

    def attention_gradients(self) -> list[Tensor]:
        """The gradient of every target's logit with respect to those, ``[T, heads, N, N]``.

        Raises:
            InputError: the pass was made without "attention-gradients" among its needs.
        """
        self._need("attention-gradients")
        return self._graph.pull(self._kept.attention, self._one_hot())

    def attention_gradients_of(self, block: int, layer: str, cotangents: Tensor) -> Tensor:
        """The gradient of a linear score of a layer's output at a block's attention.

        Args:
            block: index of the block.
            layer: a kept layer behind it.
            cotangents: ``[T, ...]``, the weights of what the layer returns for each target.

        Returns:
            ``[T, heads, N, N]``.

        Raises:
            InputError: the pass was made without "attention-gradients" among its needs.
        """
        self._need("attention-gradients")
        sources = [self._kept.attention[block]]
        return self._graph.pull(sources, cotangents, of=self._output(layer))[0]

    def curvature(self, layer: str | None = None) -> Tensor:
        """The Hessian of every target's logit at a layer, times the layer: ``[T, C, h, w]``.

        Raises:
            InputError: the pass was made without "curvature" among its needs.
        """
        self._need("curvature")
        (product,) = self._graph.pull([self._output(layer)], self._one_hot(), twice=True)
        return self._maps(self._name(layer), product)

    def output(self, layer: str) -> Tensor:
        """What a kept layer returned, as it is, for every target: ``[T, ...]``.

        Raises:
            InputError: this pass did not keep that layer.
        """
        return self._of_targets(at_least_float32(self._output(layer).detach()))

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
        sources = [self._kept.outputs[name] for name in names]
        found = self._graph.pull(sources, cotangents, names=names)
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
        with self._autocast.restored():
            return run_forward(
                self.classifier,
                images,
                image_index=range(len(self)),
                labels=[label for _, label in self._targets.pairs],
                keys=self.keys,
                layers=layers,
                needs=needs,
            )

    def rescore(self, images: Tensor) -> Tensor:
        """The logits of other images, ``[N, 3, H, W] -> [N, K]``, for methods that perturb them."""
        with freeze(self.classifier.module), torch.no_grad(), self._autocast.restored():
            return check_logits(self.classifier.module(images), len(images))

    def generators(self, seed: int) -> list[torch.Generator]:
        """A random generator per target on the CPU, the same in every batch and order."""
        return self._targets.generators(seed)

    def _need(self, need: str) -> None:
        if need not in self._kept.needs:
            raise InputError(f'expected a pass with "{need}" among its needs')

    def _name(self, layer: str | None) -> str:
        return self.classifier.target_layer if layer is None else layer

    def _output(self, layer: str | None) -> Tensor:
        name = self._name(layer)
        if name not in self._kept.outputs:
            kept = ", ".join(self.kept) or "none"
            raise InputError(f"expected one of the layers that this pass kept ({kept}), got {name}")
        return self._kept.outputs[name]

    def _maps(self, name: str, output: Tensor) -> Tensor:
        return self.classifier.layer(name).to_maps(output, self.input_hw)

    def _of_targets(self, of_images: Tensor) -> Tensor:
        return of_images if self._targets.one_each else of_images[self.image_index]

    def _one_hot(self) -> Tensor:
        """The score of every target as weights of the logits, ``[T, K]``."""
        return torch.nn.functional.one_hot(self.labels, self.logits.shape[1]).to(self.logits)

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
    targets = TargetTable(image_index, labels, keys)
    check_images(images)
    targets.check(len(images), classifier.num_classes)
    images = images.detach().to(classifier.device, classifier.dtype)
    needs = frozenset(needs) | ({"gradients"} if gradients else frozenset())
    with keep(classifier, layers, needs) as kept:
        if kept.from_images:
            images.requires_grad_()
        # a leaf cannot be changed in place
        shown = images.clone() if kept.from_images else images
        logits = check_logits(classifier.module(shown), len(images))
    return Forward(classifier, images, logits, targets, kept)
