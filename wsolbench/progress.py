"""Progress on stderr: a bar on a terminal, one line elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from wsolbench.images import Batch
    from wsolbench.train import Status

T = TypeVar("T")


def watch(
    items: Iterable[T],
    description: str,
    total: int,
    *,
    unit: str = "",
    size: Callable[[T], int] | None = None,
) -> Iterator[T]:
    """Pass items on and show how far they got.

    Args:
        items: anything.
        description: of what is being done.
        total: the sum of all sizes.
        unit: what is counted.
        size: how much an item counts; 1 where ``None``.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        console.print(f"{description}: {total:,} {unit}".rstrip(), highlight=False, soft_wrap=True)
        yield from items
        return
    with _bar(console, unit) as bar:
        task = bar.add_task(description, total=total)
        for item in items:
            yield item
            bar.advance(task, 1 if size is None else size(item))


def watch_batches(batches: Iterable[Batch], split: str, images: int) -> Iterator[Batch]:
    """Pass the batches of a split on and show how many of its images are done."""
    return watch(batches, split, images, unit="images", size=_images)


def _images(batch: Batch) -> int:
    return len(batch.samples) + len(batch.problems)


@contextmanager
def training() -> Iterator[Callable[[Status], None]]:
    """What to call after every step of a training to show how far it is and how well it goes."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda status: _print_epoch(console, status)
        return
    with _bar(console, "steps") as bar:
        task = bar.add_task("training", total=None)
        yield lambda status: bar.update(
            task, completed=status.step, total=status.steps, description=_described(status)
        )


def _print_epoch(console: Console, status: Status) -> None:
    if status.ends_epoch:
        console.print(_described(status), highlight=False, soft_wrap=True)


def _described(status: Status) -> str:
    return (
        f"epoch {status.epoch}/{status.epochs}: loss {status.loss:.3f}, "
        f"accuracy {status.accuracy:.1%}"
    )


def _bar(console: Console, unit: str) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
