"""Writing the splits of a data set in another layout, whole or not at all."""

from __future__ import annotations

import re
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from wsolbench.data.find import load_splits
from wsolbench.data.layout_coco import CocoWriter
from wsolbench.data.layout_manifest import ManifestWriter
from wsolbench.data.layout_voc import VocWriter
from wsolbench.data.placing import Placer
from wsolbench.dataset import Dataset
from wsolbench.errors import DataError, OptionError, UnknownNameError
from wsolbench.sample import Sample

LAYOUTS = ("coco", "voc", "manifest")
_DEVKIT = "VOC2007"

Watch = Callable[[Iterable[Any], str, int], Iterator[Any]]


class Writer(Protocol):
    """Writes splits in a layout and counts what the layout cannot hold."""

    losses: Counter[str]

    def write(self, split: str, samples: Sequence[Sample]) -> int:
        """Write one split; returns how many images were written."""


@dataclass(frozen=True)
class Converted:
    """What was written.

    Attributes:
        folder: where.
        images: split -> images.
        losses: what the layout cannot hold -> how often.
        problems: what the reader could not use.
    """

    folder: Path
    images: dict[str, int]
    losses: dict[str, int]
    problems: int


def convert(
    dataset: Dataset,
    root: Path | None,
    layout: str,
    folder: Path,
    *,
    splits: Iterable[str] = (),
    link: bool = False,
    devkit: str | None = None,
) -> Converted:
    """Write a data set in the layout of another.

    Args:
        dataset: the card, bound to the data.
        root: where the data lie.
        layout: one of coco, voc, manifest.
        folder: does not exist, or is empty.
        splits: those to write; empty means all that are there.
        link: symbolic links to the images instead of copies.
        devkit: for voc, the folder's name in VOCdevkit; VOC2007 unless the data set is named so.

    Raises:
        UnknownNameError: no such layout.
        OptionError: the folder is not empty, or an option that the layout does not have.
        DataError: the layout cannot hold such a data set, or nothing can be written.
    """
    _check(dataset, layout, folder, devkit)
    loaded, _ = load_splits(dataset, root, splits)
    folder = folder.absolute()
    try:
        work = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.partial")
        work.mkdir(parents=True)
    except OSError as error:
        raise DataError(f"cannot write to {folder}: {error}") from error
    try:
        writer = _writer(layout, work, dataset, Placer(link=link), devkit)
        images = {split.name: writer.write(split.name, split.samples) for split in loaded}
        work.replace(folder)
    except OSError as error:
        raise DataError(f"cannot write to {folder}: {error}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Converted(
        folder=folder,
        images=images,
        losses={what: count for what, count in writer.losses.items() if count},
        problems=sum(len(split.problems) for split in loaded),
    )


def _check(dataset: Dataset, layout: str, folder: Path, devkit: str | None) -> None:
    if layout not in LAYOUTS:
        raise UnknownNameError("layout", layout, LAYOUTS)
    if devkit is not None and layout != "voc":
        raise OptionError(f"only the layout voc has a devkit's name, not {layout}")
    if devkit is not None and not re.fullmatch(r"[\w-]+", devkit):
        raise OptionError(f"expected letters and digits as the devkit's name, but got {devkit!r}")
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise OptionError(f"{folder} exists already and is not empty; choose another --out")
    if layout != "manifest" and not dataset.has_boxes:
        raise DataError(
            f"{dataset.name} has no boxes, and the layout {layout} tells labels by boxes only; "
            "use --to manifest"
        )


def _writer(
    layout: str, work: Path, dataset: Dataset, placer: Placer, devkit: str | None
) -> Writer:
    if layout == "coco":
        return CocoWriter(work, dataset, placer)
    if layout == "manifest":
        return ManifestWriter(work, dataset, placer)
    named = dataset.name.upper()
    official = named if re.fullmatch(r"VOC\d{4}", named) else _DEVKIT
    return VocWriter(work, dataset, placer, devkit or official)
