"""Pulling scores of the logits back through the graph of a forward pass, a row for every target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from wsolbench._bias_taps import BiasTaps, Fold
from wsolbench._target_table import TargetTable
from wsolbench.errors import InputError, ModelError


@dataclass(frozen=True)
class Graph:
    """The graph of a pass.

    Attributes:
        logits: ``[B, K]``, the end of it.
        targets: an image and a class each.
        image_index: the image of each target.
        biases: where gradients at layers with a bias are seen.
    """

    logits: Tensor = field(repr=False)
    targets: TargetTable
    image_index: Tensor = field(repr=False)
    biases: BiasTaps

    def pull(
        self,
        sources: Sequence[Tensor],
        cotangents: Tensor,
        *,
        names: Sequence[str] = (),
        of: Tensor | None = None,
        fold: Fold | None = None,
        twice: bool = False,
    ) -> list[Tensor]:
        """Gradients of a linear score for every target.

        The k-th backward pass takes the k-th target of every image together.

        Args:
            sources: tensors ``[B, ...]`` of the graph.
            cotangents: ``[T, ...]``, the weights of the score.
            names: of the sources, for the error.
            of: what the score is of; of the logits where ``None``.
            fold: see `BiasTaps`; what it gives follows the gradients.
            twice: give the second derivative times the source itself instead.

        Returns:
            A tensor ``[T, ...]`` for each source.

        Raises:
            InputError: the pass was made without gradients.
            ModelError: the score does not depend on a source.
        """
        output = self.logits if of is None else of
        if not output.requires_grad:
            raise InputError("expected a pass with gradients=True, but this one kept no graph")
        found: list[Tensor] = []
        for rows in self.targets.rounds() or [[]]:
            index = self.image_index[rows]
            cotangent = torch.zeros_like(output)
            cotangent[index] = cotangents[rows].to(output)
            gradients = self._back(output, sources, cotangent, names, fold, twice)
            gradients = [at_least_float32(gradient) for gradient in gradients]
            if self.targets.one_each:
                return gradients
            found = found or [g.new_empty(len(self.targets), *g.shape[1:]) for g in gradients]
            for of_all, gradient in zip(found, gradients, strict=True):
                of_all[rows] = gradient[index]
        return found

    def _back(
        self,
        output: Tensor,
        sources: Sequence[Tensor],
        cotangent: Tensor,
        names: Sequence[str],
        fold: Fold | None,
        twice: bool,
    ) -> list[Tensor]:
        if not sources:
            return []
        with torch.set_grad_enabled(twice), self.biases.folding(fold) as folded:
            gradients = torch.autograd.grad(
                output, sources, cotangent, retain_graph=True, create_graph=twice, allow_unused=True
            )
            for name, gradient in zip(names, gradients, strict=False):
                if gradient is None:
                    raise ModelError(f"the logits do not depend on layer {name}; choose another")
            if twice:
                pairs = zip(sources, gradients, strict=True)
                return [_again(source, gradient) for source, gradient in pairs]
            return [*gradients, *folded()]


def _again(source: Tensor, gradient: Tensor) -> Tensor:
    """The derivative of a gradient at its source, times the source; zeros where it is constant."""
    if not gradient.requires_grad:
        return torch.zeros_like(source).detach()
    (product,) = torch.autograd.grad(
        gradient, source, source.detach(), retain_graph=True, allow_unused=True
    )
    return torch.zeros_like(source).detach() if product is None else product


def at_least_float32(values: Tensor) -> Tensor:
    """What autocast made half as precise, in single precision again."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


@dataclass(frozen=True)
class Autocast:
    """The mixed precision under which a pass was made."""

    device: str
    enabled: bool
    dtype: torch.dtype

    @classmethod
    def now(cls, device: torch.device) -> Autocast:
        """That of the caller."""
        kind = device.type
        return cls(kind, torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind))

    @contextmanager
    def restored(self) -> Iterator[None]:
        """For a further pass of the same images' kind."""
        with torch.autocast(self.device, dtype=self.dtype, enabled=self.enabled):
            yield
