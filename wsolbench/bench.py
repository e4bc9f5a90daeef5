"""What each method costs on this machine, as multiples of a bare forward pass."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from wsolbench._memory import peak_bytes
from wsolbench.agree import pass_for
from wsolbench.errors import MapError, OptionError, UnsupportedError, UsageError, WsolbenchError
from wsolbench.hooks import freeze
from wsolbench.peers.base import PeerMethod
from wsolbench.peers.counterparts import COUNTERPARTS
from wsolbench.plan import PlannedMethod
from wsolbench.precision import faster
from wsolbench.registry import METHODS
from wsolbench.spec import Spec

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.models import Classifier

    Run = Callable[[], object]

BARE, TOGETHER = "forward pass", "all of these together"
PATIENCE_S = 20.0  # what has taken so long is not repeated


@dataclass(frozen=True)
class Cost:
    """What a method costs, its own forward pass included.

    Attributes:
        label: the method's spec, `BARE` or `TOGETHER`.
        passes: time as a multiple of the bare forward pass of the same round, the median.
        spread: the quartiles of that over the rounds.
        seconds: per image, the median.
        memory_bytes: what tensors took at the worst moment beyond images and weights.
        rounds: how many were run, after one to warm up.
        source: the package of a peer; "" of ours.
        failure: why there are no numbers; "" where there are.
    """

    label: str
    passes: float = float("nan")
    spread: tuple[float, float] = (float("nan"), float("nan"))
    seconds: float = float("nan")
    memory_bytes: int = 0
    rounds: int = 0
    source: str = ""
    failure: str = ""

    def values(self) -> dict[str, Any]:
        """As plain data."""
        return (
            {"label": self.label, "source": self.source, "failure": self.failure}
            if self.failure
            else asdict(self)
        )


@dataclass
class _Subject:
    """Something to time: how to run it, and the times so far."""

    label: str
    run: Run
    source: str = ""
    seconds: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    memory: int = 0
    failure: str = ""

    @property
    def done(self) -> bool:
        return bool(self.failure) or sum(self.seconds) > PATIENCE_S


def bench(
    classifier: Classifier,
    methods: Sequence[PlannedMethod],
    *,
    batch_size: int = 16,
    peers: bool = False,
    autocast: str = "none",
    channels_last: bool = False,
    repeats: int = 5,
    watch: Callable[[Iterable[Any], str, int], Iterable[Any]] | None = None,
) -> list[Cost]:
    """Time every method alone, and those without further passes together, on images of noise.

    In each round the bare forward pass runs right before every method and is what it is divided
    by, so that other work on the machine changes both.

    Args:
        classifier: the network.
        methods: what to time.
        batch_size: images per pass, with one target each.
        peers: also their counterparts in other libraries.
        autocast: "none", "float16" or "bfloat16".
        channels_last: the memory format of the images.
        repeats: rounds.
        watch: wraps the rounds of the work to show progress.

    Raises:
        OptionError: a batch or a number of repeats below 1.
        ModelError: a network that fails.
    """
    for name, value in (("batch_size", batch_size), ("repeats", repeats)):
        if value < 1:
            raise OptionError(f"expected {name} of at least 1, but got {value}")
    noise = torch.randn(
        batch_size, 3, *classifier.input_hw, generator=torch.Generator().manual_seed(0)
    )
    images = noise.to(classifier.device, classifier.dtype)
    labels = [index % classifier.num_classes for index in range(batch_size)]
    with faster(classifier.module, autocast=autocast, channels_last=channels_last):
        bare = _Subject(BARE, lambda: _bare(classifier, images))
        subjects = _subjects(classifier, methods, images, labels, peers=peers)
        rounds = range(repeats + 1)
        for index in rounds if watch is None else watch(rounds, "rounds", len(rounds)):
            _round(bare, subjects, classifier.device, warm_up=index == 0)
        for subject in (bare, *subjects):
            _measure_memory(subject, classifier.device)
    bare.ratios = [1.0] * len(bare.seconds)
    return [_cost(subject, batch_size) for subject in (bare, *subjects)]


def _subjects(
    classifier: Classifier,
    methods: Sequence[PlannedMethod],
    images: Tensor,
    labels: Sequence[int],
    *,
    peers: bool,
) -> list[_Subject]:
    subjects: list[_Subject] = []
    prepared = pass_for([], classifier, images, labels)

    def ours(specs: list[Spec]) -> Run:
        def run() -> None:
            forward = pass_for(specs, classifier, images, labels)
            for spec in specs:
                METHODS[spec.name].maps(forward, spec.options)

        return run

    def theirs(spec: Spec) -> Run:  # it makes passes of its own
        return lambda: METHODS[spec.name].maps(prepared, spec.options)

    for planned in methods:
        spec = Spec(planned.method.name, planned.options)
        if isinstance(planned.method, PeerMethod):
            subjects.append(_Subject(planned.label, theirs(spec), planned.method.source))
        else:
            subjects.append(_Subject(planned.label, ours([spec])))
        subjects += [
            _Subject(str(peer), theirs(peer), METHODS[peer.name].source)
            for peer in (_peers_of(planned) if peers else ())
        ]
    cheap = [
        Spec(one.method.name, one.options)
        for one in methods
        if one.method.cost != "many" and not isinstance(one.method, PeerMethod)
    ]
    if len(cheap) > 1:
        subjects.append(_Subject(TOGETHER, ours(cheap)))
    return subjects


def _peers_of(planned: PlannedMethod) -> Iterator[Spec]:
    """The counterparts of a method whose library is installed."""
    for pair in COUNTERPARTS:
        if Spec.parse(pair.ours).name == planned.method.name:
            spec = Spec.parse(pair.theirs)
            if spec.name in METHODS:
                yield spec


def _bare(classifier: Classifier, images: Tensor) -> Tensor:
    with freeze(classifier.module), torch.no_grad():
        logits: Tensor = classifier.module(images)
        return logits


def _round(
    bare: _Subject, subjects: Sequence[_Subject], device: torch.device, *, warm_up: bool
) -> None:
    for subject in subjects or (bare,):
        if subject.done:
            continue
        once = _seconds(bare.run, device)
        try:
            taken = _seconds(subject.run, device)
        except (UnsupportedError, UsageError, MapError) as error:
            subject.failure = str(error)
            continue
        except WsolbenchError:
            raise
        except Exception as error:  # noqa: BLE001 - anybody's code: say what it does and go on
            subject.failure = f"{type(error).__name__}: {error}".splitlines()[0]
            continue
        if warm_up and taken < PATIENCE_S:
            continue
        bare.seconds.append(once)
        subject.seconds.append(taken)
        subject.ratios.append(taken / once)


def _seconds(run: Run, device: torch.device) -> float:
    """Wall time of a run, to the end of what it started on a GPU."""
    _wait(device)
    start = time.perf_counter()
    run()
    _wait(device)
    return time.perf_counter() - start


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _measure_memory(subject: _Subject, device: torch.device) -> None:
    if not subject.failure:
        subject.memory = peak_bytes(subject.run, device)


def _cost(subject: _Subject, batch_size: int) -> Cost:
    if subject.failure or not subject.seconds:
        reason = subject.failure or "nothing was timed"
        return Cost(subject.label, source=subject.source, failure=reason)
    low, middle, high = np.quantile(subject.ratios, (0.25, 0.5, 0.75)).tolist()
    return Cost(
        label=subject.label,
        passes=middle,
        spread=(low, high),
        seconds=float(np.median(subject.seconds)) / batch_size,
        memory_bytes=subject.memory,
        rounds=len(subject.seconds),
        source=subject.source,
    )
