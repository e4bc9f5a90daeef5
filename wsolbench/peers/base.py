"""What the adapters of all libraries share: the card, the borrowed network, and the targets."""

from __future__ import annotations

import contextlib
import copy
import importlib
import inspect
import io
import random
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from wsolbench.errors import ModelError, OptionError, UsageError
from wsolbench.method import Method, layer_names

if TYPE_CHECKING:
    from wsolbench.forward import Forward
    from wsolbench.head import LinearHead
    from wsolbench.layers import Layer
    from wsolbench.models import Classifier

COMMON: Mapping[str, Any] = {"layers": None}
SEED: Mapping[str, Any] = {"seed": 0}
INSTALL = "pip install wsolbench[peers]"


@dataclass(frozen=True)
class PeerMethod(Method):
    """A method of another library.

    Attributes:
        distribution: the package that it comes from.
        defaults: every option: ``layers`` (one layer), ``seed`` where it draws random numbers, and
            the peer's own options that are plain values.
    """

    distribution: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """Package and version."""
        return f"{self.distribution} {version(self.distribution)}"

    @property
    def options(self) -> dict[str, Any]:
        """Every option with its default."""
        return dict(self.defaults)

    def layers(self, options: Mapping[str, Any], classifier: Classifier) -> tuple[str, ...]:
        """None of the shared pass; the layer is only checked.

        Raises:
            UnknownNameError: the network has no such layer.
            ModelError: a layer without maps.
            OptionError: more than one layer.
        """
        layer_of(classifier, self.resolve(options).get("layers"))
        return ()


@dataclass(frozen=True)
class Call:
    """One call of a peer.

    Attributes:
        module: the borrowed network.
        head: its linear head, if it has one.
        layer: how to read the layer's output as maps.
        to_maps: the same as a function of the output alone.
        images: ``[n, 3, H, W]``, one for every target.
        labels: the n classes.
        options: the peer's own.
    """

    module: nn.Module
    head: LinearHead | None
    layer: Layer
    to_maps: Callable[[Tensor], Tensor]
    images: Tensor
    labels: list[int]
    options: dict[str, Any]

    @property
    def part(self) -> nn.Module:
        """The layer itself."""
        return self.module.get_submodule(self.layer.name)


def adapter(run: Callable[[Call], Tensor], *, singly: bool = False) -> Callable[..., Tensor]:
    """A method's function out of one that makes one call of a peer.

    Args:
        run: returns maps ``[n, h, w]``.
        singly: give it one target at a time, each with its own seed.
    """

    def function(forward: Forward, **options: Any) -> Tensor:
        layer = layer_of(forward.classifier, options.pop("layers", None))
        seed = options.pop("seed", 0)
        rows = range(len(forward))
        step = 1 if singly else max(1, len(forward.images))
        seeds = [generator.initial_seed() for generator in forward.generators(seed)]
        if not len(forward):
            return torch.zeros(0, 1, 1)
        with borrowed(forward.classifier.module) as module:
            maps = [
                _run(run, forward, module, layer, rows[i : i + step], seeds[i], options)
                for i in rows[::step]
            ]
        return torch.cat(maps)

    return function


def _run(
    run: Callable[[Call], Tensor],
    forward: Forward,
    module: nn.Module,
    layer: Layer,
    rows: range,
    seed: int,
    options: dict[str, Any],
) -> Tensor:
    call = Call(
        module=module,
        head=forward.head,
        layer=layer,
        to_maps=lambda output: layer.to_maps(output, forward.input_hw),
        images=forward.images[forward.image_index[rows.start : rows.stop]].detach().clone(),
        labels=forward.labels[rows.start : rows.stop].tolist(),
        options=dict(options),
    )
    with _quiet(), _seeded(seed), torch.enable_grad():
        return run(call).detach().to(forward.images.device)


@contextmanager
def borrowed(module: nn.Module) -> Iterator[nn.Module]:
    """A copy of a network's structure that shares its weights, to do with as one likes.

    Its parameters take gradients of their own, it is in evaluation mode, and no layer of it works
    in place. Whatever is done to it, short of writing into weights, the network does not see.

    Raises:
        ModelError: a network that cannot be copied.
    """
    shared: dict[int, Any] = {id(p): nn.Parameter(p.detach()) for p in module.parameters()}
    shared |= {id(buffer): buffer for buffer in module.buffers()}
    try:
        with torch.random.fork_rng(devices=[]):
            copied = copy.deepcopy(module, shared)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{type(module).__name__} cannot be copied for another library to work on: {error}"
        ) from error
    for part in copied.modules():
        if getattr(part, "inplace", False) is True:
            setattr(part, "inplace", False)  # noqa: B010 - not every module has it
    yield copied.eval()


def layer_of(classifier: Classifier, layers: object) -> Layer:
    """The one layer that an option names, or the network's target layer.

    Raises:
        OptionError: more than one layer.
        UnknownNameError: the network has no such layer.
        ModelError: a layer without maps.
    """
    names = layer_names(layers) or (classifier.target_layer,)
    if len(names) > 1:
        raise OptionError(
            f"methods of other libraries are given one layer here, but got {len(names)}: "
            f"{', '.join(names)}"
        )
    return classifier.layer(names[0])


def library(module: str, prefix: str) -> ModuleType:
    """Import a library.

    Raises:
        UsageError: it is not installed.
    """
    try:
        with _quiet():
            return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(
            f"methods {prefix}:... need a package that is not installed ({error}); run `{INSTALL}`"
        ) from error


def plain_options(*functions: Callable[..., Any], without: Sequence[str] = ()) -> dict[str, Any]:
    """The parameters of a peer's functions whose default is a plain value, with that default."""
    return {
        p.name: p.default
        for function in functions
        for p in inspect.signature(function).parameters.values()
        if isinstance(p.default, bool | int | float | str) and p.name not in without
    }


def split_options(options: Mapping[str, Any], function: Callable[..., Any]) -> dict[str, Any]:
    """Those of the options that a function takes."""
    names = inspect.signature(function).parameters
    return {key: value for key, value in options.items() if key in names}


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings, prints or progress bars of others; their errors still come through."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Every global source of random numbers starts at a seed, and is as it was afterwards."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - peers draw from it
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        try:
            torch.manual_seed(seed)
            np.random.seed(seed % 2**32)  # noqa: NPY002
            random.seed(seed)
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
