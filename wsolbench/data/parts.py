"""Files on their way: the part that is there of one, and checksums."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from wsolbench.errors import DataError

_ALGORITHMS = ("md5", "sha1", "sha256")


class Part:
    """What is there of a file, and which version of it (``.part`` and ``.part.json``)."""

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(f"{path.name}.part")
        self._note = path.with_name(f"{path.name}.part.json")

    @property
    def size(self) -> int:
        """How many bytes are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    def validator(self, url: str) -> str:
        """The host's name for the version that was begun; empty if unknown or of another file."""
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            return str(note["validator"]) if note["url"] == url else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def begin(self, url: str, validator: str) -> None:
        """Note which version of which file the part is of."""
        note = json.dumps({"url": url, "validator": validator})
        self._note.write_text(note, encoding="utf-8")

    def discard(self) -> None:
        """Forget what is there."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)


def has_checksum(path: Path, checksum: str) -> bool:
    """Whether the file has it."""
    algorithm, _, expected = checksum.partition(":")
    return _digest(path, algorithm) == expected.lower()


def check_file(path: Path, checksum: str, url: str = "") -> None:
    """Compare a file with its checksum, if there is one; a downloaded file that differs is removed.

    Raises:
        DataError: it differs.
    """
    if not checksum:
        return
    algorithm, _, expected = checksum.partition(":")
    came = _digest(path, algorithm)
    if came == expected.lower():
        return
    if url:
        path.unlink()
        raise DataError(
            f"{url} is not the expected file: {algorithm} {expected} was expected, but it has "
            f"{came}; it was removed; the host may have changed it"
        )
    raise DataError(
        f"{path} is there already, but it has {algorithm} {came} instead of {expected}; "
        "remove it to download it again"
    )


def _digest(path: Path, algorithm: str) -> str:
    if algorithm not in _ALGORITHMS:
        raise DataError(f"expected a checksum of {', '.join(_ALGORITHMS)}, but got {algorithm!r}")
    with path.open("rb") as file:
        return hashlib.file_digest(
            file, lambda: hashlib.new(algorithm, usedforsecurity=False)
        ).hexdigest()
