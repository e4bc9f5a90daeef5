"""The gradients at the outputs of layers with a bias, folded as soon as they are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

Fold = Callable[[Tensor, Tensor], Tensor]


def bias_layers(module: nn.Module) -> list[tuple[nn.Module, Tensor]]:
    """Every convolution and batch normalisation with what it adds, whatever its input: ``[C]``."""
    found: list[tuple[nn.Module, Tensor]] = []
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d) and part.running_mean is not None:
            found.append((part, _of_norm(part)))
        elif isinstance(part, nn.Conv2d) and part.bias is not None:
            found.append((part, part.bias.detach()))
    return found


def _of_norm(norm: nn.BatchNorm2d) -> Tensor:
    assert norm.running_mean is not None  # noqa: S101 - checked by the caller
    assert norm.running_var is not None  # noqa: S101 - goes with the mean
    shift = -norm.running_mean / torch.sqrt(norm.running_var + norm.eps)
    if not norm.affine:
        return shift
    return (shift * norm.weight + norm.bias).detach()


class BiasTaps:
    """Sees the gradient at the output of every run of every layer with a bias."""

    def __init__(self) -> None:
        self._biases: list[Tensor] = []
        self._fold: Fold | None = None
        self._folded: dict[int, Tensor] = {}

    @contextmanager
    def placed(self, module: nn.Module) -> Iterator[BiasTaps]:
        """While the network runs."""
        handles = [
            layer.register_forward_hook(partial(self._tap, bias))
            for layer, bias in bias_layers(module)
        ]
        try:
            yield self
        finally:
            for handle in handles:
                handle.remove()

    @contextmanager
    def folding(self, fold: Fold | None) -> Iterator[Callable[[], Sequence[Tensor]]]:
        """During a backward pass; gives a function for what came of it, in the network's order."""
        self._fold = fold
        try:
            yield lambda: [self._folded[place] for place in sorted(self._folded)]
        finally:
            self._fold, self._folded = None, {}

    def _tap(self, bias: Tensor, _: nn.Module, __: Any, output: Tensor) -> None:
        if output.requires_grad:
            output.register_hook(partial(self._see, len(self._biases)))  # type: ignore[no-untyped-call]
            self._biases.append(bias)

    def _see(self, place: int, gradient: Tensor) -> None:
        if self._fold is not None:
            self._folded[place] = self._fold(gradient, self._biases[place])
