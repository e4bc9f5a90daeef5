"""What goes into a run's ``record.json``: provenance, counts and numbers, as plain data."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wsolbench import provenance
from wsolbench.dataset import TEST, TRAIN_FULLSUP
from wsolbench.evaluation import Evaluation, report
from wsolbench.store import SCHEMA, new_run_id

if TYPE_CHECKING:
    from wsolbench.dataset import Dataset
    from wsolbench.models import Classifier
    from wsolbench.plan import Plan, PlannedMethod
    from wsolbench.protocol import Protocol
    from wsolbench.sample import Problem
    from wsolbench.tally import Tally

PROBLEMS_LISTED = 100


def describe(
    plan: Plan,
    runs: Mapping[str, Tally],
    config: Mapping[str, Any],
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Everything that is known of a run of a network.

    Args:
        plan: what was done.
        runs: split name -> what it added up.
        config: what to ask for to get the same run.
        seconds: phase -> time.
    """
    return assemble(
        card=plan.dataset,
        runs=runs,
        no_calibration=plan.no_calibration,
        device=str(plan.classifier.device),
        model=_model(plan.classifier),
        methods=[_method(planned) for planned in plan.methods],
        left_out=plan.left_out,
        protocols=plan.protocols,
        config=config,
        seconds=seconds,
    )


def assemble(
    *,
    card: Dataset,
    runs: Mapping[str, Tally],
    no_calibration: str,
    device: str,
    model: Mapping[str, Any],
    methods: Sequence[Mapping[str, Any]],
    left_out: Mapping[str, str],
    protocols: Sequence[Protocol],
    config: Mapping[str, Any],
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """A record's content from its parts; ``runs`` are those of test and, if any, train-fullsup."""
    test, calibration = runs[TEST].evaluation, runs.get(TRAIN_FULLSUP)
    labels = [method["label"] for method in methods]
    return {
        "schema": SCHEMA,
        "run_id": new_run_id(),
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": provenance.versions(),
        "commit": provenance.commit(),
        "machine": provenance.machine(device),
        "config": dict(config),
        "dataset": {
            "name": card.name,
            "spec": str(card.spec),
            "title": card.title,
            "revision": card.revision,
            "classes": len(card.classes),
            "annotations": list(card.annotations),
            "splits": {name: _split(run) for name, run in runs.items()},
            "no_calibration": no_calibration,
        },
        "model": model,
        "methods": methods,
        "left_out": left_out,
        "protocols": [
            {"label": one.label, "fingerprint": one.fingerprint, "facts": one.facts()}
            for one in protocols
        ],
        "classification": {
            name: {"value": state.compute(), **state.to_json()}
            for name, state in test.classification.items()
            if state.total
        },
        "metrics": report(test, None if calibration is None else calibration.evaluation, labels),
        "not_finite": _not_finite(test),
        "seconds": _seconds(runs, seconds),
        "counts": {name: _counts(run) for name, run in runs.items()},
    }


def _split(run: Tally) -> dict[str, Any]:
    listed = run.problems[:PROBLEMS_LISTED]
    return {
        "images": len(run.scored),
        "targets": run.targets,
        "expected_images": run.split.expected_images,
        "rescaled": run.rescaled,
        "logits_not_finite": run.logits_not_finite,
        "images_digest": provenance.digest_of(run.scored),
        "problems": len(run.problems),
        "problems_listed": [_problem(problem) for problem in listed],
    }


def _problem(problem: Problem) -> dict[str, str]:
    return {"id": problem.id, "reason": problem.reason}


def _model(classifier: Classifier) -> dict[str, Any]:
    return {
        "name": classifier.name,
        "weights": classifier.weights,
        "digest": classifier.digest,
        "classes": classifier.num_classes,
        "input_hw": classifier.input_hw,
        "mean": classifier.mean,
        "std": classifier.std,
        "target_layer": classifier.target_layer,
        "head": None if classifier.head is None else classifier.head.layer,
    }


def _method(planned: PlannedMethod) -> dict[str, Any]:
    return {
        "label": planned.label,
        "name": planned.method.name,
        "options": planned.method.resolve(planned.options),
        "layers": planned.layers,
        "family": planned.method.family,
        "supervision": planned.method.supervision,
        "source": planned.method.source,
    }


def _not_finite(evaluation: Evaluation) -> dict[str, int]:
    """Method -> maps with NaN or infinity, of every method that had any."""
    return {method: count for method, count in evaluation.not_finite.items() if count}


def _seconds(runs: Mapping[str, Tally], seconds: Mapping[str, float]) -> dict[str, Any]:
    return {
        **_rounded(seconds),
        "splits": {
            name: {
                **_rounded(run.seconds),
                "methods": _rounded(run.method_seconds),
                "protocols": _rounded(run.evaluation.seconds),
            }
            for name, run in runs.items()
        },
    }


def _rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in seconds.items()}


def _counts(run: Tally) -> dict[str, Any]:
    """Method -> protocol -> name -> counts."""
    counts: dict[str, Any] = {}
    for (method, protocol), states in run.evaluation.states.items():
        counts.setdefault(method, {})[protocol] = {
            name: state.to_json() for name, state in states.items()
        }
    return counts
