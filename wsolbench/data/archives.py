"""Safe extraction of zip, tar and gz archives: whole or not at all, and never outside the target.

Refused: names that are absolute, climb with ``..`` or hold control characters, links of either
kind, devices and pipes, encrypted members, and bombs (too many files, bytes, or a too high ratio of
compression; counted while writing, not believed from headers).
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol

from wsolbench.data.merging import move_into
from wsolbench.errors import DataError

_MIB, _GIB = 1024**2, 1024**3
_CHUNK = _MIB
_DEPTH = 64
_HERE = PurePosixPath()
_COMPRESSED: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
_JUNK = ("__MACOSX", ".DS_Store")
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    gzip.BadGzipFile,
    EOFError,
    NotImplementedError,  # of zipfile: a compression it does not know
    RuntimeError,  # of zipfile: encrypted
    UnicodeError,
)


@dataclass(frozen=True)
class Limits:
    """What an archive may hold at most.

    Attributes:
        files: members.
        size_bytes: extracted bytes.
        ratio: extracted bytes per byte of the archive, once ``ratio_from_bytes`` are extracted.
        ratio_from_bytes: below it no ratio is too high (lists of zeros compress well).
    """

    files: int = 5_000_000
    size_bytes: int = 500 * _GIB
    ratio: float = 200.0
    ratio_from_bytes: int = 100 * _MIB


@dataclass(frozen=True)
class Extracted:
    """What came out of an archive: relative paths of its files, and their bytes."""

    files: tuple[str, ...]
    size_bytes: int


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class _Member:
    name: str
    stream: _Readable | None  # None: a folder


@dataclass
class _Budget:
    """Counts what is written and stops at the limits."""

    archive: Path
    limits: Limits
    archive_bytes: int
    size_bytes: int = 0
    files: list[str] = field(default_factory=list)

    def add_file(self, name: str) -> None:
        self.files.append(name)
        if len(self.files) > self.limits.files:
            self._refuse(f"more than {self.limits.files:,} files")

    def add_bytes(self, count: int) -> None:
        self.size_bytes += count
        if self.size_bytes > self.limits.size_bytes:
            self._refuse(f"more than {self.limits.size_bytes / _GIB:.1f} GiB")
        allowed = max(self.limits.ratio * self.archive_bytes, self.limits.ratio_from_bytes)
        if self.size_bytes > allowed:
            self._refuse(f"more than {self.limits.ratio:g} times its own size")

    def _refuse(self, what: str) -> None:
        raise DataError(
            f"{self.archive.name} is refused as a bomb: it holds {what}; nothing was extracted"
        )


def extract(
    archive: Path, target: Path, *, inner: tuple[str, ...] = (), limits: Limits | None = None
) -> Extracted:
    """Extract an archive into a folder; on any failure the folder is as it was before.

    Files are written beside their goal and moved when all are there. Files that exist with the
    same content stay; one that exists with other content is an error, never overwritten.

    Args:
        archive: zip, tar (also .gz, .bz2, .xz) or a single file in gz, told by its content.
        target: the folder, made if it does not exist.
        inner: archives within it to extract beside themselves and to remove.
        limits: against bombs.

    Raises:
        DataError: damaged, unsafe, a bomb, no space, or in conflict with what is there.
    """
    try:
        target.mkdir(parents=True, exist_ok=True)
        _check_space(archive, target)
        budget = _Budget(archive, limits or Limits(), max(1, archive.stat().st_size))
        with tempfile.TemporaryDirectory(prefix=".wsolbench-", dir=target) as work:
            _write_members(archive, Path(work), budget)
            for name in inner:
                _extract_inner(Path(work), name, budget)
            move_into(Path(work), target)
    except OSError as error:
        raise DataError(f"cannot extract {archive.name} into {target}: {error}") from error
    return Extracted(tuple(budget.files), budget.size_bytes)


def _extract_inner(work: Path, name: str, budget: _Budget) -> None:
    path = work / _safe(name)
    if not path.is_file():
        raise DataError(f"expected {name} within {budget.archive.name}, but it is not there")
    _write_members(path, path.parent, budget, PurePosixPath(name).parent)
    budget.files.remove(name)
    path.unlink()


def _write_members(
    archive: Path, folder: Path, budget: _Budget, below: PurePosixPath = _HERE
) -> None:
    """Write the members into ``folder``, which is ``below`` the folder of the outer archive."""
    try:
        for member in _members(archive):
            path = _safe(member.name)
            if not path.parts or path.parts[0] in _JUNK or path.name in _JUNK:
                continue
            if member.stream is None:
                (folder / path).mkdir(parents=True, exist_ok=True)
                continue
            budget.add_file(str(below / path))
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            with (folder / path).open("wb") as file:
                while chunk := member.stream.read(_CHUNK):
                    budget.add_bytes(len(chunk))
                    file.write(chunk)
    except _DAMAGED as error:
        raise DataError(
            f"{archive.name} is damaged or not readable: {error or type(error).__name__}; "
            "nothing was extracted; download it again"
        ) from error


def _members(archive: Path) -> Iterator[_Member]:
    with archive.open("rb") as file:
        head = file.read(512)
    if head.startswith(b"PK"):
        return _zip_members(archive)
    if tarfile.is_tarfile(archive):
        return _tar_members(archive)
    if head.startswith(b"\x1f\x8b"):
        return _gz_members(archive)
    begins = head[:40].decode("ascii", "replace")
    raise DataError(
        f"{archive.name} is no zip, tar or gz archive: it begins with {begins!r}; "
        "remove it and download it again"
    )


def _tar_members(archive: Path) -> Iterator[_Member]:
    with _decompressed(archive) as file:
        with tarfile.open(fileobj=file, mode="r|") as tar:
            for info in tar:
                if info.isdir():
                    yield _Member(info.name, None)
                elif info.isfile() and (stream := tar.extractfile(info)) is not None:
                    yield _Member(info.name, stream)
                else:
                    raise _unsafe(info.name, "it is a link, device or pipe")
        while file.read(_CHUNK):  # the checksum of gz stands at the very end
            pass


def _decompressed(archive: Path) -> IO[bytes]:
    with archive.open("rb") as file:
        head = file.read(6)
    for magic, opener in _COMPRESSED.items():
        if head.startswith(magic):
            stream: IO[bytes] = opener(archive)
            return stream
    return archive.open("rb")


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if info.is_dir():
                yield _Member(info.filename, None)
            elif kind not in (0, stat.S_IFREG):
                raise _unsafe(info.filename, "it is a link, device or pipe")
            else:
                with file.open(info) as stream:
                    yield _Member(info.filename, stream)


def _gz_members(archive: Path) -> Iterator[_Member]:
    with gzip.open(archive) as stream:
        yield _Member(archive.name.removesuffix(".gz"), stream)


def _safe(name: str) -> PurePosixPath:
    """The name as a path that stays below its folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or re.match(r"[A-Za-z]:", name):
        raise _unsafe(name, "the path is absolute")
    if ".." in path.parts:
        raise _unsafe(name, "the path leaves the target with '..'")
    if "\\" in name or any(ord(character) < 32 for character in name):
        raise _unsafe(name, "the path holds a backslash or a control character")
    if len(path.parts) > _DEPTH:
        raise _unsafe(name, f"the path is deeper than {_DEPTH} folders")
    return path


def _unsafe(name: str, why: str) -> DataError:
    shown = name if len(name) <= 100 else f"{name[:97]}..."
    return DataError(f"the archive member {shown!r} is unsafe: {why}; nothing was extracted")


def _check_space(archive: Path, target: Path) -> None:
    """Refuse what cannot fit before any work: zip tells its size, others are at least their own."""
    need = archive.stat().st_size
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            need = max(need, sum(info.file_size for info in file.infolist()))
    check_space(target, need, f"extracting {archive.name}")


def check_space(folder: Path, need: int, purpose: str) -> None:
    """Refuse work that needs more bytes than are free where ``folder`` is.

    Raises:
        DataError: too few bytes are free.
    """
    free = shutil.disk_usage(folder).free
    if need > free:
        raise DataError(
            f"{purpose} needs {need / _GIB:.2f} GiB in {folder}, but only {free / _GIB:.2f} GiB "
            "are free; make space or choose another --data-root"
        )
