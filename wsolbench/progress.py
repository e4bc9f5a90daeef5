"""Progress on stderr: a bar on a terminal, a line per split elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

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


def watch(batches: Iterable[Batch], split: str, images: int) -> Iterator[Batch]:
    """Pass batches on and show how many of a split's images are done.

    Args:
        batches: of a split.
        split: its name.
        images: how many it has, the unusable ones included.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        console.print(f"{split}: {images:,} images", highlight=False, soft_wrap=True)
        yield from batches
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("images"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task(split, total=images)
        for batch in batches:
            yield batch
            bar.advance(task, len(batch.samples) + len(batch.problems))
