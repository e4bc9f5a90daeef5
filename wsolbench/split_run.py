"""One pass over one split: batches -> shared forward -> maps of every method -> counts and rows."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from wsolbench.errors import DataError, MapError, ModelError, OptionError
from wsolbench.evaluation import Evaluation
from wsolbench.forward import Forward, run_forward
from wsolbench.images import Batch, InputTransform, load_batches
from wsolbench.sample import Problem, Split
from wsolbench.scorers.base import Task
from wsolbench.targets import Pair, shown_pairs, targets_of, with_predictions

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
        logits_not_finite: how many images the network gives NaN or infinity for.
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
        self.logits_not_finite = 0
        self.rescaled = 0
        self.seconds: dict[str, float] = defaultdict(float)
        self.method_seconds: dict[str, float] = defaultdict(float)

    def run(self, watch: Watch | None = None) -> SplitRun:
        """Pass over the split once.

        Args:
            watch: gets the batches, the split's name and its number of images, and passes the
                batches on.

        Raises:
            DataError: a problem in strict mode.
            MapError: a method that fails, or returns something else than maps.
            ModelError: a network that fails.
        """
        self._refuse_problems_if_strict()
        batches: Iterable[Batch] = self._batches()
        if watch is not None:
            batches = watch(batches, self.split.name, len(self.split.samples))
        try:
            self._add_all(batches)
        finally:
            if isinstance(batches, Generator):
                batches.close()  # takes the progress bar down before an error is shown
        return self

    def _add_all(self, batches: Iterable[Batch]) -> None:
        waiting = time.perf_counter()
        for batch in batches:
            self.seconds["load"] += time.perf_counter() - waiting
            self.problems += batch.problems
            self._refuse_problems_if_strict()
            self.rescaled += batch.rescaled
            self._score(batch)
            waiting = time.perf_counter()

    @property
    def targets(self) -> int:
        """How many pairs of image and class shown in it were scored."""
        return next(iter(self.evaluation.classification.values())).total

    @property
    def nothing_scored(self) -> str:
        """Why a split without any usable image is refused."""
        first = self.problems[0] if self.problems else Problem(self.split.name, "no images")
        return (
            f"none of the {len(self.split.samples)} images of {self.split.dataset} "
            f"{self.split.name} can be used; the first: {first.id}: {first.reason}"
        )

    def rows(self) -> pd.DataFrame:
        """A row per target and method."""
        import pandas as pd

        return pd.DataFrame(self.evaluation.rows)

    def _batches(self) -> Iterator[Batch]:
        classifier, settings = self.plan.classifier, self.plan.settings
        return load_batches(
            self.split.samples,
            InputTransform(classifier.mean, classifier.std, classifier.input_hw),
            batch_size=settings.batch_size,
            workers=settings.workers,
            masks=self.evaluation.reads_masks,
            pin_memory=classifier.device.type == "cuda",
        )

    def _refuse_problems_if_strict(self) -> None:
        if self.problems and self.plan.settings.strict:
            first = self.problems[0]
            raise DataError(
                f"{first.id}: {first.reason} (the first of {len(self.problems)} problems in "
                f"{self.split.dataset} {self.split.name}; without --strict they are left out)"
            )

    def _score(self, batch: Batch) -> None:
        pairs = shown_pairs(batch)
        start = time.perf_counter()
        if self.evaluation.reads_predictions and batch.samples:
            pairs = with_predictions(pairs, batch, _logits(self._forward(batch, [])))
        self.scored += [sample.id for sample in batch.samples]
        if not pairs:
            return
        forward = self._forward(batch, pairs)
        logits = _logits(forward)
        targets = targets_of(pairs, logits)
        self.logits_not_finite += int((~np.isfinite(logits).all(1)).sum())
        self.seconds["forward"] += time.perf_counter() - start
        self.evaluation.add(targets, self._maps(forward))
        self._leave_out_refused(batch)

    def _leave_out_refused(self, batch: Batch) -> None:
        """Images whose ground truth the protocols refuse are problems, not scored."""
        refused = [
            Problem(sample.id, self.evaluation.refused[sample.id])
            for sample in batch.samples
            if sample.id in self.evaluation.refused
        ]
        self.problems += refused
        gone = {problem.id for problem in refused}
        self.scored = [name for name in self.scored if name not in gone] if gone else self.scored
        self._refuse_problems_if_strict()

    def _forward(self, batch: Batch, pairs: Sequence[Pair]) -> Forward:
        try:
            return run_forward(
                self.plan.classifier,
                batch.images,
                image_index=[pair.image for pair in pairs],
                labels=[pair.truth.label for pair in pairs],
                keys=[pair.truth.key for pair in pairs],
                layers=self.plan.layers if pairs else (),
                gradients=self.plan.needs_gradients and bool(pairs),
            )
        except torch.cuda.OutOfMemoryError as error:
            raise ModelError(_out_of_memory(self.plan.classifier.name)) from error

    def _maps(self, forward: Forward) -> Iterator[tuple[str, NDArray[np.float32]]]:
        for planned in self.plan.methods:
            start = time.perf_counter()
            maps = _maps_of(planned, forward)
            self.method_seconds[planned.label] += time.perf_counter() - start
            yield planned.label, maps


def _maps_of(planned: PlannedMethod, forward: Forward) -> NDArray[np.float32]:
    try:
        maps: NDArray[np.float32] = planned.method.maps(forward, planned.options).cpu().numpy()
    except (MapError, ModelError, OptionError):
        raise
    except torch.cuda.OutOfMemoryError as error:
        raise MapError(_out_of_memory(f"method {planned.label}")) from error
    except Exception as error:  # code of anybody's: say whose it is
        raise MapError(
            f"method {planned.label} failed in the batch that starts with {forward.keys[0]}: "
            f"{type(error).__name__}: {error}"
        ) from error
    return maps


def _out_of_memory(what: str) -> str:
    return f"{what} runs out of memory on this device; choose a smaller --batch-size"


def _logits(forward: Forward) -> NDArray[np.float32]:
    logits: NDArray[np.float32] = forward.logits.float().cpu().numpy()
    return logits
