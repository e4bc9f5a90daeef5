"""Fixtures for tests of whole runs: throw-away methods, and the command line in this process."""

import sys
from dataclasses import dataclass

import pytest

from wsolbench.cli import main
from wsolbench.registry import DATASETS, METHODS

BUILT_IN = {registry.kind: frozenset(registry) for registry in (METHODS, DATASETS)}


@dataclass(frozen=True)
class Outcome:
    """What a command line left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def register(monkeypatch):
    """``METHODS.register`` with a short card, for the time of a test."""
    forget_new_adapters(monkeypatch)

    def decorator(name, **card):
        return METHODS.register(name, **{"title": name, "family": "floor", **card})

    return decorator


@pytest.fixture
def cli(monkeypatch, capsys, tmp_path):
    """Runs a command line in an empty folder without data; plug-ins are forgotten after each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WSOLBENCH_DATA", raising=False)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments):
        forget_new_adapters(monkeypatch)
        monkeypatch.setattr(sys, "argv", ["wsolbench", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return Outcome(end.value.code, out, err)

    return run


def forget_new_adapters(monkeypatch):
    """Leave what is built in or installed, as in a new process."""
    for registry in (METHODS, DATASETS):
        len(registry)  # now the built-in ones are there
        kept = {
            name: one for name, one in registry._entries.items() if name in BUILT_IN[registry.kind]
        }
        monkeypatch.setattr(registry, "_entries", kept)
