"""Images that occur twice: the same file, the same bytes or the same pixels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from wsolbench.data.examine import Examined
from wsolbench.dataset import (
    SEG_TEST,
    SEG_TRAIN,
    SEG_TRAINAUG,
    SEG_VAL,
    TEST,
    TRAIN_FULLSUP,
    TRAIN_WEAKSUP,
)
from wsolbench.sample import Sample, Split

_LEAKS = (
    ({TEST}, {TRAIN_WEAKSUP, TRAIN_FULLSUP}),
    ({SEG_VAL, SEG_TEST}, {SEG_TRAIN, SEG_TRAINAUG}),
)


@dataclass(frozen=True)
class Duplicate:
    """Images of one content.

    Attributes:
        fault: whether it makes a score wrong: test images among those to train or calibrate on.
        splits: the split or splits, joined with "+".
        text: one sentence.
    """

    fault: bool
    splits: str
    text: str


@dataclass(frozen=True)
class _Use:
    """One image of one split."""

    split: str
    sample: Sample
    seen: Examined


def duplicates(
    splits: Sequence[Split], examined: Mapping[str, Sequence[Examined]]
) -> Iterator[Duplicate]:
    """Repetition within and between splits.

    The same file in two splits is told once per pair of splits, because data sets may be made so;
    different files of one content are told one by one.
    """
    uses = [
        _Use(split.name, sample, seen)
        for split in splits
        for sample, seen in zip(split.samples, examined[split.name], strict=True)
        if seen.pixels_hash
    ]
    groups = [group for group in _grouped(uses).values() if len(group) > 1]
    yield from _shared_files(groups)
    for group in groups:
        files = {use.sample.path: use for use in group}
        if len(files) > 1:
            yield _same_content(list(files.values()))


def _grouped(uses: Iterable[_Use]) -> dict[str, list[_Use]]:
    groups: dict[str, list[_Use]] = defaultdict(list)
    for use in uses:
        groups[use.seen.pixels_hash].append(use)
    return groups


def _shared_files(groups: Iterable[list[_Use]]) -> Iterator[Duplicate]:
    """Pairs of splits that use the same files."""
    shared: dict[tuple[str, str], list[str]] = defaultdict(list)
    for group in groups:
        first_use: dict[object, _Use] = {}
        for use in group:
            first = first_use.setdefault(use.sample.path, use)
            if first.split != use.split:
                shared[first.split, use.split].append(use.sample.id)
    for (one, other), ids in shared.items():
        yield Duplicate(
            fault=_leak({one, other}),
            splits=f"{one}+{other}",
            text=f"{len(ids):,} files are in both splits; the first: {ids[0]}",
        )


def _same_content(group: list[_Use]) -> Duplicate:
    names = sorted({use.split for use in group})
    labels = {use.sample.labels for use in group}
    same = "bytes" if len({use.seen.bytes_hash for use in group}) == 1 else "pixels"
    where = ", ".join(f"{use.sample.id} ({use.split})" for use in group[:4])
    more = f" and {len(group) - 4} more" if len(group) > 4 else ""
    unlike = ", with different labels" if len(labels) > 1 else ""
    return Duplicate(
        fault=_leak(set(names)),
        splits="+".join(names),
        text=f"the same {same}{unlike}: {where}{more}",
    )


def _leak(splits: set[str]) -> bool:
    """Whether images to score on are also among those to train or calibrate on."""
    return any(splits & scored and splits & trained for scored, trained in _LEAKS)
