"""The progress of a training on stderr: a bar on a terminal, a line per epoch elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from wsolbench.train import ProgressCallback, Status


@contextmanager
def training_bar(name: str) -> Iterator[ProgressCallback]:
    """Give the callback that shows how far the training of ``name`` has come."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda status: _print_epoch(console, name, status)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(name, total=None)
        yield lambda status: bar.update(
            task, completed=status.step, total=status.steps, description=f"{name}, {_words(status)}"
        )


def _print_epoch(console: Console, name: str, status: Status) -> None:
    if status.ends_epoch:
        console.print(f"{name}, {_words(status)}", highlight=False, soft_wrap=True)


def _words(status: Status) -> str:
    return (
        f"epoch {status.epoch}/{status.epochs}: loss {status.loss:.3f}, "
        f"accuracy {status.accuracy:.1%}"
    )
