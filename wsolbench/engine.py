"""The run: a plan, one pass over each split, a record."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from wsolbench import plan as planning
from wsolbench import provenance
from wsolbench.dataset import Dataset
from wsolbench.errors import OptionError
from wsolbench.evaluate import report
from wsolbench.models import Classifier
from wsolbench.plan import Plan
from wsolbench.spec import Spec
from wsolbench.split_run import SplitRun, Watch
from wsolbench.store import SCHEMA, Record, check_writable, new_run_id

PROBLEMS_LISTED = 100


def evaluate(
    model: str | nn.Module | Classifier = planning.DEFAULT_MODEL,
    dataset: str | Dataset = planning.DEFAULT_DATASET,
    *,
    methods: str | Iterable[str | Spec] = planning.ALL,
    protocols: str | Iterable[str | Spec] = planning.DEFAULT_PROTOCOLS,
    weights: str | Path | None = None,
    data_root: str | Path | None = None,
    layer: str | None = None,
    input_size: int = 224,
    batch_size: int = 32,
    workers: int = 0,
    device: str = "cpu",
    limit: int | None = None,
    seed: int = 0,
    strict: bool = False,
    results: str | Path | None = None,
    watch: Watch | None = None,
) -> Record:
    """Score methods on a data set.

    Args:
        model: a network that maps ``[B, 3, H, W]`` to logits ``[B, K]`` (given back as it was), or
            the name of one.
        dataset: name or card.
        methods: names or specs, or "all".
        protocols: names or specs, or "all".
        weights: of a model given by name: "imagenet", "none", or a file.
        data_root: folder that holds the data.
        layer: target layer; found by itself where ``None``.
        input_size: side of the square that images are warped to.
        batch_size: images per forward pass.
        workers: processes that decode images; 0 decodes in this one.
        device: where the network runs.
        limit: only the first images of each split.
        seed: of everything random.
        strict: refuse a split with any problem instead of leaving out what cannot be used.
        results: folder to save the run below; not saved where ``None``.
        watch: wraps the batches of a split to show progress.

    Returns:
        The record; ``record.frame()`` is a table of its numbers.

    Raises:
        UsageError: a name or option that does not exist.
        DataError: no data where it should be, or a problem in strict mode.
        ModelError: a network or weights that do not fit.
        RecordError: the results folder cannot be written.
    """
    started = time.perf_counter()
    if batch_size < 1 or workers < 0 or input_size < 1:
        raise OptionError(
            "expected batch_size and input_size of at least 1 and workers of at least 0, but got "
            f"{batch_size}, {input_size} and {workers}"
        )
    if results is not None:
        check_writable(Path(results))
    torch.manual_seed(seed)
    plan = planning.make_plan(
        model,
        dataset,
        methods=methods,
        protocols=protocols,
        weights=weights,
        data_root=data_root,
        layer=layer,
        input_size=input_size,
        device=device,
        limit=limit,
        seed=seed,
    )
    prepared = time.perf_counter()
    runs = {
        split.name: SplitRun(plan, split).run(
            batch_size=batch_size, workers=workers, strict=strict, watch=watch
        )
        for split in (plan.calibration, plan.test)
        if split is not None
    }
    config = {
        "model": model if isinstance(model, str) else plan.classifier.name,
        "dataset": plan.dataset.name,
        "methods": [planned.label for planned in plan.methods],
        "protocols": _plain(protocols),
        "weights": None if weights is None else str(weights),
        "data_root": None if data_root is None else str(data_root),
        "layer": layer,
        "input_size": input_size,
        "batch_size": batch_size,
        "workers": workers,
        "device": device,
        "limit": limit,
        "seed": seed,
        "strict": strict,
    }
    seconds = {"prepare": prepared - started, "total": time.perf_counter() - started}
    data = describe(plan, runs, config, seconds)
    record = Record(data, runs[plan.test.name].rows())
    return record if results is None else record.save(Path(results))


def describe(
    plan: Plan,
    runs: Mapping[str, SplitRun],
    config: Mapping[str, Any],
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Everything that goes into ``record.json``."""
    test = runs[plan.test.name]
    calibration = runs.get(plan.calibration.name) if plan.calibration else None
    labels = [planned.label for planned in plan.methods]
    return {
        "schema": SCHEMA,
        "run_id": new_run_id(),
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": provenance.versions(),
        "commit": provenance.commit(),
        "machine": provenance.machine(str(config["device"])),
        "config": dict(config),
        "dataset": {
            "name": plan.dataset.name,
            "title": plan.dataset.title,
            "revision": plan.dataset.revision,
            "classes": len(plan.dataset.classes),
            "splits": {name: _split(run) for name, run in runs.items()},
            "no_calibration": plan.no_calibration,
        },
        "model": _model(plan.classifier),
        "methods": [_method(planned) for planned in plan.methods],
        "left_out": plan.left_out,
        "protocols": [
            {"label": one.name, "fingerprint": one.fingerprint, "facts": one.facts()}
            for one in plan.protocols
        ],
        "classification": {
            name: {"value": state.compute(), **state.to_json()}
            for name, state in test.evaluation.classification.items()
        },
        "metrics": report(test.evaluation, calibration and calibration.evaluation, labels),
        "not_finite": dict(test.evaluation.not_finite),
        "seconds": _seconds(runs, seconds),
        "counts": {name: _counts(run) for name, run in runs.items()},
    }


def _split(run: SplitRun) -> dict[str, Any]:
    return {
        "images": len(run.scored),
        "targets": next(iter(run.evaluation.classification.values())).total,
        "expected_images": run.split.expected_images,
        "rescaled": run.rescaled,
        "images_digest": provenance.digest_of(run.scored),
        "problems": len(run.problems),
        "problems_listed": [
            {"id": problem.id, "reason": problem.reason}
            for problem in run.problems[:PROBLEMS_LISTED]
        ],
    }


def _model(classifier: Classifier) -> dict[str, Any]:
    return {
        "name": classifier.name,
        "weights": classifier.weights,
        "digest": classifier.digest,
        "classes": classifier.num_classes,
        "input_hw": list(classifier.input_hw),
        "mean": list(classifier.mean),
        "std": list(classifier.std),
        "target_layer": classifier.target_layer,
        "head": None if classifier.head is None else classifier.head.layer,
    }


def _method(planned: planning.PlannedMethod) -> dict[str, Any]:
    return {
        "label": planned.label,
        "name": planned.method.name,
        "options": planned.method.resolve(planned.options),
        "layers": list(planned.layers),
        "family": planned.method.family,
        "supervision": planned.method.supervision,
        "source": planned.method.source,
    }


def _seconds(runs: Mapping[str, SplitRun], seconds: Mapping[str, float]) -> dict[str, Any]:
    return {
        **{name: round(value, 4) for name, value in seconds.items()},
        "splits": {
            name: {
                **{phase: round(value, 4) for phase, value in run.seconds.items()},
                "methods": {m: round(value, 4) for m, value in run.method_seconds.items()},
                "protocols": {p: round(v, 4) for p, v in run.evaluation.seconds.items()},
            }
            for name, run in runs.items()
        },
    }


def _counts(run: SplitRun) -> dict[str, Any]:
    counts: dict[str, Any] = {}
    for (method, protocol), states in run.evaluation.states.items():
        plain = {name: state.to_json() for name, state in states.items()}
        counts.setdefault(method, {})[protocol] = plain
    return counts


def _plain(given: str | Iterable[str | Spec]) -> str | list[str]:
    return given if isinstance(given, str) else [str(one) for one in given]
