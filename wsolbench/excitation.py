"""Excitation backprop: winning probabilities handed down through positive weights.

A unit hands what it got to the units it read, in proportion to their activation times the positive
part of the weight between them (Zhang et al., Top-down Neural Attention by Excitation Backprop,
IJCV 2018). Convolution and batch normalisation after it are one set of weights; average pooling is
a convolution; a sum hands down in proportion to its positive terms; a maximum to the winner.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from wsolbench.backprop import function_name, refuse_compiled, works_in_place
from wsolbench.errors import UnsupportedError
from wsolbench.hooks import check_logits, freeze, keep_outputs, out_of_place
from wsolbench.layers import random_images
from wsolbench.perturb import spans

if TYPE_CHECKING:
    from wsolbench.forward import Forward
    from wsolbench.models import Classifier

    Sums = Callable[..., Tensor]

_WEIGHTED = ("conv2d", "linear")
_AVERAGES = ("mean", "avg_pool2d", "adaptive_avg_pool2d")
_SUMS = ("add", "iadd", "radd")
_SCALINGS = ("mul", "imul", "rmul", "div", "truediv", "relu6", "hardtanh")
_AS_THEY_ARE = (
    *("relu", "max_pool2d", "max_pool2d_with_indices", "adaptive_max_pool2d", "dropout"),
    *("dropout2d", "view", "reshape", "flatten", "unflatten", "permute", "transpose", "movedim"),
    *("squeeze", "unsqueeze", "contiguous", "clone", "cat", "concat", "concatenate", "chunk"),
    *("split", "getitem", "expand", "pad", "to", "float", "detach", "requires_grad", "get"),
    *("copy", "narrow", "select", "double", "type", "view_as", "reshape_as"),
)  # fmt: skip


def winning_probabilities(
    forward: Forward, layer: str, *, contrast: bool, batch_size: int
) -> tuple[Tensor, Tensor | None]:
    """Marginal winning probabilities of a layer's units for every target, ``[T, C, h, w]``.

    Args:
        forward: the shared pass, of which only the images are used.
        layer: the layer.
        contrast: whether to compute those of the class's opposite too, whose weights in the last
            layer are the class's times -1.
        batch_size: targets at a time.

    Returns:
        Of the class, and of its opposite or ``None``.

    Raises:
        UnsupportedError: the network does something that excitation backprop has no rule for.
    """
    refuse_compiled(forward.classifier)
    found = [
        _pass(forward, layer, slice(start, stop), contrast)
        for start, stop in spans(len(forward), batch_size)
    ]
    return torch.cat([one for one, _ in found]), (
        torch.cat([other for _, other in found]) if contrast else None
    )


def finer_layer(classifier: Classifier) -> str:
    """The last layer with about twice the target layer's resolution; else the target layer itself.

    It is what the paper reads in VGG-16 (pool4) and TorchRay in ResNet-50 (layer3).
    """
    target = classifier.layer(classifier.target_layer)
    names = list(classifier.layers)
    finer = [
        name
        for name in names[: names.index(target.name)]
        if classifier.layers[name].layout == target.layout
        and classifier.layers[name].grid_hw[0] * classifier.layers[name].grid_hw[1]
        > 2 * target.grid_hw[0] * target.grid_hw[1]
    ]
    return finer[-1] if finer else target.name


_refusals: WeakKeyDictionary[Classifier, str] = WeakKeyDictionary()


def refusal(classifier: Classifier) -> str:
    """Why excitation backprop cannot work on a network; empty where it can. Found by trying."""
    if classifier not in _refusals:
        _refusals[classifier] = _try(classifier)
    return _refusals[classifier]


def _try(classifier: Classifier) -> str:
    from wsolbench.forward import run_forward

    image = random_images(classifier.module, classifier.input_hw)[:1]
    forward = run_forward(classifier, image, image_index=[0], labels=[0], keys=[""])
    try:
        winning_probabilities(forward, finer_layer(classifier), contrast=False, batch_size=1)
    except UnsupportedError as error:
        return str(error)
    return ""


def _pass(forward: Forward, layer: str, rows: slice, contrast: bool) -> tuple[Tensor, Tensor]:
    classifier = forward.classifier
    card, module = classifier.layer(layer), classifier.module
    images = forward.images[forward.image_index[rows]]
    mode = _Excitation(classifier.name)
    with (
        freeze(module),
        out_of_place(module),
        torch.enable_grad(),
        keep_outputs(module, (layer,), leaf=True, rectified={layer} & _rectified(card)) as outputs,
        mode,
    ):
        logits = check_logits(module(images), len(images))
    chosen = nn.functional.one_hot(forward.labels[rows], logits.shape[1]).to(logits)

    def hand_down() -> Tensor:
        found = torch.autograd.grad(logits, outputs[layer], chosen, retain_graph=True)[0]
        return card.to_maps(found, forward.input_hw)

    plain = hand_down()
    if not contrast or mode.last is None:
        return plain, plain
    mode.last.sign = -1
    return plain, hand_down()


def _rectified(card: Any) -> set[str]:
    return {card.name} if card.rectified else set()


class _Weights:
    """The positive part of an operation's weights, or of their opposite."""

    def __init__(
        self, function: Callable[..., Tensor], weight: Tensor, rest: Any, options: Any
    ) -> None:
        self.function, self.weight, self.rest, self.options = function, weight, rest, options
        self.sign = 1

    def __call__(self, x: Tensor) -> Tensor:
        weight = (self.sign * self.weight).clamp(min=0)
        sums: Tensor = self.function(x, weight, None, *self.rest, **self.options)
        return sums

    def scaled(self, scale: Tensor) -> _Weights:
        """With every output multiplied by a number of its own."""
        weight = self.weight * scale.reshape(-1, *[1] * (self.weight.ndim - 1))
        return _Weights(self.function, weight, self.rest, self.options)


class _Excitation(TorchFunctionMode):
    """Replaces the gradient of every operation by its rule.

    Attributes:
        last: the weights used last, those of the classifier.
    """

    def __init__(self, network: str) -> None:
        super().__init__()
        self.network = network
        self.last: _Weights | None = None
        self._made: tuple[Tensor, Tensor, _Weights] | None = None  # output, input, weights

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        name, tensors = function_name(func), [x for x in args[:2] if isinstance(x, Tensor)]
        if not any(x.requires_grad for x in tensors) or name in _AS_THEY_ARE:
            return self._as_it_is(func, name, args, kwargs)
        if name in _WEIGHTED:
            return self._weighted(func, args, kwargs)
        if name == "batch_norm":
            return self._normalised(func, args, kwargs)
        if name in _AVERAGES:
            output = func(*args, **kwargs)
            return _excite(output, lambda x: func(x, *args[1:], **kwargs), args[0])
        if name in _SUMS and len(tensors) == 2:
            return self._in_place_too(func, args, kwargs, lambda x, y: x + y, tensors)
        if name in (*_SCALINGS, *_SUMS) and len(tensors) == 1:
            return self._in_place_too(func, args, kwargs, lambda x: x, tensors)
        return self._as_it_is(func, name, args, kwargs)

    def _as_it_is(self, func: Callable[..., Any], name: str, args: Any, kwargs: Any) -> Any:
        result = func(*args, **kwargs)
        if name not in _AS_THEY_ARE and isinstance(result, Tensor) and result.requires_grad:
            raise UnsupportedError(
                f"excitation backprop has no rule for {name}, which {self.network} uses; it is "
                "made for networks of convolutions, linear layers, pooling and ReLUs"
            )
        return result

    def _weighted(self, func: Callable[..., Tensor], args: Any, kwargs: Any) -> Tensor:
        options = {k: v for k, v in kwargs.items() if k not in ("input", "weight", "bias")}
        x, weight = args[0], args[1] if len(args) > 1 else kwargs["weight"]
        self.last = _Weights(func, weight, args[3:], options)
        output = _excite(func(*args, **kwargs), self.last, x)
        self._made = (output, x, self.last)
        return output

    def _normalised(self, func: Callable[..., Tensor], args: Any, kwargs: Any) -> Tensor:
        x, output = args[0], func(*args, **kwargs)
        with torch.no_grad():
            ends = x.new_tensor([0.0, 1.0]).reshape(2, 1, 1, 1).expand(2, x.shape[1], 1, 1)
            zero, one = func(ends, *args[1:], **kwargs)[:, :, 0, 0]
        scale = one - zero
        if self._made is not None and self._made[0] is x:
            _, source, weights = self._made
            return _excite(output, weights.scaled(scale), source)
        positive = scale.clamp(min=0)[:, None, None]
        return _excite(output, lambda x: x * positive, x)

    def _in_place_too(
        self,
        func: Callable[..., Tensor],
        args: Any,
        kwargs: Any,
        sums: Sums,
        sources: list[Tensor],
    ) -> Tensor:
        if not works_in_place(func, args, kwargs):
            return _excite(func(*args, **kwargs), sums, *sources)
        first = args[0]
        copy = first.clone()
        with torch.no_grad():
            output = func(first.detach().clone(), *args[1:], **kwargs)
        sources = [copy if source is first else source for source in sources]
        changed: Tensor = first.copy_(_excite(output, sums, *sources))
        return changed


def _excite(output: Tensor, sums: Sums, *sources: Tensor) -> Tensor:
    excited: Tensor = _Excite.apply(output.detach(), sums, *sources)
    return excited


class _Excite(torch.autograd.Function):
    """Gives an output that is known, and hands back shares by positive terms."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, sums: Sums, *sources: Tensor) -> Tensor:
        ctx.sums = sums
        ctx.save_for_backward(*sources)
        return output.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        with torch.enable_grad():
            sources = [x.detach().clamp(min=0).requires_grad_() for x in ctx.saved_tensors]
            total = ctx.sums(*sources)
        shares = torch.where(total > 0, gradients[0] / total.where(total > 0, 1), 0)
        found = torch.autograd.grad(total, sources, shares)
        return None, None, *(x.detach() * g for x, g in zip(sources, found, strict=True))
