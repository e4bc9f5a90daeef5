"""Scoring many changed images, or one image with changed maps, as fast as the network allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from wsolbench.errors import ModelError, OptionError
from wsolbench.hooks import check_logits, freeze

if TYPE_CHECKING:
    from wsolbench.forward import Forward

    Edit = Callable[[Tensor, int], Tensor]
    Score = Callable[[Tensor], Tensor]

_SAME = 1e-5  # of float32 sums in another order, relative to the largest logit
_FAILURES = (RuntimeError, ValueError, TypeError, AttributeError, IndexError, AssertionError)


def spans(count: int, batch_size: int) -> Iterator[tuple[int, int]]:
    """Start and stop of every batch.

    >>> list(spans(5, 2))
    [(0, 2), (2, 4), (4, 5)]

    Raises:
        OptionError: a batch without images.
    """
    if batch_size < 1:
        raise OptionError(f"expected batch_size of at least 1, but got {batch_size}")
    for start in range(0, count, batch_size):
        yield start, min(start + batch_size, count)


def rows_of_images(forward: Forward) -> Iterator[tuple[int, list[int]]]:
    """Every image that has targets, and the rows of these."""
    rows: dict[int, list[int]] = {}
    for row, image in enumerate(forward.image_index.tolist()):
        rows.setdefault(image, []).append(row)
    yield from rows.items()


@contextmanager
def scorer(forward: Forward) -> Iterator[Score]:
    """A function ``[N, 3, H, W] -> logits [N, K]`` for thousands of passes.

    On the CPU images go in with their channels last, and batch normalisation is folded into the
    convolutions of a copy of the network, where that gives the same logits. The network itself is
    left alone.
    """
    module = forward.classifier.module
    on_cpu = forward.images.device.type == "cpu"
    layout = torch.channels_last if on_cpu else torch.contiguous_format
    with freeze(module), torch.no_grad():
        network = _folded(forward) if on_cpu else module
        yield lambda images: check_logits(
            network(images.contiguous(memory_format=layout)), len(images)
        )


def _folded(forward: Forward) -> nn.Module:
    """A copy with batch normalisation folded into convolutions, else the network itself."""
    module = forward.classifier.module
    if not any(isinstance(part, nn.BatchNorm2d) for part in module.modules()):
        return module
    from torch.fx.experimental.optimization import fuse
    from torch.fx.proxy import TraceError

    image = forward.images[:1]
    try:
        with torch.random.fork_rng(devices=[]):  # copying a module may run code of its own
            network: nn.Module = fuse(module).to(memory_format=torch.channels_last)
        logits = check_logits(network(image), 1)
    except (*_FAILURES, TraceError, NotImplementedError, ModelError):
        return module  # not a network that can be traced; it runs as it is
    return network if _same(logits, module(image)) else module


def _same(ours: Tensor, theirs: Tensor) -> bool:
    return ours.shape == theirs.shape and bool(
        (ours - theirs).abs().max() <= _SAME * theirs.abs().max()
    )


class LayerEditor:
    """Runs the network with the output of one layer changed, many changes of an image at a time.

    Where the network can be fed one image and many outputs of the layer, what comes before the
    layer runs for that one image only.

    Args:
        forward: the shared pass.
        layer: the layer; where it runs repeatedly, its last output is changed.
    """

    def __init__(self, forward: Forward, layer: str) -> None:
        self._forward, self._module = forward, forward.classifier.module
        self._part = self._module.get_submodule(layer)
        self._rectified = forward.classifier.layer(layer).rectified
        self._calls = 0
        self._calls = self._count(forward.images[:1])

    def logits(self, image: int, count: int, edit: Edit, batch_size: int) -> Tensor:
        """The logits of every change, ``[count, K]``.

        Args:
            image: index of the image.
            count: how many changes.
            edit: ``(output [n, ...], start)`` gives the output changed in the ways start, start +
                1, ..., start + n - 1, a row each. It may write to the output it is given.
            batch_size: changes at a time.
        """
        source = self._forward.images[image : image + 1]
        thin = self._may_be_thin(source)
        logits = []
        for start, stop in spans(count, batch_size):
            shown = source if thin else source.expand(stop - start, -1, -1, -1)

            def change(output: Tensor, start: int = start, n: int = stop - start) -> Tensor:
                return edit(output.expand(n, *output.shape[1:]).clone(), start)

            logits.append(self._run(shown, change, stop - start))
        return torch.cat(logits)

    def _may_be_thin(self, source: Tensor) -> bool:
        """Whether two outputs for one image give its logits twice."""
        logits = self._run(source, lambda output: output, 1)
        try:
            twice = self._run(source, lambda output: torch.cat([output, output]), 2)
        except (*_FAILURES, ModelError):
            return False
        return _same(twice, torch.cat([logits, logits]))

    def _count(self, source: Tensor) -> int:
        calls: list[int] = []
        with self._hooked(lambda *_: calls.append(1)):
            self._module(source)
        return len(calls)

    def _run(self, images: Tensor, change: Callable[[Tensor], Tensor], expected: int) -> Tensor:
        seen: list[int] = []

        def hook(_: nn.Module, __: Any, output: Tensor) -> Tensor | None:
            seen.append(1)
            if len(seen) != self._calls:
                return None
            return change(output.relu() if self._rectified else output.clone())

        with self._hooked(hook):
            return check_logits(self._module(images), expected)

    @contextmanager
    def _hooked(self, hook: Callable[..., Any]) -> Iterator[None]:
        handle = self._part.register_forward_hook(hook)
        try:
            with freeze(self._module), torch.no_grad():
                yield
        finally:
            handle.remove()


def channel_axis(forward: Forward, layer: str) -> int:
    """The axis of the channels in what a layer returns."""
    return 1 if forward.classifier.layer(layer).layout == "maps" else -1


def resized(maps: Tensor, size_hw: Sequence[int], *, align_corners: bool = False) -> Tensor:
    """Maps resized bilinearly: ``[N, h, w] -> [N, H, W]``."""
    return nn.functional.interpolate(
        maps[:, None], tuple(size_hw), mode="bilinear", align_corners=align_corners
    )[:, 0]


def unit_range(maps: Tensor) -> Tensor:
    """Every map of ``[N, h, w]`` brought into [0, 1] by minimum and maximum; constant ones to 0.

    The tiny number that keeps the division finite is that of pytorch-grad-cam and torch-cam.
    """
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / (high - low + 1e-8)
