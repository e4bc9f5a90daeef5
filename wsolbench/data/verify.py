"""Verifying a data set on disk against its card: a report of faults and remarks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsolbench.checks import check_dataset_card
from wsolbench.data.duplicates import duplicates
from wsolbench.data.examine import Examined, examine_all
from wsolbench.data.find import load_splits
from wsolbench.data.labels import label_faults, label_remarks
from wsolbench.dataset import Dataset
from wsolbench.sample import Sample, Split

Watch = Callable[[Iterable[Any], str, int], Iterator[Any]]


@dataclass(frozen=True)
class Finding:
    """Something of a data set that a person should know.

    Attributes:
        fault: whether it is wrong; else it is only remarkable.
        kind: "counts", "reader", "labels", "unreadable", "boxes and masks", ...
        split: the split, or both that are concerned; empty for the card.
        text: one sentence.
    """

    fault: bool
    kind: str
    split: str
    text: str


@dataclass(frozen=True)
class Report:
    """What verifying found.

    Attributes:
        dataset: its name.
        revision: that the card speaks of.
        root: where it lies; empty for an embedded one.
        annotations: what there is, of labels, boxes and masks.
        images: split -> images that can be used.
        expected: split -> images of the published split, where that is known.
        findings: faults and remarks.
    """

    dataset: str
    revision: str
    root: str
    annotations: tuple[str, ...]
    images: dict[str, int]
    expected: dict[str, int | None]
    findings: tuple[Finding, ...]

    @property
    def faults(self) -> tuple[Finding, ...]:
        """What is wrong."""
        return tuple(finding for finding in self.findings if finding.fault)

    @property
    def remarks(self) -> tuple[Finding, ...]:
        """What is only remarkable."""
        return tuple(finding for finding in self.findings if not finding.fault)


def verify(
    dataset: Dataset,
    root: Path | None,
    *,
    splits: Iterable[str] = (),
    masks: bool = True,
    workers: int = 0,
    plugins: Iterable[Path] = (),
    watch: Watch | None = None,
) -> Report:
    """Check counts, labels, boxes and masks of a data set; decode every image; look for repetition.

    Args:
        dataset: the card, bound to the data.
        root: where it lies; ``None`` for an embedded one.
        splits: those to check; empty means all that are there.
        masks: whether to read the masks too.
        workers: processes that decode.
        plugins: files that those processes must load to know the data set's classes.
        watch: shows progress.

    Raises:
        DataError: no split, or not one that was asked for, is there.
    """
    loaded, missing = load_splits(dataset, root, splits)
    findings = [Finding(True, "card", "", text) for text in check_dataset_card(dataset)]
    findings += [Finding(False, "splits", "", text) for text in missing]
    examined: dict[str, list[Examined]] = {}
    for split in loaded:
        findings += _of_reader(dataset, split)
        results = examine_all(split.samples, masks=masks, workers=workers, plugins=plugins)
        if watch is not None:
            results = watch(results, f"{dataset.name} {split.name}", len(split.samples))
        examined[split.name] = list(results)
        findings += _of_images(split, examined[split.name])
    findings += [
        Finding(one.fault, "duplicates", one.splits, one.text)
        for one in duplicates(loaded, examined)
    ]
    return Report(
        dataset=dataset.name,
        revision=dataset.revision,
        root="" if root is None else str(root),
        annotations=dataset.annotations,
        images={split.name: len(split.samples) for split in loaded},
        expected={split.name: split.expected_images for split in loaded},
        findings=tuple(findings),
    )


def _of_reader(dataset: Dataset, split: Split) -> Iterator[Finding]:
    """What the lists and annotations alone tell."""
    count, expected = len(split.samples), split.expected_images
    if expected is not None and count != expected:
        text = f"{count:,} usable images; the published split has {expected:,}"
        yield Finding(True, "counts", split.name, text)
    for problem in split.problems:
        yield Finding(True, "reader", split.name, f"{problem.id}: {problem.reason}")
    for text in label_faults(dataset, split.samples):
        yield Finding(True, "labels", split.name, text)
    for text in label_remarks(dataset, split):
        yield Finding(False, "labels", split.name, text)


def _of_images(split: Split, examined: Sequence[Examined]) -> Iterator[Finding]:
    """What the files tell."""
    pairs = list(zip(split.samples, examined, strict=True))
    for sample, seen in pairs:
        kind = "unreadable" if seen.file_wh is None else "boxes and masks"
        for text in seen.faults:
            yield Finding(True, kind, split.name, f"{sample.id}: {text}")
        for text in seen.remarks:
            yield Finding(False, kind, split.name, f"{sample.id}: {text}")
    text = _resized_text(pairs)
    if text:
        yield Finding(False, "sizes", split.name, text)


def _resized_text(pairs: Sequence[tuple[Sample, Examined]]) -> str:
    """How many files are resized copies of the official images; empty if none is."""
    resized = [
        (sample.id, seen.file_wh, seen.official_wh)
        for sample, seen in pairs
        if seen.file_wh and seen.official_wh and seen.file_wh != seen.official_wh
    ]
    if not resized:
        return ""
    warped = sum(_is_warped(file_wh, official_wh) for _, file_wh, official_wh in resized)
    shape = f", {warped:,} of them with another aspect ratio" if warped else ""
    first, file_wh, official_wh = resized[0]
    return (
        f"{len(resized):,} of {len(pairs):,} files are resized copies{shape}: annotations are "
        f"scaled; the first: {first} is {file_wh[0]} x {file_wh[1]}, officially "
        f"{official_wh[0]} x {official_wh[1]}"
    )


def _is_warped(file_wh: tuple[int, int], official_wh: tuple[int, int]) -> bool:
    """Whether width and height were scaled differently, by more than rounding explains."""
    scale = file_wh[1] / official_wh[1]
    return abs(official_wh[0] * scale - file_wh[0]) > 1 + official_wh[0] / official_wh[1]
