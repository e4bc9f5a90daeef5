"""A run's folder: ``record.json`` and ``targets.parquet``, written whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsolbench.errors import RecordError

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
RECORD, TARGETS = "record.json", "targets.parquet"
REQUIRED = ("schema", "run_id", "dataset", "model", "methods", "protocols", "metrics", "counts")


@dataclass(frozen=True)
class Record:
    """All that is known of a run.

    Attributes:
        data: what `record.json` holds: provenance, counts, numbers.
        targets: a row per target and method.
        path: the run's folder, ``None`` before it is saved.
    """

    data: Mapping[str, Any]
    targets: pd.DataFrame
    path: Path | None = None

    def frame(self) -> pd.DataFrame:
        """Every number of the run: method, protocol, metric, policy, value, threshold, total."""
        import pandas as pd

        return pd.DataFrame(self.data["metrics"])

    @property
    def folder(self) -> Path:
        """Where a run belongs below the results folder: ``<dataset>/<model>/<run-id>``."""
        return Path(self.data["dataset"]["name"], self.data["model"]["name"], self.data["run_id"])

    def save(self, results: Path) -> Record:
        """Write the run below ``results``; on failure nothing is left behind.

        Raises:
            RecordError: the folder cannot be written, or there is such a run already.
        """
        final = results / self.folder
        partial = final.with_name(f".{final.name}.partial")
        try:
            partial.mkdir(parents=True)
            (partial / RECORD).write_text(dump(self.data), encoding="utf-8")
            self.targets.to_parquet(partial / TARGETS, index=False)
            if final.exists():
                raise RecordError(f"{final} exists already; a run is never overwritten")
            partial.replace(final)
        except OSError as error:
            raise RecordError(f"cannot write the run to {final}: {error}") from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return replace(self, path=final)

    @classmethod
    def load(cls, path: Path) -> Record:
        """Read a run's folder (or its ``record.json``).

        Raises:
            RecordError: something is missing, damaged or of a newer schema.
        """
        import pandas as pd

        folder = path.parent if path.name == RECORD else path
        data = read_record(folder / RECORD)
        try:
            targets = pd.read_parquet(folder / TARGETS)
        except (OSError, ValueError) as error:
            raise RecordError(f"{folder / TARGETS} cannot be read: {error}") from error
        return cls(data, targets, folder)


def read_record(path: Path) -> dict[str, Any]:
    """Read and check a ``record.json``.

    Raises:
        RecordError: no such file, no JSON, a field missing, or a schema that is not known.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecordError(f"expected the record of a run, but there is no {path}") from None
    except (OSError, ValueError) as error:
        raise RecordError(f"{path} is no readable record: {error}") from error
    if not isinstance(data, dict):
        raise RecordError(f"{path} is no record: expected an object, got {type(data).__name__}")
    missing = [name for name in REQUIRED if name not in data]
    if missing:
        raise RecordError(f"{path} is no complete record: missing {', '.join(missing)}")
    if data["schema"] != SCHEMA:
        raise RecordError(
            f"{path} has schema {data['schema']!r}, but this wsolbench reads schema {SCHEMA}; "
            "update wsolbench"
        )
    return data


def dump(data: Mapping[str, Any]) -> str:
    """Readable JSON: lists of plain numbers stay on one line."""
    return _dumped(data, "") + "\n"


def _dumped(value: Any, indent: str) -> str:
    deeper = indent + "  "
    if isinstance(value, Mapping) and value:
        inner = ",\n".join(
            f"{deeper}{json.dumps(str(key))}: {_dumped(item, deeper)}"
            for key, item in value.items()
        )
        return f"{{\n{inner}\n{indent}}}"
    if isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        inner = ",\n".join(deeper + json.dumps(item, allow_nan=True) for item in value)
        return f"[\n{inner}\n{indent}]"
    return json.dumps(value)


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
