"""Gradients at images by passes of their own: of other images, and with other rules for ReLUs.

A changed rule holds while a pass runs, whatever module or function calls the ReLU and whether or
not it works in place; nothing is changed in the network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from wsolbench.errors import UnsupportedError
from wsolbench.forward import run_forward

if TYPE_CHECKING:
    from wsolbench.forward import Forward
    from wsolbench.models import Classifier

_RELUS = ("relu", "relu_", "relu6", "hardtanh", "hardtanh_")


def gradients_at(forward: Forward, images: Tensor, label: int) -> Tensor:
    """The gradient of a class's logit at N images that the shared pass did not see.

    One image's copies make a batch of their own, so that the images of the shared pass cannot
    change by their number on which side of a ReLU's kink a copy falls.

    Args:
        forward: the shared pass, of which only the network is used.
        images: ``[N, 3, H, W]``.
        label: the class.

    Returns:
        ``[N, 3, H, W]``.
    """
    return run_forward(
        forward.classifier,
        images,
        image_index=range(len(images)),
        labels=[label] * len(images),
        keys=[""] * len(images),
        needs=("input-gradients",),
    ).input_gradients()


def guided_gradients(forward: Forward) -> Tensor:
    """Gradients at the images where ReLUs pass only positive ones back, ``[T, 3, H, W]``.

    Raises:
        UnsupportedError: a compiled part of the network hides its ReLUs.
    """
    return _pass_under(forward, _Guided()).input_gradients()


def deconvnet_gradients(forward: Forward) -> Tensor:
    """Gradients at the images where a ReLU of the gradient replaces that of the ReLU.

    Returns:
        ``[T, 3, H, W]``.

    Raises:
        UnsupportedError: a compiled part of the network hides its ReLUs.
    """
    return _pass_under(forward, _Deconvnet()).input_gradients()


def refuse_compiled(classifier: Classifier) -> None:
    """Refuse a network with a part whose functions cannot be replaced.

    Raises:
        UnsupportedError: names the part.
    """
    for name, part in classifier.module.named_modules():
        if isinstance(part, torch.jit.ScriptModule):
            raise UnsupportedError(
                "expected a network of Python modules, for the rules of its layers are replaced, "
                f"but {name or classifier.name} is compiled by torch.jit"
            )


def _pass_under(forward: Forward, mode: TorchFunctionMode) -> Forward:
    """The shared pass once more, with functions of torch replaced by a mode."""
    refuse_compiled(forward.classifier)
    with mode:
        return run_forward(
            forward.classifier,
            forward.images,
            image_index=forward.image_index.tolist(),
            labels=forward.labels.tolist(),
            keys=forward.keys,
            needs=("input-gradients",),
        )


def function_name(function: Callable[..., Any]) -> str:
    """The name of a function of torch, without the underscores of operators."""
    return getattr(function, "__name__", "").strip("_") or "unknown"


def works_in_place(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> bool:
    """Whether a call of an activation or operator changes its first argument."""
    name = getattr(function, "__name__", "")
    if name.startswith("__i") or (name.endswith("_") and not name.startswith("__")):
        return True
    position = {"relu": 1, "relu6": 1, "hardtanh": 3, "leaky_relu": 2}.get(name)
    given = position is not None and len(args) > position and args[position] is True
    return given or bool(kwargs.get("inplace", False))


class _ReluMode(TorchFunctionMode):
    """Replaces every ReLU and ReLU6."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") not in _RELUS or not _starts_at_zero(func, args, kwargs):
            return func(*args, **kwargs)
        x = args[0] if args else kwargs["input"]
        limit = _limit(func, args, kwargs)
        if works_in_place(func, args, kwargs):
            return x.copy_(self.rectify(x.clone(), limit))
        return self.rectify(x, limit)

    def rectify(self, x: Tensor, limit: float) -> Tensor:
        """A ReLU cut off at ``limit``, with this mode's rule for gradients."""
        raise NotImplementedError


class _Guided(_ReluMode):
    def rectify(self, x: Tensor, limit: float) -> Tensor:
        y = nn.functional.hardtanh(x, 0, limit) if limit < torch.inf else x.relu()
        if y.requires_grad:
            y.register_hook(torch.relu)  # type: ignore[no-untyped-call]
        return y


class _Deconvnet(_ReluMode):
    def rectify(self, x: Tensor, limit: float) -> Tensor:
        rectified: Tensor = _DeconvnetRelu.apply(x, limit)
        return rectified


class _DeconvnetRelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, limit: float) -> Tensor:  # noqa: ARG004
        return x.clamp(0, limit)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # noqa: ARG004
        return gradients[0].relu(), None


def _bounds(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[float, float]:
    if function_name(function) == "relu":
        return 0.0, torch.inf
    if function_name(function) == "relu6":
        return 0.0, 6.0
    low = args[1] if len(args) > 1 else kwargs.get("min_val", -1.0)
    high = args[2] if len(args) > 2 else kwargs.get("max_val", 1.0)
    return float(low), float(high)


def _starts_at_zero(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> bool:
    return _bounds(function, args, kwargs)[0] == 0


def _limit(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> float:
    return _bounds(function, args, kwargs)[1]
