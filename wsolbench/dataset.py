"""What a data set is: a card of facts and a function that yields the samples of a split."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import platformdirs

from wsolbench.errors import DataError, OptionError, UnknownNameError
from wsolbench.sample import Problem, Sample, Split
from wsolbench.spec import Spec

TRAIN_WEAKSUP, TRAIN_FULLSUP, TEST = "train-weaksup", "train-fullsup", "test"
SPLITS = (TRAIN_WEAKSUP, TRAIN_FULLSUP, TEST)
SEG_TRAIN, SEG_VAL, SEG_TEST, SEG_TRAINAUG = "seg-train", "seg-val", "seg-test", "seg-trainaug"
SEG_SPLITS = (SEG_TRAIN, SEG_VAL, SEG_TEST, SEG_TRAINAUG)
LABELS, BOXES, MASKS = "labels", "boxes", "masks"

Reader = Callable[..., Iterator[Sample | Problem]]


@dataclass(frozen=True, slots=True)
class Download:
    """One file of the official host.

    Attributes:
        url: where it is; http or https.
        checksum: ``md5:...`` or ``sha256:...``; empty where nobody published one.
        into: folder below the data root; an archive is extracted there, a file is put there.
        inner: archives within the archive that are extracted beside themselves and removed.
        extract: whether it is an archive to extract.
    """

    url: str
    checksum: str = ""
    into: str = "."
    inner: tuple[str, ...] = ()
    extract: bool = True

    @property
    def filename(self) -> str:
        """The last part of the address."""
        return self.url.partition("?")[0].rstrip("/").rpartition("/")[2]


@dataclass(frozen=True)
class Dataset:
    """A data set: its card, and the function that reads it.

    Attributes:
        name: as in ``--dataset``.
        function: ``(root, split, **options) -> iterator of Sample or Problem``; raises `DataError`
            where the root holds no such data. Its keyword-only parameters are the options.
        title: one line for people.
        classes: names in label order; the length is the number of classifier outputs. Empty where
            only the data tell (see ``binder``).
        splits: split name -> number of images of the published split (``None``: not published).
        annotations: what there is, of "labels", "boxes", "masks".
        multilabel: whether an image may show several classes.
        labels: labels in use where that is fewer than ``classes``; empty means all.
        pointing_region: whether the pointing game looks at "boxes" or "masks".
        revision: pinned name of the exact data.
        licence, citation, homepage, layout, notes: for people. A card of one's own may leave them
            out; `wsolbench.checks.check_dataset` asks for all but the notes.
        embedded: makes the data of a split itself, in the cache folder, when no root is given, and
            returns the root.
        downloads: files of the official host that make up the data set.
        instructions: how to get what ``downloads`` cannot.
        binder: ``(card, root, **options) -> card`` with what only the data tell: classes, splits,
            annotations, revision.
        file_root: whether the root may be a file.
        counts: ``(**options) -> splits`` where options change how many images there are.
        given: the options that were chosen.
    """

    name: str
    function: Reader = field(repr=False)
    title: str
    classes: tuple[str, ...] = field(repr=False)
    splits: Mapping[str, int | None]
    annotations: tuple[str, ...]
    licence: str = ""
    citation: str = ""
    homepage: str = ""
    layout: str = ""
    multilabel: bool = False
    labels: tuple[int, ...] = field(default=(), repr=False)
    pointing_region: str = "boxes"
    revision: str = "1"
    notes: str = ""
    embedded: Callable[[str], Path] | None = field(default=None, repr=False)
    downloads: tuple[Download, ...] = field(default=(), repr=False)
    instructions: str = ""
    binder: Callable[..., Dataset] | None = field(default=None, repr=False)
    file_root: bool = field(default=False, repr=False)
    counts: Callable[..., Mapping[str, int | None]] | None = field(default=None, repr=False)
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The module that registered it."""
        return self.function.__module__

    @property
    def options(self) -> dict[str, Any]:
        """Every option with its default."""
        parameters = inspect.signature(self.function).parameters.values()
        return {one.name: one.default for one in parameters if one.kind is one.KEYWORD_ONLY}

    @property
    def spec(self) -> Spec:
        """What ``--dataset`` takes to get this card again."""
        defaults = self.options
        return Spec(self.name, {k: v for k, v in self.given.items() if v != defaults[k]})

    @property
    def directions(self) -> str:
        """Layout and home page as the end of an error's text; what is not stated is left out."""
        layout = f" Layout: {self.layout}" if self.layout else ""
        return layout + (f" Home page: {self.homepage}" if self.homepage else "")

    @property
    def has_boxes(self) -> bool:
        """Whether there is anything to score boxes against."""
        return BOXES in self.annotations

    @property
    def has_masks(self) -> bool:
        """Whether there is anything to score masks against."""
        return MASKS in self.annotations

    def with_options(self, options: Mapping[str, Any]) -> Dataset:
        """The card with some options chosen.

        Raises:
            OptionError: an option that the data set does not have, or of another type.
        """
        defaults = self.options
        for key, value in options.items():
            if key not in defaults:
                raise OptionError(
                    f"data set {self.name} has no option {key!r}; "
                    f"options: {', '.join(defaults) or 'none'}"
                )
            if type(value) is not type(defaults[key]):
                raise OptionError(
                    f"expected option {key} of data set {self.name} to be of type "
                    f"{type(defaults[key]).__name__}, as its default {defaults[key]!r}, "
                    f"but got {value!r}"
                )
        given = {**self.given, **options}
        if self.counts is None:
            return replace(self, given=given)
        return replace(self, given=given, splits=self.counts(**{**defaults, **given}))

    def bind(self, root: Path | None = None) -> Dataset:
        """The card with what only the data tell; the card itself where it tells all.

        Raises:
            DataError: no root given, or the root is not one.
        """
        if self.binder is None:
            return self
        return self.binder(self, self._root(root, TEST), **{**self.options, **self.given})

    def load(self, split: str, root: Path | None = None) -> Split:
        """Read one split.

        Args:
            split: one of ``splits``.
            root: folder that holds the data in an official layout; may be left out for embedded
                data sets only.

        Raises:
            UnknownNameError: no such split.
            DataError: no root given, the root is not one (says what was looked for and found), or
                no image of the split can be used (says why).
        """
        if split not in self.splits:
            raise UnknownNameError(f"split of {self.name}", split, self.splits)
        folder = self._root(root, split)
        found = list(self.function(folder, split, **self.given))
        samples = tuple(entry for entry in found if isinstance(entry, Sample))
        problems = tuple(entry for entry in found if isinstance(entry, Problem))
        if not samples:
            first = f"; the first: {problems[0].id}: {problems[0].reason}" if problems else ""
            raise DataError(
                f"{folder} holds no usable image of {self.name} {split}: "
                f"{len(problems)} problems{first}"
            )
        return Split(
            dataset=self.name,
            name=split,
            samples=samples,
            problems=problems,
            expected_images=self.splits[split],
        )

    def _root(self, root: Path | None, split: str) -> Path:
        if root is not None:
            if root.is_dir() or (self.file_root and root.is_file()):
                return root
            kinds = "folder or file" if self.file_root else "folder"
            raise DataError(f"expected a {kinds} as data root of {self.name}, but {root} is none")
        if self.embedded is None:
            raise DataError(
                f"{self.name} needs --data-root DIR, a folder that holds it.{self.directions}"
            )
        return self.embedded(split)


def cache_folder() -> Path:
    """Where wsolbench keeps what it can make again: ``$WSOLBENCH_CACHE``, or the user's cache."""
    chosen = os.environ.get("WSOLBENCH_CACHE")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("wsolbench")


def find_folder(root: Path, candidates: tuple[str, ...], *, what: str) -> Path:
    """The first of ``candidates`` (relative to ``root``, "." for itself) that is a folder.

    Raises:
        DataError: none is; the message says what was looked for and what was found.
    """
    for candidate in candidates:
        if (root / candidate).is_dir():
            return root / candidate
    raise not_found(root, candidates, what=what)


def not_found(root: Path, looked_for: tuple[str, ...], *, what: str) -> DataError:
    """The error for a root that does not hold ``what``."""
    entries = sorted(entry.name + "/" * entry.is_dir() for entry in root.iterdir())
    found = ", ".join(entries[:8]) + (f" and {len(entries) - 8} more" if len(entries) > 8 else "")
    return DataError(
        f"{root} holds no {what}: looked for {' or '.join(looked_for)}; "
        f"found {found or 'an empty folder'}"
    )
