"""Boxes in a table: ``path,x0,y0,x1,y1[,label]``, one line a box."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from wsolbench.errors import DataError
from wsolbench.sample import Box

from ._files import composed

_ENDS = (("x0", "y0", "x1", "y1"), ("x1", "y1", "x2", "y2"), ("xmin", "ymin", "xmax", "ymax"))
_PATHS = ("path", "filename", "file_name", "image")
_LABELS = ("label", "class", "category")


@dataclass(frozen=True, slots=True)
class BoxRow:
    """One line.

    Attributes:
        path: of the image, with forward slashes.
        box_xyxy: 0-based inclusive.
        label: name of the class, "" where the table has none.
    """

    path: str
    box_xyxy: Box
    label: str


def read_box_csv(path: Path, *, origin: int = 0) -> list[BoxRow]:
    """Read a table, with a line of column names or without; nothing if there is no such file.

    Args:
        path: the file.
        origin: coordinate of the first pixel, 0 or 1.

    Raises:
        DataError: it cannot be read, or a line is not what it should be.
    """
    if not path.is_file():
        return []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [[cell.strip() for cell in line] for line in csv.reader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as CSV: {error}") from error
    if not lines:
        return []
    columns = _columns(path, lines[0])
    headless = columns is None
    places = columns or (0, (1, 2, 3, 4), 5)
    return [
        _row(path, number, line, places, origin)
        for number, line in enumerate(lines, start=1)
        if any(line) and (headless or number > 1)
    ]


def _columns(path: Path, header: list[str]) -> tuple[int, tuple[int, ...], int | None] | None:
    """Places of path, ends and label; ``None`` where the first line is a box already."""
    if len(header) >= 5 and _is_number(header[1]):
        return None
    names = [name.lower() for name in header]
    path_at = next((names.index(name) for name in _PATHS if name in names), None)
    ends_at = next((tuple(map(names.index, e)) for e in _ENDS if set(e) <= set(names)), None)
    if path_at is None or ends_at is None:
        raise DataError(
            f"expected the columns path,x0,y0,x1,y1[,label] in {path}, but got {','.join(header)}"
        )
    return path_at, ends_at, next((names.index(name) for name in _LABELS if name in names), None)


def _row(
    path: Path,
    number: int,
    line: list[str],
    places: tuple[int, tuple[int, ...], int | None],
    origin: int,
) -> BoxRow:
    path_at, ends_at, label_at = places
    try:
        x0, y0, x1, y1 = (float(line[at]) - origin for at in ends_at)
        label = "" if label_at is None or label_at >= len(line) else line[label_at]
        return BoxRow(composed(line[path_at].replace("\\", "/")), (x0, y0, x1, y1), label)
    except (IndexError, ValueError) as error:
        raise DataError(
            f"{path}, line {number}: expected path,x0,y0,x1,y1, but got {','.join(line)!r}"
        ) from error


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
