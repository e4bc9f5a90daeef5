"""Targets to score in tests."""

from __future__ import annotations

import numpy as np

from wsolbench.evaluation import Evaluation, report
from wsolbench.protocol import Protocol, resolve_protocol
from wsolbench.sample import Truth
from wsolbench.scorers.base import Targets, Task


def truth(
    image, label=0, boxes=(), size_wh=(40, 30), *, difficult=None, mask=None, ignore=None, others=()
):
    """The truth of one target; boxes are not difficult unless said."""
    array = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    hard = np.zeros(len(array), bool) if difficult is None else np.array(difficult, bool)
    return Truth(str(image), label, size_wh, array, hard, mask, ignore, tuple(others))


def targets(*truths, ranks=None, **more):
    """A batch; every label is the network's first choice unless ranks are given."""
    places = np.zeros(len(truths), np.int64) if ranks is None else np.array(ranks, np.int64)
    return Targets(list(truths), places, **{k: np.array(v) for k, v in more.items()})


def evaluate(protocol, batch, maps, num_classes=5, pointing_region="boxes"):
    """An evaluation of one method "m" on one batch."""
    protocols = protocol if isinstance(protocol, list) else [protocol]
    resolved = [p if isinstance(p, Protocol) else resolve_protocol(p) for p in protocols]
    evaluation = Evaluation(resolved, Task(num_classes, pointing_region))
    evaluation.add(batch, [("m", np.asarray(maps, dtype=np.float64))])
    return evaluation


def numbers(evaluation, calibration=None):
    """(metric, policy) -> value of method "m" under the only protocol."""
    return {
        (entry["metric"], entry["policy"]): entry["value"]
        for entry in report(evaluation, calibration, ["m"])
    }
