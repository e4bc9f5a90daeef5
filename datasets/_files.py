"""Files of a folder by name: one listing instead of a question per file.

Names are compared in Unicode's composed form (NFC), because some systems store names decomposed.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")


def composed(name: str) -> str:
    """The name in the form in which names are compared."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def files_by_stem(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """The files of a folder by name without suffix, in order; none if there is no such folder."""
    if not folder.is_dir():
        return {}
    paths = (path for path in folder.iterdir() if _is_wanted(path.name, suffixes))
    return {composed(path.stem): path for path in sorted(paths, key=lambda path: path.name)}


def files_below(folder: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """Every file of a folder and of the folders in it."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        here = Path(parent)
        yield from (here / name for name in sorted(names) if _is_wanted(name, suffixes))


def first_folder(root: Path, candidates: tuple[str, ...]) -> Path | None:
    """The first of ``candidates`` (relative to ``root``) that is a folder, if any is."""
    return next((root / path for path in candidates if (root / path).is_dir()), None)


def _is_wanted(name: str, suffixes: tuple[str, ...]) -> bool:
    return name.lower().endswith(suffixes) and not name.startswith(".")
