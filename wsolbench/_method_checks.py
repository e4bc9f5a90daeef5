"""What `wsolbench.checks.check_method` checks, on a tiny network and images that are not square."""

from __future__ import annotations

import gc
import inspect
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from wsolbench._check_nets import network_for
from wsolbench.errors import WsolbenchError
from wsolbench.forward import Forward, run_forward
from wsolbench.method import COSTS, FAMILIES, NEEDS, Method, non_finite
from wsolbench.models import Classifier
from wsolbench.registry import METHODS

Targets = Sequence[tuple[int, int]]

_TARGETS: Targets = ((0, 1), (1, 2), (2, 0), (1, 0))  # image 1 has two classes
_TOLERANCE = 1e-4  # of float32 sums in another order, relative to the largest value of a map

# of 8 and 11 significant bits; differences of scores (occlusion) lose most of them
_AUTOCAST = {torch.bfloat16: 0.5, torch.float16: 0.05}


def method_findings(method: Method, classifier: Classifier | None) -> list[str]:
    """See `wsolbench.checks.check_method`."""
    return [
        *method_card_findings(method),
        *_behaviour_findings(method, classifier or network_for(method), known=classifier is None),
    ]


def method_card_findings(method: Method) -> Iterator[str]:
    """What the card leaves out or gets wrong."""
    for what, value, allowed in (
        ("family", (method.family,), FAMILIES),
        ("needs", method.needs, NEEDS),
        ("cost", (method.cost,), COSTS),
        ("supervision", (method.supervision,), ("none", "image labels")),
    ):
        if not set(value) <= set(allowed):
            yield f"the card's {what} is {', '.join(value)}, expected one of {', '.join(allowed)}"
    if not method.title:
        yield "the card has no title"
    if method.paper is None and method.family != "floor":
        yield "the card names no paper"
    if not inspect.getdoc(sys.modules[method.source]):
        yield f"the module {method.source} has no docstring"
    if not inspect.getdoc(method.function):
        yield "the function has no docstring"
    for option, default in method.options.items():
        if default is inspect.Parameter.empty:
            yield f"the option {option} has no default"
    package, _, module = method.source.rpartition(".")
    if package == METHODS.package and module.replace("_", "-") != method.name:
        yield f"{method.name} is registered by the file {module}.py, not by its own"


def _behaviour_findings(method: Method, classifier: Classifier, *, known: bool) -> Iterator[str]:
    reason = method.unsupported_by(classifier)
    if reason is not None:
        yield f"the network cannot serve it: {reason}"
        return
    random_state, before = torch.get_rng_state(), _state(classifier.module)
    try:
        maps = _run(method, classifier, _TARGETS)
        yield from _map_findings(maps)
        yield from _change_findings(method, classifier)
        yield from _repeat_findings(method, classifier, maps)
        yield from _autocast_findings(method, classifier, maps, exact=known)
        yield from _memory_findings(method, classifier)
    except WsolbenchError as error:
        yield str(error)
    except Exception as error:  # noqa: BLE001 - a method may raise anything; that is the finding
        yield f"it raises {type(error).__name__}: {error}"
    if _state(classifier.module) != before:
        yield "it leaves hooks, gradients or changed flags behind in the network"
    if not torch.get_rng_state().equal(random_state):
        yield "it draws from the global random state; use forward.generators(seed)"


def _map_findings(maps: Tensor) -> Iterator[str]:
    if maps.requires_grad:
        yield "its maps carry a graph"
    if bool(non_finite(maps).any()):
        yield "its maps hold NaN or infinity"
    if 0 in maps.shape:
        yield f"its maps {tuple(maps.shape)} have no pixel"


def _change_findings(method: Method, classifier: Classifier) -> Iterator[str]:
    forward = _forward(method, classifier, _TARGETS[:3])  # one target per image: nothing is copied
    given = _given(forward)
    method.maps(forward)
    if not _alike(given, _given(forward)):
        yield "it changes the images, logits or activations that it was given"


def _repeat_findings(method: Method, classifier: Classifier, maps: Tensor) -> Iterator[str]:
    if not _run(method, classifier, _TARGETS).equal(maps):
        yield "a second run gives other maps"
    backwards = _run(method, classifier, _TARGETS[::-1]).flip(0)
    if not _alike([backwards], [maps]):
        yield "the order of the targets changes the maps"
    singly = torch.cat([_run(method, classifier, [target]) for target in _TARGETS])
    if not _alike([singly], [maps]):
        yield "a batch of one gives other maps than a batch of several"


def _autocast_findings(
    method: Method, classifier: Classifier, maps: Tensor, *, exact: bool
) -> Iterator[str]:
    """Other networks may cancel what they add, so that rounding is all that is left."""
    if classifier.dtype != torch.float32:
        return
    for dtype, tolerance in _AUTOCAST.items():
        with torch.autocast(classifier.device.type, dtype=dtype):
            rough = _run(method, classifier, _TARGETS)
        if rough.shape != maps.shape or bool(non_finite(rough).any()):
            yield f"under autocast to {dtype} its maps have another shape, or hold NaN or infinity"
        elif exact and not _alike([rough], [maps], tolerance):
            yield f"under autocast to {dtype} its maps differ by more than {tolerance} of the peak"


def _memory_findings(method: Method, classifier: Classifier) -> Iterator[str]:
    before = _tensors_after(method, classifier, 1)
    after = _tensors_after(method, classifier, 3)
    if after > before:
        yield f"it keeps tensors from batch to batch: {after - before} more after three batches"


def _tensors_after(method: Method, classifier: Classifier, batches: int) -> int:
    for _ in range(batches):
        _run(method, classifier, _TARGETS[:1])
    gc.collect()
    return sum(issubclass(type(thing), Tensor) for thing in gc.get_objects())


def _run(method: Method, classifier: Classifier, targets: Targets) -> Tensor:
    return method.maps(_forward(method, classifier, targets))


def _forward(method: Method, classifier: Classifier, targets: Targets) -> Forward:
    """A pass over exactly the images that the targets need, in the order of their first use."""
    images = list(dict.fromkeys(image for image, _ in targets))
    labels = [label % classifier.num_classes for _, label in targets]
    hw = classifier.input_hw
    pixels = [
        torch.randn((3, *hw), generator=torch.Generator().manual_seed(image)) for image in images
    ]
    return run_forward(
        classifier,
        torch.stack(pixels),
        image_index=[images.index(image) for image, _ in targets],
        labels=labels,
        keys=[f"{image}#{label}" for image, label in targets],
        layers=method.layers({}, classifier),
        needs=method.needs,
    )


def _given(forward: Forward) -> list[Tensor]:
    """Copies of what a method gets to see."""
    layers = forward.kept
    return [t.clone() for t in (forward.images, forward.logits, *map(forward.activations, layers))]


def _alike(ours: Sequence[Tensor], theirs: Sequence[Tensor], tolerance: float = _TOLERANCE) -> bool:
    return all(
        one.shape == other.shape
        and bool((one - other).abs().max() <= tolerance * other.abs().max())
        for one, other in zip(ours, theirs, strict=True)
    )


def _state(module: nn.Module) -> list[Any]:
    """Everything that a pass must give back as it was."""
    hooks = [
        len(hooks)
        for part in module.modules()
        for name, hooks in vars(part).items()
        if name.endswith("_hooks")
    ]
    flags = [part.training for part in module.modules()]
    return [hooks, flags, [(p.requires_grad, p.grad is None) for p in module.parameters()]]
