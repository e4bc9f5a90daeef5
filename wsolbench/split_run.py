"""One pass over one split: batches -> shared forward -> maps of every method -> counts and rows."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from wsolbench.errors import MapError, ModelError, OptionError
from wsolbench.forward import Forward, run_forward
from wsolbench.images import Batch, InputTransform, load_batches
from wsolbench.mapfiles import method_folder, write_map
from wsolbench.sample import Split
from wsolbench.tally import Tally, Watch
from wsolbench.targets import Pair, shown_pairs, targets_of, with_predictions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wsolbench.plan import Plan, PlannedMethod


class SplitRun(Tally):
    """One pass of a network over a split.

    Args:
        plan: what to do.
        split: one of the plan's.
        maps: folder to keep the raw maps in, a folder per method; not kept where ``None``.
    """

    def __init__(self, plan: Plan, split: Split, maps: Path | None = None) -> None:
        super().__init__(plan.dataset, split, plan.protocols, strict=plan.settings.strict)
        self.plan, self.maps = plan, maps

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
        self.refuse_problems_if_strict()
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
            self.refuse_problems_if_strict()
            self.rescaled += batch.rescaled
            self._score(batch)
            waiting = time.perf_counter()

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
        self.evaluation.add(targets, self._maps(forward, pairs, batch))
        self.leave_out_refused(batch.samples)

    def _forward(self, batch: Batch, pairs: Sequence[Pair]) -> Forward:
        try:
            return run_forward(
                self.plan.classifier,
                batch.images,
                image_index=[pair.image for pair in pairs],
                labels=[pair.truth.label for pair in pairs],
                keys=[pair.truth.key for pair in pairs],
                layers=self.plan.layers if pairs else (),
                needs=self.plan.needs if pairs else (),
            )
        except torch.cuda.OutOfMemoryError as error:
            raise ModelError(_out_of_memory(self.plan.classifier.name)) from error

    def _maps(
        self, forward: Forward, pairs: Sequence[Pair], batch: Batch
    ) -> Iterator[tuple[str, NDArray[np.float32]]]:
        for planned in self.plan.methods:
            start = time.perf_counter()
            maps = _maps_of(planned, forward)
            self.method_seconds[planned.label] += time.perf_counter() - start
            if self.maps is not None:
                for pair, score_map in zip(pairs, maps, strict=True):
                    if pair.shown:
                        sample, label = batch.samples[pair.image], pair.truth.label
                        folder = method_folder(self.maps, planned.label)
                        write_map(folder, sample, label, score_map)
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
