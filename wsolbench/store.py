"""A run's folder: ``record.json`` and ``targets.parquet``, written whole or not at all."""

from __future__ import annotations

import json
import math
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsolbench.errors import RecordError
from wsolbench.mapfiles import MAPS

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
RECORD, TARGETS = "record.json", "targets.parquet"
REQUIRED = (
    "run_id",
    "config",
    "dataset",
    "model",
    "methods",
    "left_out",
    "protocols",
    "classification",
    "metrics",
    "not_finite",
    "counts",
)
_NAME_LENGTH = 100
_COLUMNS = ("method", "protocol", "metric", "policy", "value", "threshold", "total")


@dataclass(frozen=True, eq=False)
class Record:
    """All that is known of a run.

    Attributes:
        data: what ``record.json`` holds: provenance, counts, numbers.
        targets: a row per target and method.
        path: the run's folder, ``None`` before it is saved.
    """

    data: Mapping[str, Any]
    targets: pd.DataFrame
    path: Path | None = None

    def frame(self) -> pd.DataFrame:
        """Every number of the run: method, protocol, metric, policy, value, threshold, total."""
        import pandas as pd

        rows = self.data["metrics"]
        frame = pd.DataFrame(rows, columns=None if rows else _COLUMNS)
        return frame.astype({"value": float})

    def save(self, results: Path, maps: Path | None = None) -> Record:
        """Write the run below ``results``; on failure nothing is left behind.

        Args:
            results: the folder.
            maps: a folder of raw maps beside the run's, which becomes part of it.

        Raises:
            RecordError: the folder cannot be written, or there is such a run already.
        """
        dataset = self.data["dataset"]
        name = dataset.get("spec", dataset["name"])  # records of old have no spec
        above = run_folder(results, name, self.data["model"]["name"])
        final = above / self.data["run_id"]
        if final.exists():
            raise RecordError(f"{final} exists already; a run is never overwritten")
        try:
            with _new_folder(final.with_name(f".{final.name}.partial")) as partial:
                (partial / RECORD).write_text(dump(self.data), encoding="utf-8")
                self.targets.to_parquet(partial / TARGETS, index=False, compression="zstd")
                if maps is not None:
                    maps.replace(partial / MAPS)
                partial.replace(final)
        except (OSError, ValueError, TypeError, NotImplementedError) as error:
            # the last three are of pyarrow, for columns that it cannot write
            raise RecordError(f"cannot write the run to {final}: {error}") from error
        return replace(self, path=final)

    @classmethod
    def load(cls, path: str | Path) -> Record:
        """Read a run's folder (or its ``record.json``).

        Raises:
            RecordError: something is missing, damaged or of another schema.
        """
        import pandas as pd

        path = Path(path)
        folder = path.parent if path.name == RECORD else path
        data = read_record(folder / RECORD)
        try:
            targets = pd.read_parquet(folder / TARGETS)
        except (OSError, ValueError) as error:
            raise RecordError(f"{folder / TARGETS} cannot be read: {error}") from error
        return cls(data, targets, folder)


def run_folder(results: Path, dataset: str, model: str) -> Path:
    """Where the runs of a data set, with its options, and network belong."""
    return results / _folder_name(dataset) / _folder_name(model)


def _folder_name(name: str) -> str:
    """A name of the user's as that of one folder: no separators, not hidden, not too long."""
    return re.sub(r"[^\w.+-]+", "_", name).lstrip(".")[:_NAME_LENGTH] or "_"


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Make a folder; where the block raises, it goes again, and all that was made above it."""
    made = [above for above in folder.parents if not above.exists()]
    try:
        folder.mkdir(parents=True)
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        for above in made:
            with suppress(OSError):  # another run has written there meanwhile
                above.rmdir()
        raise


@contextmanager
def scratch_folder(above: Path) -> Iterator[Path]:
    """A hidden folder to gather files in; whatever is still there at the end goes again.

    Raises:
        RecordError: it cannot be made.
    """
    folder = above / f".{new_run_id()}.scratch"
    try:
        with _new_folder(folder):
            yield folder
    except OSError as error:
        raise RecordError(f"cannot write to {folder}: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read_record(path: Path) -> dict[str, Any]:
    """Read and check a ``record.json``, given itself or by its folder.

    Raises:
        RecordError: no such file, no JSON, a field missing, or a schema that is not known.
    """
    path = path / RECORD if path.is_dir() else path
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecordError(f"expected the record of a run, but there is no {path}") from None
    except (OSError, ValueError) as error:
        raise RecordError(f"{path} is no readable record: {error}") from error
    if not isinstance(data, dict):
        raise RecordError(f"{path} is no record: expected an object, got {type(data).__name__}")
    if "schema" not in data:
        raise RecordError(f"{path} is no record of a run: it names no schema")
    if data["schema"] != SCHEMA:
        raise RecordError(
            f"{path} has schema {data['schema']!r}, but this wsolbench reads schema {SCHEMA}; "
            "update wsolbench"
        )
    missing = [name for name in REQUIRED if name not in data]
    if missing:
        raise RecordError(f"{path} is no complete record: missing {', '.join(missing)}")
    return data


def plain(value: Any) -> Any:
    """The same as JSON knows it: lists, text keys, ``None`` for NaN and infinity."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if hasattr(value, "tolist"):  # numbers and arrays of NumPy
        return plain(value.tolist())
    return str(value)


def dump(data: Mapping[str, Any]) -> str:
    """Readable, strict JSON: lists of plain numbers stay on one line."""
    return _dumped(plain(data), "") + "\n"


def _dumped(value: Any, indent: str) -> str:
    deeper = indent + "  "
    if isinstance(value, dict) and value:
        inner = ",\n".join(
            f"{deeper}{json.dumps(key)}: {_dumped(item, deeper)}" for key, item in value.items()
        )
        return f"{{\n{inner}\n{indent}}}"
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        inner = ",\n".join(deeper + json.dumps(item, allow_nan=False) for item in value)
        return f"[\n{inner}\n{indent}]"
    return json.dumps(value, allow_nan=False)


def new_run_id() -> str:
    """A name for a run: the time in UTC and six random hexadecimal digits."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"


def check_writable(results: Path) -> None:
    """Refuse a results folder that cannot be written, before any work is done.

    Raises:
        RecordError: it, or the nearest folder above it that exists, is no writable folder.
    """
    existing = results.absolute()
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise RecordError(
            f"cannot write results to {results}: {existing} is not a folder that can be written; "
            "choose another with --results"
        )
