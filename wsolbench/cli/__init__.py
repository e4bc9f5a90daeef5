"""The command line: one module a verb, no logic. Nothing here imports torch until a verb runs."""

from wsolbench.cli.entry import main

__all__ = ["main"]
