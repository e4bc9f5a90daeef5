"""Looking into a network while it runs, and giving it back as it was."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from wsolbench.errors import ModelError


@contextmanager
def freeze(module: nn.Module) -> Iterator[None]:
    """Evaluation mode and parameters without gradient, for a while.

    Afterwards every submodule has its own training flag and every parameter its own
    ``requires_grad`` again, also where something raised.
    """
    modes = [(part, part.training) for part in module.modules()]
    learning = [parameter for parameter in module.parameters() if parameter.requires_grad]
    try:
        module.eval()
        for parameter in learning:
            parameter.requires_grad_(False)
        yield
    finally:
        for part, training in modes:
            part.training = training
        for parameter in learning:
            parameter.requires_grad_(True)


@contextmanager
def out_of_place(module: nn.Module) -> Iterator[None]:
    """Let no layer work in place, for a while, so that a graph may keep what each one read."""
    working = [part for part in module.modules() if getattr(part, "inplace", False) is True]
    try:
        for part in working:
            setattr(part, "inplace", False)  # noqa: B010 - not every module has it
        yield
    finally:
        for part in working:
            setattr(part, "inplace", True)  # noqa: B010


def check_logits(output: Any, batch: int) -> Tensor:
    """The output of a network, if it is logits ``[B, K]``.

    Raises:
        ModelError: it is something else.
    """
    if isinstance(output, Tensor) and output.ndim == 2 and output.shape[0] == batch:
        return output
    got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    raise ModelError(
        f"expected the network to return logits [B, K] for a batch of {batch}, but got {got}; "
        "wrap it in a module that returns the logits alone"
    )


@contextmanager
def keep_outputs(
    module: nn.Module,
    names: Sequence[str],
    *,
    leaf: bool = False,
    rectified: Collection[str] = (),
) -> Iterator[dict[str, Tensor]]:
    """Keep the outputs of some layers while a network runs; its last where one runs repeatedly.

    What is kept is the tensor itself, and the network goes on with a copy, so that layers that
    work in place (ReLU, residual sums) change only the copy.

    Args:
        module: the network.
        names: the layers.
        leaf: start a graph at the outputs that do not belong to one yet.
        rectified: layers to keep after a ReLU; one that follows in the network finds its work done.
    """
    outputs: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        def hook(_: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
            if name in rectified:
                output = output.relu()
            elif any(torch.is_tensor(i) and i.data_ptr() == output.data_ptr() for i in inputs):
                output = output.clone()  # others may hold it too, and change it in place
            if leaf and not output.requires_grad:
                output = output.detach().requires_grad_()
            outputs[name] = output
            return output.clone()

        return hook

    handles = [module.get_submodule(name).register_forward_hook(keep(name)) for name in names]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()
