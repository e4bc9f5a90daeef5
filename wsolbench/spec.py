"""Specs: how a user names a method or protocol with options, as in ``random(seed=1,grid=7)``."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wsolbench.errors import OptionError

_SPEC = re.compile(r"\s*(?P<name>[^()\s,]+)\s*(?:\((?P<options>.*)\))?\s*", re.DOTALL)


@dataclass(frozen=True)
class Spec:
    """A name with options.

    Attributes:
        name: of a method or protocol.
        options: only those that were given.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Spec:
        """Read one spec; values are Python literals, anything else is taken as text.

        Raises:
            OptionError: the text is no spec.

        >>> Spec.parse("random(seed=1)")
        Spec(name='random', options={'seed': 1})
        """
        match = _SPEC.fullmatch(text)
        if match is None:
            raise OptionError(f"expected name or name(option=value,...), but got {text!r}")
        options: dict[str, Any] = {}
        for part in _split(match["options"] or ""):
            key, value = _option(part, text)
            if key in options:
                raise OptionError(f"expected every option once, but got {key} twice in {text!r}")
            options[key] = value
        return cls(match["name"], options)

    def __str__(self) -> str:
        """The canonical form: options sorted, values as literals where they are not plain words."""
        if not self.options:
            return self.name
        pairs = ",".join(f"{key}={value}" for key, value in sorted(self.options.items()))
        return f"{self.name}({pairs})"

    def __hash__(self) -> int:
        return hash(str(self))


def parse_specs(text: str) -> list[Spec]:
    """Read specs separated by commas; commas inside parentheses belong to the options.

    >>> [str(spec) for spec in parse_specs("cam, random(seed=1,grid=7)")]
    ['cam', 'random(grid=7,seed=1)']
    """
    return [Spec.parse(part) for part in _split(text)]


def _split(text: str) -> list[str]:
    """The parts between commas that stand in no bracket; empty parts are left out."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part for part in parts if part.strip()]


def _option(part: str, text: str) -> tuple[str, Any]:
    key, equals, value = part.partition("=")
    if not equals or not key.strip().isidentifier():
        raise OptionError(f"expected option=value inside the parentheses of {text!r}, got {part!r}")
    try:
        return key.strip(), ast.literal_eval(value.strip())
    except (SyntaxError, ValueError):
        return key.strip(), value.strip()
