"""Image files in another layout: their names, and copying or linking them."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath

from wsolbench.decode import read_image
from wsolbench.errors import DataError, SampleError
from wsolbench.sample import Sample

_COMMON = (".jpg", ".jpeg", ".png")


def file_name(sample: Sample) -> PurePosixPath:
    """The id as a relative path with the suffix of the image; uncommon kinds become PNG.

    Raises:
        SampleError: the id cannot be a path below a folder.
    """
    path = PurePosixPath(sample.id)
    if path.is_absolute() or ".." in path.parts or not path.name or "\\" in sample.id:
        raise SampleError(f"the id {sample.id!r} cannot be the name of a file below a folder")
    suffix = sample.path.suffix if sample.path.suffix.lower() in _COMMON else ".png"
    if path.suffix.lower() == suffix.lower():
        return path
    return path.with_name(path.name + suffix)


class Placer:
    """Puts every image at its place once.

    Args:
        link: symbolic links instead of copies.
    """

    def __init__(self, *, link: bool) -> None:
        self._link = link
        self._placed: dict[Path, Path] = {}

    def is_free(self, goal: Path, source: Path) -> bool:
        """Whether ``goal`` is not taken by another image."""
        return self._placed.get(goal, source) == source

    def place(self, source: Path, goal: Path) -> None:
        """Copy, link or re-encode an image.

        Raises:
            SampleError: it cannot be read.
            DataError: two images would have the same name.
        """
        if not self.is_free(goal, source):
            raise DataError(
                f"{source} and {self._placed[goal]} would both be {goal.name}; nothing was written"
            )
        if goal in self._placed:
            return
        if not source.is_file():
            raise SampleError(f"the image {source} does not exist")
        self._placed[goal] = source
        goal.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix.lower() not in _COMMON:
            read_image(source).save(goal)
        elif self._link:
            goal.symlink_to(source.resolve())
        else:
            shutil.copyfile(source, goal)
