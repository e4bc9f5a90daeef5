"""Passes in which modules pull gradients back by other rules than their derivative.

A module's output stays what it is; what changes is the linear function through which gradients go
back: the secant to a reference (DeepLIFT), or shares of relevance (LRP), for which gradient times
input is then the attribution. Nothing stays behind in the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from wsolbench.hooks import out_of_place

if TYPE_CHECKING:
    from wsolbench.forward import Forward
    from wsolbench.head import LinearHead

    Rule = Callable[[nn.Module, Tensor, Tensor], Tensor]

ELEMENTWISE = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, nn.Sigmoid, nn.Tanh, nn.Softplus,
)  # fmt: skip
_TINY = 1e-6  # inputs closer than this have the derivative for a secant


def secant_gradients(forward: Forward, layer: str) -> Tensor:
    """DeepLIFT's multipliers of every target's logit at a layer, against maps of zero.

    Elementwise modules behind the layer have the slope of the line between what they return for the
    layer's maps and for zeros; max-pooling, attention, normalisation by layers, and functions that
    are no modules keep their derivative.

    Args:
        forward: the shared pass, of which the images are used; they pass twice more.
        layer: the layer.

    Returns:
        ``[T, C, h, w]``.
    """
    module = forward.classifier.module
    images = forward.images[forward.image_index]
    reference: list[tuple[Tensor, Tensor]] = []

    def note(_: nn.Module, given: Tensor, output: Tensor) -> Tensor:
        reference.append((given.detach(), output.detach()))
        return output

    with (
        _hooked(module, ELEMENTWISE, note),
        _zeroed(module.get_submodule(layer)),
    ):
        forward.again(images)
    waiting = iter(reference)

    def secant(_: nn.Module, given: Tensor, output: Tensor) -> Tensor:
        given_then, output_then = next(waiting)
        step = given.detach() - given_then
        near = step.abs() <= _TINY
        slope = (output.detach() - output_then) / step.where(~near, 1)
        return torch.where(near, output, _through(given * slope, output))

    with _hooked(module, ELEMENTWISE, secant):
        return forward.again(images, layers=(layer,), needs={"gradients"}).gradients(layer)


def relevance(forward: Forward, layer: str, relevances: Tensor) -> Tensor:
    """Relevance of the logits handed down to a layer by the z+ rule of LRP.

    Linear layers and convolutions hand it down in proportion to positive contributions (without
    biases), batch normalisation and elementwise modules pass it on, max-pooling gives it to the
    winner, sums share it in proportion to their terms.

    Args:
        forward: the shared pass, of which the images are used; they pass once more.
        layer: the layer.
        relevances: ``[T, K]``, of the logits.

    Returns:
        ``[T, C, h, w]``.
    """
    if forward.classifier.layer(layer).rectified and forward.head is not None:
        return _through_head(forward.head, forward.activations(layer), relevances)
    images = forward.images[forward.image_index]
    module = forward.classifier.module
    with ExitStack() as stack:
        stack.enter_context(_hooked(module, (nn.Linear, nn.Conv2d), _positive))
        passing = (*ELEMENTWISE, nn.BatchNorm2d)
        stack.enter_context(_hooked(module, passing, _pass_on))
        again = forward.again(images, layers=(layer,), needs={"gradients"})
    gradients = again.pull_back(_ratio(relevances.to(again.logits), again.logits))[layer]
    return gradients * again.activations(layer)


def _through_head(head: LinearHead, maps: Tensor, relevances: Tensor) -> Tensor:
    """The same behind a ReLU that is no module, where only the head follows."""
    positive, totals = head.weight.clamp(min=0), maps.sum((2, 3))
    shares = _ratio(relevances.to(totals), totals @ positive.mT) @ positive
    return maps * shares[:, :, None, None]


def _positive(part: nn.Module, given: Tensor, output: Tensor) -> Tensor:
    """The share of every input is its positive contribution."""
    up, down = given.clamp(min=0), given.clamp(max=0)
    weight = part.weight
    assert isinstance(weight, Tensor)  # noqa: S101 - linear layers and convolutions have one
    positive, negative = weight.clamp(min=0), weight.clamp(max=0)
    if isinstance(part, nn.Conv2d):
        shares = part._conv_forward(up, positive, None)  # noqa: SLF001 - pads as the module does
        shares = shares + part._conv_forward(down, negative, None)  # noqa: SLF001
    else:
        linear = nn.functional.linear
        shares = linear(up, positive) + linear(down, negative)
    return _through(shares * _ratio(output, shares).detach(), output)


def _pass_on(_: nn.Module, given: Tensor, output: Tensor) -> Tensor:
    return _through(given * _ratio(output, given).detach(), output)


def _ratio(values: Tensor, by: Tensor) -> Tensor:
    """Zero where ``by`` is."""
    return torch.where(by == 0, 0, values / by.where(by != 0, 1))


def _through(surrogate: Tensor, output: Tensor) -> Tensor:
    """The output's value, the surrogate's gradient."""
    return surrogate + (output - surrogate).detach()


@contextmanager
def _hooked(module: nn.Module, kinds: tuple[type[nn.Module], ...], rule: Rule) -> Iterator[None]:
    def hook(part: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
        return rule(part, inputs[0], output)

    parts = [part for part in module.modules() if isinstance(part, kinds)]
    handles = [part.register_forward_hook(hook) for part in parts]
    try:
        with out_of_place(module):
            yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _zeroed(part: nn.Module) -> Iterator[None]:
    def zero(_: nn.Module, __: Any, output: Tensor) -> Tensor:
        return torch.zeros_like(output)

    handle = part.register_forward_hook(zero)
    try:
        yield
    finally:
        handle.remove()
