"""Batches of maps x protocols -> counts and a row per target and method."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wsolbench.metrics import TopK
from wsolbench.scorers import scorer_of
from wsolbench.scorers.base import Scorer, States, Targets, Task, merge

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wsolbench.protocol import Protocol

CLASSIFICATION_K = (1, 5)


class Evaluation:
    """Adds up the scores of one split.

    Args:
        protocols: every protocol to score under.
        task: what the data set asks for.

    Attributes:
        states: (method, protocol name) -> counts.
        classification: counts of the classifier's own top-k accuracy.
        rows: a dictionary per target and method.
        not_finite: method -> number of maps with NaN or infinity.
        seconds: protocol name -> time spent scoring.
    """

    def __init__(self, protocols: Iterable[Protocol], task: Task) -> None:
        self.scorers: list[Scorer] = [scorer_of(protocol, task) for protocol in protocols]
        self.states: dict[tuple[str, str], States] = {}
        self.classification = {f"top{k}": TopK(k) for k in CLASSIFICATION_K}
        self.rows: list[dict[str, Any]] = []
        self.not_finite: dict[str, int] = defaultdict(int)
        self.seconds: dict[str, float] = defaultdict(float)

    @property
    def reads_masks(self) -> bool:
        """Whether some protocol looks at masks."""
        return any(scorer.reads_masks for scorer in self.scorers)

    def add(self, targets: Targets, maps_of: Iterable[tuple[str, NDArray[np.floating]]]) -> None:
        """Score a batch.

        Args:
            targets: T targets.
            maps_of: pairs of a method's label and its raw maps ``[T, h, w]``.
        """
        for name, state in self.classification.items():
            self.classification[name] = state + TopK.of(targets.ranks, state.k)
        prepared = [self._timed(scorer, scorer.prepare, targets) for scorer in self.scorers]
        for method, raw in maps_of:
            maps = np.asarray(raw, dtype=np.float64)
            finite = np.isfinite(maps).all((1, 2))
            self.not_finite[method] += int((~finite).sum())
            rows = self._plain_rows(method, targets, finite)
            for scorer, ready in zip(self.scorers, prepared, strict=True):
                scores = self._timed(scorer, scorer.score, maps, targets, ready)
                key = (method, scorer.protocol.name)
                self.states[key] = merge(self.states.get(key, {}), scores.states)
                for column, values in scores.rows.items():
                    for row, value in zip(rows, values, strict=True):
                        row[f"{scorer.protocol.name}.{column}"] = value
            self.rows += rows

    def _timed(self, scorer: Scorer, step: Any, *args: Any) -> Any:
        start = time.perf_counter()
        result = step(*args)
        self.seconds[scorer.protocol.name] += time.perf_counter() - start
        return result

    @staticmethod
    def _plain_rows(
        method: str, targets: Targets, finite: NDArray[np.bool_]
    ) -> list[dict[str, Any]]:
        return [
            {
                "method": method,
                "sample_id": truth.sample_id,
                "label": truth.label,
                "rank": int(rank),
                "boxes": len(truth.boxes_xyxy),
                "finite": bool(ok),
            }
            for truth, rank, ok in zip(targets.truths, targets.ranks, finite, strict=True)
        ]


def report(
    test: Evaluation, calibration: Evaluation | None, methods: Sequence[str]
) -> list[dict[str, Any]]:
    """Every number of a run, a flat dictionary each: method, protocol, metric, policy, value."""
    return [
        {
            "method": method,
            "protocol": scorer.protocol.name,
            "metric": value.metric,
            "policy": value.policy,
            "value": value.value,
            "threshold": list(value.threshold),
            "total": value.total,
        }
        for method in methods
        for scorer in test.scorers
        for value in scorer.report(
            test.states.get((method, scorer.protocol.name), {}),
            calibration.states.get((method, scorer.protocol.name)) if calibration else None,
        )
    ]
