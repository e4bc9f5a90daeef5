"""Moving a finished tree of files into a folder, without overwriting anything."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from wsolbench.errors import DataError


def move_into(source: Path, target: Path) -> None:
    """Move everything below ``source`` into ``target``; equal files that are there stay.

    Every conflict is looked for before the first move.

    Raises:
        DataError: a file is there already with other content, or a folder in place of a file.
    """
    conflicts = list(_conflicts(source, target))
    if conflicts:
        more = f" and {len(conflicts) - 1} more" if len(conflicts) > 1 else ""
        raise DataError(
            f"{conflicts[0]}{more} exists already with other content; nothing was changed; "
            "move it away or choose another folder"
        )
    _move(source, target)


def _conflicts(source: Path, target: Path) -> Iterator[Path]:
    for entry in sorted(source.iterdir()):
        goal = target / entry.name
        if not os.path.lexists(goal):
            continue
        if entry.is_dir() and goal.is_dir():
            yield from _conflicts(entry, goal)
        elif entry.is_dir() or not goal.is_file() or not filecmp.cmp(entry, goal, shallow=False):
            yield goal


def _move(source: Path, target: Path) -> None:
    for entry in sorted(source.iterdir()):
        goal = target / entry.name
        if not goal.exists():
            shutil.move(entry, goal)
        elif entry.is_dir():
            _move(entry, goal)
