"""Progress on stderr: a bar on a terminal, one line elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task(description, total=total)
        for item in items:
            yield item
            bar.advance(task, 1 if size is None else size(item))


def watch_batches(batches: Iterable[Batch], split: str, images: int) -> Iterator[Batch]:
    """Pass the batches of a split on and show how many of its images are done."""
    return watch(batches, split, images, unit="images", size=_images)


def _images(batch: Batch) -> int:
    return len(batch.samples) + len(batch.problems)
