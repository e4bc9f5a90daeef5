"""The one exception tree of wsolbench.

WsolbenchError              anything that the suite refuses; one clear line, exit code 1
├── UsageError              the request cannot be meant as it stands; exit code 2
│   ├── UnknownNameError    no such method, data set, model, protocol or layer; lists close matches
│   └── OptionError         an option that does not exist or whose value is out of range
├── InputError              an array of wrong shape, dtype or range (also a ValueError)
├── DataError               a data set that is not where, or not what, it should be
│   └── SampleError         one image or annotation that cannot be used; counted, not fatal
├── ModelError              a network or weights that do not fit
│   └── UnsupportedError    a method that this network cannot serve; names those that work
├── MapError                a method returned maps of a wrong shape or with NaN
└── RecordError             a run's record that is missing, damaged or cannot be written
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class WsolbenchError(Exception):
    """Base of every error that wsolbench raises on purpose."""

    exit_code = 1


class UsageError(WsolbenchError):
    """The request cannot be meant as it stands."""

    exit_code = 2


class UnknownNameError(UsageError, KeyError):
    """A name that does not exist among those that do.

    Args:
        kind: what was looked for, for example "method".
        name: the name that came.
        known: every name that exists.
        hint: what to do next, appended to the message.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        close = difflib.get_close_matches(name, self.known, n=3, cutoff=0.5)
        meant = f" Did you mean {_listed(close)}?" if close else ""
        exists = f" Known: {_listed(self.known)}." if len(self.known) <= 60 else ""
        super().__init__(f"unknown {kind} {name!r}.{meant}{exists}{' ' + hint if hint else ''}")

    def __str__(self) -> str:  # KeyError would show the repr
        return str(self.args[0])


class OptionError(UsageError, ValueError):
    """An option that does not exist or whose value is out of range."""


class InputError(WsolbenchError, ValueError):
    """An array of wrong shape, dtype or range."""


class DataError(WsolbenchError):
    """A data set that is not where, or not what, it should be."""


class SampleError(DataError):
    """One image or annotation that cannot be used: named and counted, the run goes on."""


class ModelError(WsolbenchError):
    """A network or weights that do not fit."""


class UnsupportedError(ModelError):
    """A method that this network cannot serve."""


class MapError(WsolbenchError):
    """A method returned maps of a wrong shape or with values that are not finite."""


class RecordError(WsolbenchError):
    """A run's record that is missing, damaged or cannot be written."""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
