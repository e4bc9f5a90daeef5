"""The settings of a run: every option of `wsolbench.evaluate`, checked and plain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from wsolbench.errors import OptionError
from wsolbench.spec import Spec, parse_specs

DEFAULT_DATASET, DEFAULT_MODEL = "digit-scenes", "digit-net"
ALL = "all"
DEFAULT_METHODS = ALL
DEFAULT_PROTOCOLS = ("wsol2020", "pointing-game")
DEFAULT_INPUT_SIZE = 224
AUTOCAST = ("none", "float16", "bfloat16")

_LEAST = {"input_size": 1, "batch_size": 1, "workers": 0, "limit": 1, "seed": 0}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a run is asked for, besides its network and data set.

    Attributes:
        methods: specs; the name "all" stands for every one that the network can serve.
        protocols: specs; the name "all" stands for every one.
        weights: of a network given by name; ``None`` for its default.
        data_root: folder that holds the data.
        layer: target layer; found by itself where ``None``.
        input_size: side of the square that images are warped to; ``None`` for the default.
        batch_size: images per forward pass.
        workers: processes that decode images.
        device: where the network runs; ``None`` for where it is.
        limit: only the first images of each split.
        seed: of random weights, and of methods that draw random numbers from torch.
        strict: refuse a split with any problem.
        autocast: "none", or the half precision of `AUTOCAST` that the network may compute in.
        channels_last: whether the network gets images in that memory format.

    Raises:
        OptionError: a value that is out of range.
    """

    methods: tuple[Spec, ...]
    protocols: tuple[Spec, ...]
    weights: str | None = None
    data_root: Path | None = None
    layer: str | None = None
    input_size: int | None = None
    batch_size: int = 32
    workers: int = 0
    device: str | None = None
    limit: int | None = None
    seed: int = 0
    strict: bool = False
    autocast: str = "none"
    channels_last: bool = False

    def __post_init__(self) -> None:
        if self.autocast not in AUTOCAST:
            raise OptionError(
                f"expected autocast to be one of {', '.join(AUTOCAST)}, but got {self.autocast!r}"
            )
        optional = {field.name for field in fields(self) if field.default is None}
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is None and name in optional:
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise OptionError(
                    f"expected {name} to be a whole number of at least {least}, but got {value!r}"
                )

    def plain(self) -> dict[str, Any]:
        """The settings as plain data, to be given to `wsolbench.evaluate` again."""
        return {
            **{field.name: getattr(self, field.name) for field in fields(self)},
            "methods": [str(spec) for spec in self.methods],
            "protocols": [str(spec) for spec in self.protocols],
            "data_root": None if self.data_root is None else str(self.data_root),
        }


def specs_of(given: str | Spec | Iterable[str | Spec], kind: str) -> tuple[Spec, ...]:
    """What a user named, as specs; text may hold several, separated by commas.

    Raises:
        OptionError: nothing was named, or text that is no spec.
    """
    parts = [given] if isinstance(given, str | Spec) else list(given)
    specs: list[Spec] = []
    for part in parts:
        specs += [part] if isinstance(part, Spec) else parse_specs(part)
    if not specs:
        raise OptionError(f"expected at least one {kind}, but got none; name some, or say {ALL}")
    for spec in specs:
        if spec.name == ALL and spec.options:
            raise OptionError(f"{ALL} takes no options, but got {spec}; name the {kind} instead")
    return tuple(specs)
