"""Your own images in one list: a JSON-lines or Parquet file, one row an image."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wsolbench.dataset import (
    BOXES,
    LABELS,
    MASKS,
    SEG_SPLITS,
    SPLITS,
    TEST,
    Dataset,
    not_found,
)
from wsolbench.errors import DataError, SampleError
from wsolbench.masks import GreyMasks, MaskSource, RleMasks
from wsolbench.registry import DATASETS
from wsolbench.sample import Instance, Problem, Sample

from ._boxes import fit_box
from ._own import (
    CLASSES_FILE,
    OWN_CITATION,
    OWN_HOMEPAGE,
    OWN_LICENCE,
    SPLIT_NAMES,
    fingerprint,
    label_order,
    read_class_list,
)
from ._sizes import size_of

Row = dict[str, Any]

_NAMES = ("manifest.parquet", "manifest.jsonl")
_KNOWN_SPLITS = SPLIT_NAMES | {name: name for name in (*SPLITS, *SEG_SPLITS)}
_FLAGS = ("difficult", "truncated", "occluded", "crowd")


def _bound(card: Dataset, root: Path) -> Dataset:
    """The card with the classes, splits and annotations of the list."""
    manifest = _Manifest.at(root)
    annotations = [LABELS]
    annotations += [BOXES] if any(row.get("boxes") for row in manifest.rows) else []
    annotations += [MASKS] if any(row.get("masks") for row in manifest.rows) else []
    splits: dict[str, int | None] = {}
    for row in manifest.rows:
        splits[row["split"]] = (splits.get(row["split"]) or 0) + 1
    return replace(
        card,
        classes=manifest.classes,
        splits=splits,
        annotations=tuple(annotations),
        multilabel=any(len(row["labels"]) > 1 for row in manifest.rows),
        revision=fingerprint([manifest.path.read_bytes(), "\n".join(manifest.classes).encode()]),
    )


@DATASETS.register(
    "manifest",
    title="Your own images in one JSON-lines or Parquet file, one row an image",
    classes=(),
    splits=dict.fromkeys((*SPLITS, *SEG_SPLITS)),
    annotations=(LABELS, BOXES, MASKS),
    multilabel=True,
    revision="told by the file's content",
    licence=OWN_LICENCE,
    citation=OWN_CITATION,
    homepage=OWN_HOMEPAGE,
    layout=(
        "DIR/manifest.jsonl or DIR/manifest.parquet, or any such file as DIR itself. Columns: path "
        "(below the file's folder), label or labels (names), and where known id, split, width, "
        "height, boxes and masks. A box is [x0, y0, x1, y1] or {box_xyxy, label, difficult, "
        "truncated, occluded, crowd}, 0-based inclusive; a mask is {label, path, ignore_path} "
        "(white on black) or {label, rle, ignore_rle} (COCO's run-length code)."
    ),
    notes=(
        "Without split, a row is test; train and val stand for train-weaksup and train-fullsup. "
        "Boxes and masks without label are of the row's only label. Labels follow the sorted names "
        "of the classes, or classes.txt beside the file, one name a line."
    ),
    instructions="Your own: see the layout. `wsolbench data convert NAME --to manifest` writes it.",
    binder=_bound,
    file_root=True,
)
def manifest(root: Path, split: str) -> Iterator[Sample | Problem]:
    """Read one split."""
    found = _Manifest.at(root)
    labels = {name: label for label, name in enumerate(found.classes)}
    for row in found.rows:
        if row["split"] == split:
            try:
                yield _sample(row, found.path.parent, labels)
            except SampleError as error:
                yield Problem(row["id"], str(error))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                yield Problem(row["id"], f"the row is not what it should be: {error!r}")


@dataclass(frozen=True)
class _Manifest:
    """A list that was read: rows have id, path, split and labels; classes are in label order."""

    path: Path
    rows: tuple[Row, ...]
    classes: tuple[str, ...]

    @classmethod
    def at(cls, root: Path) -> _Manifest:
        """Read the list at a file or in a folder."""
        path = root if root.is_file() else _find(root)
        rows = tuple(_completed(row, path, n) for n, row in enumerate(_read(path), start=1))
        used = {label for row in rows for label in row["labels"]}
        return cls(path, rows, label_order(read_class_list(path.parent / CLASSES_FILE), used))


def _find(root: Path) -> Path:
    found = next((root / name for name in _NAMES if (root / name).is_file()), None)
    if found is None:
        raise not_found(root, _NAMES, what="manifest")
    return found


def _read(path: Path) -> list[Row]:
    if path.suffix.lower() == ".parquet":
        return _read_parquet(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the manifest {path} cannot be read: {error}") from error
    return [_parsed(path, n, line) for n, line in enumerate(lines, start=1) if line.strip()]


def _parsed(path: Path, number: int, line: str) -> Row:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(f"{path}, line {number}: {error}") from error
    if not isinstance(row, dict):
        raise DataError(f"{path}, line {number}: expected an object {{...}}, but got {line[:60]!r}")
    return row


def _read_parquet(path: Path) -> list[Row]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        rows: list[Row] = parquet.read_table(path).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"the manifest {path} cannot be read: {error}") from error
    return rows


def _completed(row: Row, path: Path, number: int) -> Row:
    """The row with id, split and labels; labels are names."""
    if not isinstance(row.get("path"), str) or not row["path"]:
        raise DataError(f"{path}, row {number}: expected a path, but got {row.get('path')!r}")
    split = row.get("split") or TEST
    if split not in _KNOWN_SPLITS:
        raise DataError(
            f"{path}, row {number}: no split {split!r}; known: {', '.join(_KNOWN_SPLITS)}"
        )
    given = row.get("labels") if row.get("labels") is not None else row.get("label")
    labels = given if isinstance(given, list) else [] if given is None else [given]
    return row | {
        "id": str(row.get("id") or row["path"]),
        "split": _KNOWN_SPLITS[split],
        "labels": [str(label) for label in labels],
    }


def _sample(row: Row, folder: Path, labels: Mapping[str, int]) -> Sample:
    path = folder / row["path"]
    if not row["labels"]:
        raise SampleError("the row has no label")
    if not path.is_file():
        raise SampleError(f"no image file {row['path']}")
    size_wh = _size(row)
    if size_wh is None and (row.get("boxes") or row.get("masks")):
        size_wh = size_of(path)
    present = tuple(sorted({labels[name] for name in row["labels"]}))
    instances = tuple(_instance(box, row, labels, size_wh) for box in row.get("boxes") or ())
    masks = None if size_wh is None else _masks(row, folder, labels, size_wh[::-1])
    return Sample(row["id"], path, size_wh, present, instances, masks)


def _size(row: Row) -> tuple[int, int] | None:
    if row.get("width") is None or row.get("height") is None:
        return None
    return int(row["width"]), int(row["height"])


def _instance(
    box: Any, row: Row, labels: Mapping[str, int], size_wh: tuple[int, int] | None
) -> Instance:
    entry = box if isinstance(box, dict) else {"box_xyxy": box}
    x0, y0, x1, y1 = map(float, entry["box_xyxy"])
    flags = {flag: bool(entry.get(flag)) for flag in _FLAGS}
    return Instance(_label(entry, row, labels), fit_box((x0, y0, x1, y1), size_wh), **flags)


def _label(entry: Row, row: Row, labels: Mapping[str, int]) -> int:
    name = entry.get("label")
    if name is None and len(row["labels"]) == 1:
        name = row["labels"][0]
    if str(name) not in row["labels"]:
        raise SampleError(f"a box or mask is of {name!r}, but the row's labels are {row['labels']}")
    return labels[str(name)]


def _masks(
    row: Row, folder: Path, labels: Mapping[str, int], size_hw: tuple[int, int]
) -> MaskSource | None:
    """The masks of a row: all images, or all run-length codes."""
    entries = row.get("masks") or ()
    by_label: dict[int, tuple[Row, ...]] = {}
    for entry in entries:
        label = _label(entry, row, labels)
        by_label[label] = (*by_label.get(label, ()), entry)
    if not entries:
        return None
    if all(entry.get("rle") for entry in entries):
        codes, ignored = (_column(by_label, name) for name in ("rle", "ignore_rle"))
        return RleMasks(codes, size_hw, ignored or None)
    if not all(entry.get("path") for entry in entries):
        raise SampleError("expected a path or an rle in every mask of the row, not both in turn")
    paths, ignored = (_column(by_label, name) for name in ("path", "ignore_path"))
    files = {label: tuple(folder / name for name in names) for label, names in paths.items()}
    rest = tuple(folder / name for names in ignored.values() for name in names)
    return GreyMasks(files, tuple(dict.fromkeys(rest)), size_hw)


def _column(by_label: Mapping[int, tuple[Row, ...]], name: str) -> dict[int, tuple[Any, ...]]:
    """What the masks of each label have under a name; labels without any are left out."""
    columns = {
        label: tuple(entry[name] for entry in entries if entry.get(name))
        for label, entries in by_label.items()
    }
    return {label: values for label, values in columns.items() if values}
