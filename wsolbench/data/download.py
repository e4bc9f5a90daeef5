"""Getting a data set from its official host: every file fetched, checked, extracted, remembered."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from wsolbench.data.archives import extract
from wsolbench.data.fetch import Patience, Watch, fetch
from wsolbench.dataset import Dataset, Download
from wsolbench.errors import DataError

WORK_FOLDER = ".wsolbench-downloads"
_RECEIPTS = "receipts.json"
_PROBES = 50

WatchFile = Callable[[str], AbstractContextManager[Watch]]


@dataclass(frozen=True)
class Got:
    """What became of one file of the host.

    Attributes:
        download: the file.
        files: how many files it made below the data root.
        size_bytes: their size.
        was_there: whether an earlier run had done it.
    """

    download: Download
    files: int
    size_bytes: int
    was_there: bool = False


def download(
    dataset: Dataset,
    root: Path,
    *,
    keep_archives: bool = False,
    patience: Patience | None = None,
    watch: WatchFile | None = None,
) -> list[Got]:
    """Download a data set below ``root``; what earlier runs finished is not done again.

    Args:
        dataset: its card names the files.
        root: the data root to be, made if it does not exist.
        keep_archives: leave the archives in ``root/.wsolbench-downloads``.
        patience: timeouts and attempts.
        watch: opens a display for a file's name; the display is told bytes and total.

    Raises:
        DataError: the card names no file, or one could not be had; what is finished stays.
    """
    if not dataset.downloads:
        raise DataError(how_to_get(dataset))
    receipts = _Receipts(root / WORK_FOLDER / _RECEIPTS)
    return [
        receipts.earlier(one, root)
        or _get(one, root, dataset.name, receipts, keep_archives, patience, watch)
        for one in dataset.downloads
    ]


def how_to_get(dataset: Dataset) -> str:
    """What a person must do to get a data set that cannot be downloaded by a program."""
    if dataset.embedded is not None:
        return f"{dataset.name} comes with wsolbench: it needs no download and no --data-root"
    steps = dataset.instructions or f"get it from its home page, {dataset.homepage}"
    return (
        f"{dataset.name} cannot be downloaded by a program. How to get it: {steps} "
        f"Layout: {dataset.layout} Licence: {dataset.licence}"
    )


def _get(
    one: Download,
    root: Path,
    name: str,
    receipts: _Receipts,
    keep: bool,
    patience: Patience | None,
    watch: WatchFile | None,
) -> Got:
    archive = root / WORK_FOLDER / name / one.filename
    if watch is None:
        fetch(one.url, archive, checksum=one.checksum, patience=patience)
    else:
        with watch(one.filename) as display:
            fetch(one.url, archive, checksum=one.checksum, patience=patience, watch=display)
    target = root / one.into
    if one.extract:
        extracted = extract(archive, target, inner=one.inner)
        files, size_bytes = extracted.files, extracted.size_bytes
    else:
        files, size_bytes = (one.filename,), archive.stat().st_size
        _place(archive, target / one.filename)
    below = PurePosixPath(one.into)
    receipts.add(one, tuple(str(below / file) for file in files), size_bytes)
    if not keep:
        archive.unlink()
    return Got(one, len(files), size_bytes)


def _place(source: Path, goal: Path) -> None:
    """Put a copy of a file where it belongs, whole or not at all."""
    partial = goal.with_name(f".{goal.name}.partial")
    try:
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, partial)
        partial.replace(goal)
    except OSError as error:
        raise DataError(f"cannot write {goal}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


class _Receipts:
    """Which files of hosts are finished in a data root, with some of the files that they made."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def _read(self) -> dict[str, Any]:
        try:
            receipts = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return receipts if isinstance(receipts, dict) else {}

    def earlier(self, one: Download, root: Path) -> Got | None:
        """What an earlier run made of it, if that is all still there."""
        receipt = self._read().get(one.url)
        if not isinstance(receipt, dict) or receipt.get("checksum") != one.checksum:
            return None
        if not all((root / file).is_file() for file in receipt["some"]):
            return None
        return Got(one, receipt["files"], receipt["bytes"], was_there=True)

    def add(self, one: Download, files: tuple[str, ...], size_bytes: int) -> None:
        step = max(1, len(files) // _PROBES)
        receipt = {
            "checksum": one.checksum,
            "files": len(files),
            "bytes": size_bytes,
            "some": files[::step],
        }
        partial = self._path.with_suffix(".partial")
        text = json.dumps(self._read() | {one.url: receipt}, indent=1)
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(self._path)
        except OSError as error:
            raise DataError(f"cannot write {self._path}: {error}") from error
