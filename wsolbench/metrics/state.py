"""What every metric is: a frozen state of counts that can be added and computed.

States are sums, never means, so that batches, shards, workers and orders merge to identical
integers and memory does not grow with the data set.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np

from wsolbench.errors import InputError


def zeros(*shape: int) -> Any:
    """A `count` field that starts as an integer array of zeros."""
    return count(default_factory=lambda: np.zeros(shape, dtype=np.int64))


def count(**extra: Any) -> Any:
    """A dataclass field that is summed when states merge; other fields must be equal."""
    return dataclasses.field(metadata={"count": True}, **extra)


@dataclasses.dataclass(frozen=True, eq=False)
class State(ABC):
    """Counts of one metric.

    Subclasses are frozen dataclasses whose `count` fields are integers or integer arrays and whose
    other fields are settings. They offer ``of(...)`` (arrays of a batch -> state) and `compute`.
    """

    higher_is_better: ClassVar[bool] = True

    @abstractmethod
    def compute(self) -> float:
        """The metric as a fraction; NaN where nothing was counted."""

    def __add__(self, other: Self) -> Self:
        if type(self) is not type(other) or not _equal(self.settings(), other.settings()):
            raise InputError(
                f"expected states of one metric and its settings, but got {self!r} and {other!r}"
            )
        merged = {name: value + other.counts()[name] for name, value in self.counts().items()}
        return dataclasses.replace(self, **merged)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, State)
            and type(self) is type(other)
            and _equal(self.settings(), other.settings())
            and _equal(self.counts(), other.counts())
        )

    __hash__ = None  # type: ignore[assignment]

    def counts(self) -> dict[str, Any]:
        """The fields that are summed."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.metadata}

    def settings(self) -> dict[str, Any]:
        """The fields that are not."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if not f.metadata}

    def to_json(self) -> dict[str, Any]:
        """The counts as plain data, for a run's record."""
        return {name: np.asarray(value).tolist() for name, value in self.counts().items()}

    def from_json(self, data: dict[str, Any]) -> Self:
        """A state with the settings of this one and the counts of ``data``."""
        read = {
            name: np.array(data[name], dtype=np.int64)
            if isinstance(value, np.ndarray)
            else data[name]
            for name, value in self.counts().items()
        }
        return dataclasses.replace(self, **read)


def _equal(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[key], b[key]) for key in a)
