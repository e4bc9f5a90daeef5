"""Lists that come with ILSVRC: the solutions of Kaggle's copy, and the devkit's blacklist."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from wsolbench.dataset import not_found
from wsolbench.errors import DataError, SampleError
from wsolbench.sample import Box, Instance

from ._boxes import fit_box

_MAPPING = "LOC_synset_mapping.txt"
_BLACKLIST_HOMES = (
    "ILSVRC2014_devkit/data", "ILSVRC2015/devkit/data", "ILSVRC/devkit/data", "devkit/data",
    "ILSVRC2014_devkit", "devkit", ".",
)  # fmt: skip
_BLACKLIST_YEARS = (2014, 2015, 2017)


@dataclass(frozen=True, slots=True)
class Solution:
    """What Kaggle's ``LOC_*_solution.csv`` says of one image: ``wnid x0 y0 x1 y1 wnid ...``."""

    text: str
    labels: Mapping[str, int]

    def instances(self) -> tuple[Instance, ...]:
        """The objects; boxes are 0-based inclusive as in the XML files.

        Raises:
            SampleError: the text is not of that form.
        """
        words = self.text.split()
        if not words or len(words) % 5:
            raise SampleError(f"expected 'wnid x0 y0 x1 y1 ...', but got {self.text!r}")
        return tuple(self._instance(words[at : at + 5]) for at in range(0, len(words), 5))

    def _instance(self, words: list[str]) -> Instance:
        if words[0] not in self.labels:
            raise SampleError(f"no class of ILSVRC is {words[0]!r}")
        try:
            x0, y0, x1, y1 = map(float, words[1:])
        except ValueError:
            raise SampleError(f"expected four numbers, but got {' '.join(words[1:])!r}") from None
        box: Box = fit_box((x0, y0, x1, y1), None)
        return Instance(self.labels[words[0]], box)


def read_solutions(root: Path, part: str, labels: Mapping[str, int]) -> dict[str, Solution]:
    """Kaggle's solutions by image name without suffix; none where there is no such file.

    Args:
        root: the folder of the ``LOC_*`` files.
        part: "train" or "val".
        labels: WordNet id -> label; ``LOC_synset_mapping.txt`` must have the same order.

    Raises:
        DataError: a file is not what it should be.
    """
    path = root / f"LOC_{part}_solution.csv"
    if not path.is_file():
        return {}
    _check_order(root / _MAPPING, labels)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if rows.fieldnames != ["ImageId", "PredictionString"]:
                raise DataError(
                    f"expected the columns ImageId,PredictionString in {path}, "
                    f"but got {rows.fieldnames}"
                )
            return {row["ImageId"]: Solution(row["PredictionString"] or "", labels) for row in rows}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"the list {path} cannot be read: {error}") from error


def _check_order(path: Path, labels: Mapping[str, int]) -> None:
    """Refuse a mapping whose order of classes is another one."""
    if not path.is_file():
        return
    wnids = [line.split(" ", 1)[0] for line in _lines(path)]
    if wnids != list(labels):
        raise DataError(f"{path} does not list the {len(labels)} synsets of ILSVRC in their order")


def read_blacklist(root: Path) -> frozenset[int]:
    """Numbers of the validation images that the devkit leaves out, for boxes of poor quality.

    Raises:
        DataError: there is no such list, or a line is no number.
    """
    names = tuple(
        (Path(home) / f"ILSVRC{year}_clsloc_validation_blacklist.txt").as_posix()
        for home in _BLACKLIST_HOMES
        for year in _BLACKLIST_YEARS
    )
    path = next((root / name for name in names if (root / name).is_file()), None)
    if path is None:
        raise not_found(root, names[::3], what="blacklist of the ILSVRC devkit")
    try:
        return frozenset(int(line) for line in _lines(path))
    except ValueError as error:
        raise DataError(f"{path}: expected numbers of images, but {error}") from error


def _lines(path: Path) -> Iterator[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the list {path} cannot be read: {error}") from error
    return (line.strip() for line in text.splitlines() if line.strip())
