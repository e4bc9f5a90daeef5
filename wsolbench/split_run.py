"""One pass over one split: batches -> shared forward -> maps of every method -> counts and rows."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from wsolbench.errors import DataError
from wsolbench.evaluate import Evaluation
from wsolbench.forward import Forward, run_forward
from wsolbench.images import Batch, InputTransform, load_batches
from wsolbench.metrics.classification import label_ranks
from wsolbench.sample import Problem, Split, Truth
from wsolbench.scorers.base import Targets, Task

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from wsolbench.plan import Plan, PlannedMethod

Watch = Callable[[Iterable[Batch], str, int], Iterable[Batch]]


class SplitRun:
    """Everything that one pass over a split adds up.

    Attributes:
        split: what was read.
        evaluation: counts and rows.
        problems: what could not be used, with the reason.
        scored: ids of the images that were scored, in order.
        rescaled: how many files have another size than their annotations' official one.
        seconds: phase -> time; "load" is the time spent waiting for images.
        method_seconds: method -> time for its maps, beyond the shared forward pass.
    """

    def __init__(self, plan: Plan, split: Split) -> None:
        self.plan, self.split = plan, split
        task = Task(len(plan.dataset.classes), plan.dataset.pointing_region)
        self.evaluation = Evaluation(plan.protocols, task)
        self.problems: list[Problem] = list(split.problems)
        self.scored: list[str] = []
        self.rescaled = 0
        self.seconds: dict[str, float] = defaultdict(float)
        self.method_seconds: dict[str, float] = defaultdict(float)

    def run(self, *, batch_size: int, workers: int, strict: bool, watch: Watch | None) -> SplitRun:
        """Pass over the split once.

        Raises:
            DataError: a problem in strict mode.
        """
        if strict:
            self._refuse_problems()
        classifier = self.plan.classifier
        batches: Iterable[Batch] = load_batches(
            self.split.samples,
            InputTransform(classifier.mean, classifier.std, classifier.input_hw),
            batch_size=batch_size,
            workers=workers,
            masks=self.evaluation.reads_masks,
            pin_memory=classifier.device.type == "cuda",
        )
        total = -(-len(self.split.samples) // batch_size)
        if watch is not None:
            batches = watch(batches, self.split.name, total)
        waiting = time.perf_counter()
        for batch in batches:
            self.seconds["load"] += time.perf_counter() - waiting
            self.problems += batch.problems
            if strict:
                self._refuse_problems()
            self.rescaled += batch.rescaled
            self._add(batch)
            waiting = time.perf_counter()
        return self

    def _refuse_problems(self) -> None:
        if self.problems:
            first = self.problems[0]
            raise DataError(
                f"{len(self.problems)} problems in {self.split.name} of {self.split.dataset}, "
                f"and --strict was given; the first: {first.id}: {first.reason}"
            )

    def _add(self, batch: Batch) -> None:
        pairs = [(i, truth) for i, truths in enumerate(batch.truths) for truth in truths]
        self.scored += [sample.id for sample in batch.samples]
        if not pairs:
            return
        start = time.perf_counter()
        forward = run_forward(
            self.plan.classifier,
            batch.images,
            image_index=[i for i, _ in pairs],
            labels=[truth.label for _, truth in pairs],
            keys=[truth.key for _, truth in pairs],
            layers=self.plan.layers,
            gradients=self.plan.needs_gradients,
        )
        targets = _targets(forward, [truth for _, truth in pairs])
        self.seconds["forward"] += time.perf_counter() - start
        self.evaluation.add(targets, self._maps(forward))

    def _maps(self, forward: Forward) -> Iterator[tuple[str, NDArray[np.float32]]]:
        for planned in self.plan.methods:
            yield planned.label, self._timed_maps(planned, forward)

    def _timed_maps(self, planned: PlannedMethod, forward: Forward) -> NDArray[np.float32]:
        start = time.perf_counter()
        maps: NDArray[np.float32] = planned.method.maps(forward, planned.options).cpu().numpy()
        self.method_seconds[planned.label] += time.perf_counter() - start
        return maps

    def rows(self) -> pd.DataFrame:
        """A row per target and method."""
        import pandas as pd

        return pd.DataFrame(self.evaluation.rows)


def _targets(forward: Forward, truths: list[Truth]) -> Targets:
    logits = forward.logits.float().cpu().numpy()
    index = forward.image_index.cpu().numpy()
    return Targets(truths, label_ranks(logits[index], [truth.label for truth in truths]))
