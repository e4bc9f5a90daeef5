"""From what a user named to data sets and protocols. No torch here."""

from __future__ import annotations

from collections.abc import Sequence

from wsolbench.dataset import Dataset
from wsolbench.errors import OptionError
from wsolbench.protocol import PROTOCOLS, Protocol, resolve_protocol
from wsolbench.registry import DATASETS
from wsolbench.settings import ALL
from wsolbench.spec import Spec


def find_dataset(dataset: str | Dataset) -> Dataset:
    """A card as it is, or the one that a name or spec means.

    Raises:
        UnknownNameError: no such data set.
        OptionError: no such option.
    """
    if isinstance(dataset, Dataset):
        return dataset
    spec = Spec.parse(dataset)
    return DATASETS[spec.name].with_options(spec.options)


def find_protocols(specs: Sequence[Spec]) -> tuple[Protocol, ...]:
    """The protocols asked for; "all" adds every one that is not named.

    Raises:
        UnknownNameError: no such protocol.
        OptionError: no such option, or a protocol twice.
    """
    found = tuple(resolve_protocol(spec) for spec in without_all(specs, tuple(PROTOCOLS)))
    refuse_repetition("protocol", [protocol.label for protocol in found])
    return found


def without_all(specs: Sequence[Spec], every: Sequence[str]) -> list[Spec]:
    """The specs that name something, and where one of them is "all", every other name too."""
    named = [spec for spec in specs if spec.name != ALL]
    if len(named) == len(specs):
        return named
    return named + [Spec(name) for name in every if name not in {spec.name for spec in named}]


def refuse_repetition(kind: str, names: Sequence[str]) -> None:
    """Raise `OptionError` if a name of this kind stands there twice."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise OptionError(f"{kind} given more than once: {', '.join(twice)}")
