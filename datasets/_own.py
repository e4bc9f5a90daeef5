"""What the readers of anybody's own data share: names of splits, lists of classes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from wsolbench.dataset import TEST, TRAIN_FULLSUP, TRAIN_WEAKSUP
from wsolbench.errors import DataError

SPLIT_NAMES = {
    "train": TRAIN_WEAKSUP,
    "training": TRAIN_WEAKSUP,
    "val": TRAIN_FULLSUP,
    "valid": TRAIN_FULLSUP,
    "validation": TRAIN_FULLSUP,
    "test": TEST,
    "testing": TEST,
}
CLASSES_FILE = "classes.txt"
OWN_LICENCE = "your own data"
OWN_CITATION = "@misc{own, note = {own data}}"
OWN_HOMEPAGE = "none: your own data"


def read_class_list(path: Path) -> tuple[str, ...]:
    """Names of the classes in label order, one a line; none if there is no such file.

    Raises:
        DataError: it cannot be read, or a name comes twice.
    """
    if not path.is_file():
        return ()
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the classes {path} cannot be read: {error}") from error
    names = tuple(line.strip() for line in lines if line.strip())
    if len(set(names)) < len(names):
        raise DataError(f"a class comes twice in {path}")
    return names


def label_order(listed: tuple[str, ...], used: Iterable[str]) -> tuple[str, ...]:
    """The classes: as listed, or else those in use, sorted (numbers as numbers).

    Raises:
        DataError: a class is in use, but not listed.
    """
    names = set(used)
    if listed:
        if not names <= set(listed):
            raise DataError(
                f"the class {min(names - set(listed))!r} is not among those of {CLASSES_FILE}"
            )
        return listed
    return tuple(sorted(names, key=lambda n: (0, int(n), n) if n.isdigit() else (1, 0, n)))


def fingerprint(parts: Iterable[bytes]) -> str:
    """Names the exact data, as ``revision`` of a card."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return f"sha256:{digest.hexdigest()[:16]}"
