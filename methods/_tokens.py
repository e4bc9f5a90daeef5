"""Attention of transformers as maps, and its products over the blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from wsolbench.attention import Attention
    from wsolbench.forward import Forward


def facts(forward: Forward) -> Attention:
    """What was measured of the network's attention."""
    from wsolbench.attention import attention_of

    found = attention_of(forward.classifier)
    assert found is not None  # noqa: S101 - `needs` says so
    return found


def roll_out(steps: Sequence[Tensor]) -> Tensor:
    """The product of the blocks' matrices, the last one at the left: ``[T, N, N]``."""
    total = steps[0]
    for step in steps[1:]:
        total = step @ total
    return total


def grid_of(forward: Forward, values: Tensor) -> Tensor:
    """Values of all tokens ``[T, N]`` as maps ``[T, h, w]``, class token and registers dropped."""
    return facts(forward).tokens.to_maps(values[:, :, None], forward.input_hw)[:, 0]


def read(forward: Forward, matrix: Tensor) -> Tensor:
    """What the class token takes from every patch, ``[T, N, N] -> [T, h, w]``.

    In a network without class token it is the mean over all tokens.
    """
    query = matrix[:, 0] if facts(forward).tokens.prefix else matrix.mean(1)
    return grid_of(forward, query)
