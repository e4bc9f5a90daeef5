"""The run: a plan, one pass over each split, a record."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from wsolbench.dataset import Dataset
from wsolbench.describe import describe
from wsolbench.errors import DataError, OptionError
from wsolbench.models import Classifier
from wsolbench.plan import Plan, find_device, make_plan
from wsolbench.precision import faster
from wsolbench.settings import (
    DEFAULT_DATASET,
    DEFAULT_METHODS,
    DEFAULT_MODEL,
    DEFAULT_PROTOCOLS,
    Settings,
    specs_of,
)
from wsolbench.spec import Spec
from wsolbench.split_run import SplitRun
from wsolbench.store import Record, check_writable, plain, run_folder, scratch_folder
from wsolbench.tally import Watch


def evaluate(
    model: str | nn.Module | Classifier = DEFAULT_MODEL,
    dataset: str | Dataset = DEFAULT_DATASET,
    *,
    methods: str | Spec | Iterable[str | Spec] = DEFAULT_METHODS,
    protocols: str | Spec | Iterable[str | Spec] = DEFAULT_PROTOCOLS,
    weights: str | Path | None = None,
    data_root: str | Path | None = None,
    layer: str | None = None,
    input_size: int | None = None,
    batch_size: int = 32,
    workers: int = 0,
    device: str | torch.device | None = None,
    limit: int | None = None,
    seed: int = 0,
    strict: bool = False,
    autocast: str = "none",
    channels_last: bool = False,
    results: str | Path | None = None,
    save_maps: bool = False,
    watch: Watch | None = None,
) -> Record:
    """Score methods on a data set.

    Args:
        model: a network that maps ``[B, 3, H, W]`` to logits ``[B, K]`` and was trained with the
            mean and standard deviation of ImageNet (it is given back as it was), a `Classifier`
            of `wsolbench.models.as_classifier`, or the name of a network.
        dataset: name, or a `wsolbench.dataset.Dataset` of your own.
        methods: names or specs such as ``"random(seed=1)"``, or "all".
        protocols: names or specs, or "all".
        weights: of a network given by name: "imagenet", "none", or a file; its own by default.
        data_root: folder that holds the data.
        layer: target layer by its dotted name; found by itself where ``None``.
        input_size: side of the square that images are warped to; 224 where ``None``.
        batch_size: images per forward pass.
        workers: processes that decode images; 0 decodes in this one.
        device: where the network runs; where it is where ``None`` (the CPU for a name).
        limit: only the first images of each split.
        seed: of random weights, and of methods that draw from torch; methods with a ``seed``
            option of their own go by that.
        strict: refuse a split with any problem instead of leaving out what cannot be used.
        autocast: "float16" or "bfloat16" lets the network compute in half precision, which can
            change a verdict; the record names it.
        channels_last: give the network images in that memory format, likewise.
        results: folder to save the run below; not saved where ``None``.
        save_maps: keep the raw maps of the test split in the run's folder, as ``.npy`` files.
        watch: wraps the batches of a split to show progress; `wsolbench.progress.watch_batches`.

    Returns:
        The record; ``record.frame()`` is a table of its numbers.

    Raises:
        UsageError: a name or option that does not exist.
        DataError: no data where it should be, or a problem in strict mode.
        ModelError: a network or weights that do not fit.
        MapError: a method that fails, or returns something else than maps.
        RecordError: the results folder cannot be written.
    """
    started = time.perf_counter()
    settings = Settings(
        methods=specs_of(methods, "method"),
        protocols=specs_of(protocols, "protocol"),
        weights=None if weights is None else str(weights),
        data_root=None if data_root is None else Path(data_root),
        layer=layer,
        input_size=input_size,
        batch_size=batch_size,
        workers=workers,
        device=None if device is None else str(device),
        limit=limit,
        seed=seed,
        strict=strict,
        autocast=autocast,
        channels_last=channels_last,
    )
    if results is not None:
        check_writable(Path(results))
    elif save_maps:
        raise OptionError("raw maps are saved with the run; expected results, the folder for it")
    with ExitStack() as stack:
        stack.enter_context(_random_state(seed))
        stack.enter_context(_moved(model, settings.device))
        plan = make_plan(model, dataset, settings)
        network = plan.classifier.module
        stack.enter_context(faster(network, autocast=autocast, channels_last=channels_last))
        maps = None
        if results is not None:
            folder = run_folder(Path(results), str(plan.dataset.spec), plan.classifier.name)
            check_writable(folder)
            maps = stack.enter_context(scratch_folder(folder)) if save_maps else None
        prepared = time.perf_counter()
        plan, runs = _run(plan, watch, maps)
        seconds = {"prepare": prepared - started, "total": time.perf_counter() - started}
        data = describe(plan, runs, _config(plan, model, dataset), seconds)
        record = Record(plain(data), runs[plan.test.name].rows())
        return record if results is None else record.save(Path(results), maps)


def _run(plan: Plan, watch: Watch | None, maps: Path | None) -> tuple[Plan, dict[str, SplitRun]]:
    """Pass over every split; one to calibrate on that cannot be used is left out of the plan."""
    runs: dict[str, SplitRun] = {}
    for split in plan.splits:
        run = SplitRun(plan, split, maps if split is plan.test else None).run(watch)
        if run.scored:
            runs[split.name] = run
        elif split is plan.test:
            raise DataError(run.nothing_scored)
        else:
            plan = plan.without_calibration(run.nothing_scored)
    return plan, runs


def _config(
    plan: Plan, model: str | nn.Module | Classifier, dataset: str | Dataset
) -> Mapping[str, Any]:
    """What to ask for to get the same run; ``None`` for a network or data set without a name."""
    return {
        "model": model if isinstance(model, str) else None,
        "dataset": dataset if isinstance(dataset, str) else None,
        **plan.settings.plain(),
        "methods": [planned.label for planned in plan.methods],
        "protocols": [protocol.label for protocol in plan.protocols],
    }


@contextmanager
def _random_state(seed: int) -> Iterator[None]:
    """Draw from torch as ``seed`` says; afterwards the caller's random state is as it was."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


@contextmanager
def _moved(model: object, device: str | None) -> Iterator[None]:
    """Bring a module of the caller's to a device, and back to where it was."""
    module = model.module if isinstance(model, Classifier) else model
    parameter = next(module.parameters(), None) if isinstance(module, nn.Module) else None
    if device is None or parameter is None or not isinstance(module, nn.Module):
        yield
        return
    home = parameter.device
    try:
        module.to(find_device(device))
        yield
    finally:
        module.to(home)
