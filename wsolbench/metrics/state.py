"""What every metric is: a frozen state of counts that can be added and computed.

States are sums, never means, so that batches, shards, workers and orders merge to identical
integers and memory does not grow with the data set. The one exception are `rows`, for metrics that
rank all targets of a data set at once: they are kept sorted, so that orders still do not matter.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np

from wsolbench.errors import InputError, RecordError


def zeros(*shape: int) -> Any:
    """A `count` field that starts as an integer array of zeros."""
    return count(default_factory=lambda: np.zeros(shape, dtype=np.int64))


def count(**extra: Any) -> Any:
    """A dataclass field that is summed when states merge; other fields must be equal."""
    return dataclasses.field(metadata={"merge": _added}, **extra)


def rows(width: int) -> Any:
    """A dataclass field ``[n, width]`` float64 whose rows are gathered when states merge.

    They come in any order; `State.counts` has them sorted.
    """
    return dataclasses.field(
        default_factory=lambda: np.zeros((0, width)), metadata={"merge": _gathered}
    )


def _added(a: Any, b: Any) -> Any:
    return a + b


def _gathered(a: Any, b: Any) -> Any:
    return np.concatenate([a, b])


@dataclasses.dataclass(frozen=True, eq=False)
class State(ABC):
    """Counts of one metric.

    Subclasses are frozen dataclasses whose `count` fields are integers or integer arrays, whose
    `rows` are float arrays, and whose other fields are settings. They offer ``of(...)`` (arrays of
    a batch -> state) and `compute`.
    """

    higher_is_better: ClassVar[bool] = True

    @abstractmethod
    def compute(self) -> float:
        """The metric as a fraction; NaN where nothing was counted."""

    def __add__(self, other: Self) -> Self:
        if type(self) is not type(other) or not _equal(self.settings(), other.settings()):
            raise InputError(
                f"expected states of one metric with the same settings, but got "
                f"{type(self).__name__} and {type(other).__name__}"
            )
        merged = {
            f.name: f.metadata["merge"](getattr(self, f.name), getattr(other, f.name))
            for f in dataclasses.fields(self)
            if f.metadata
        }
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
        """The fields that are summed, and the rows that are gathered, sorted."""
        return {
            f.name: _sorted(getattr(self, f.name)) for f in dataclasses.fields(self) if f.metadata
        }

    def settings(self) -> dict[str, Any]:
        """The fields that are not."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if not f.metadata}

    def to_json(self) -> dict[str, Any]:
        """The counts as plain data, for a run's record."""
        return {name: np.asarray(value).tolist() for name, value in self.counts().items()}

    def from_json(self, data: dict[str, Any]) -> Self:
        """A state with the settings of this one and the counts of ``data``."""
        read = {}
        for name, value in self.counts().items():
            try:
                read[name] = _like(value, data[name])
            except (KeyError, TypeError, ValueError) as error:
                raise RecordError(
                    f"expected counts {', '.join(self.counts())} of {type(self).__name__} in the "
                    f"record, but {name} is missing or does not fit"
                ) from error
        return dataclasses.replace(self, **read)


def _sorted(value: Any) -> Any:
    """Rows in lexical order; anything else as it is."""
    if isinstance(value, np.ndarray) and value.dtype == np.float64:
        return value[np.lexsort(value.T[::-1])]
    return value


def _like(value: Any, data: Any) -> Any:
    """``data`` as a number or as an array of the kind and shape of ``value``, rows aside."""
    if not isinstance(value, np.ndarray):
        return int(data)
    array = np.array(data, dtype=value.dtype)
    if value.dtype == np.float64:
        return array.reshape(-1, value.shape[1])
    if array.shape != value.shape:
        raise ValueError(array.shape)
    return array


def _equal(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[key], b[key]) for key in a)
