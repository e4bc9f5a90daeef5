"""The metadata files that were published with the wsol2020 protocol (wsolevaluation).

A folder per split holds ``image_ids.txt``, ``class_labels.txt``, ``image_sizes.txt`` (width,
height) and ``localization.txt``: one line per box (``id,x0,y0,x1,y1``, 0-based inclusive) or one
per mask (``id,mask,ignore``). The last two may be empty or absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from wsolbench.dataset import not_found
from wsolbench.errors import DataError, SampleError
from wsolbench.sample import Box, Instance, Sample

from ._boxes import fit_box


@dataclass(frozen=True)
class Metadata:
    """What the files of one split say; mappings are by image id.

    Attributes:
        ids: the images, in the order of the file.
        labels: label of each image.
        sizes_wh: official width and height.
        boxes_xyxy: 0-based inclusive boxes.
        masks: pairs of file names, mask and ignore ("" where there is none).
    """

    ids: tuple[str, ...]
    labels: Mapping[str, int]
    sizes_wh: Mapping[str, tuple[int, int]]
    boxes_xyxy: Mapping[str, tuple[Box, ...]]
    masks: Mapping[str, tuple[tuple[str, str], ...]]

    @property
    def strays(self) -> list[str]:
        """Ids that have annotations but are not among the images."""
        known = set(self.ids)
        annotated = (self.labels, self.sizes_wh, self.boxes_xyxy, self.masks)
        return sorted(
            {image_id for table in annotated for image_id in table if image_id not in known}
        )

    def sample(self, image_id: str, path: Path) -> Sample:
        """The sample of one image, with its boxes.

        Raises:
            SampleError: its label, size or box is missing where the split has such, or wrong.
        """
        if image_id not in self.labels:
            raise SampleError("no label in class_labels.txt")
        if self.sizes_wh and image_id not in self.sizes_wh:
            raise SampleError("no size in image_sizes.txt")
        if self.boxes_xyxy and image_id not in self.boxes_xyxy:
            raise SampleError("no box in localization.txt")
        label, size_wh = self.labels[image_id], self.sizes_wh.get(image_id)
        boxes = (fit_box(box, size_wh) for box in self.boxes_xyxy.get(image_id, ()))
        instances = tuple(Instance(label, box) for box in boxes)
        return Sample(image_id, path, size_wh, (label,), instances)


def read_metadata(folder: Path) -> Metadata:
    """Read the files of one split.

    Raises:
        DataError: a file is missing, or a line is not what it should be (file and line are named).
    """
    for name in ("image_ids.txt", "class_labels.txt"):
        if not (folder / name).is_file():
            raise not_found(folder, (name,), what="wsol2020 metadata")
    boxes, masks = _localization(folder / "localization.txt")
    return Metadata(
        ids=_ids(folder / "image_ids.txt"),
        labels=_labels(folder / "class_labels.txt"),
        sizes_wh=_sizes(folder / "image_sizes.txt"),
        boxes_xyxy=boxes,
        masks=masks,
    )


def _ids(path: Path) -> tuple[str, ...]:
    ids: dict[str, None] = {}
    for number, line in _lines(path):
        if line in ids:
            raise _wrong(path, number, "each id once", line)
        ids[line] = None
    return tuple(ids)


def _labels(path: Path) -> dict[str, int]:
    labels: dict[str, int] = {}
    for number, line in _lines(path):
        image_id, _, label = line.rpartition(",")
        try:
            labels[image_id] = int(label)
        except ValueError:
            raise _wrong(path, number, "image_id,label", line) from None
    return labels


def _sizes(path: Path) -> dict[str, tuple[int, int]]:
    sizes: dict[str, tuple[int, int]] = {}
    for number, line in _lines(path):
        try:
            image_id, width, height = line.rsplit(",", 2)
            sizes[image_id] = int(width), int(height)
        except ValueError:
            raise _wrong(path, number, "image_id,width,height", line) from None
    return sizes


def _localization(
    path: Path,
) -> tuple[dict[str, tuple[Box, ...]], dict[str, tuple[tuple[str, str], ...]]]:
    boxes: dict[str, tuple[Box, ...]] = {}
    masks: dict[str, tuple[tuple[str, str], ...]] = {}
    for number, line in _lines(path):
        image_id, *ends = line.rsplit(",", 4)
        try:
            x0, y0, x1, y1 = map(float, ends)
        except ValueError:
            image_id, mask, ignore = _mask_line(path, number, line)
            masks[image_id] = (*masks.get(image_id, ()), (mask, ignore))
        else:
            boxes[image_id] = (*boxes.get(image_id, ()), (x0, y0, x1, y1))
    return boxes, masks


def _mask_line(path: Path, number: int, line: str) -> tuple[str, str, str]:
    image_id, *names = line.rsplit(",", 2)
    if len(names) != 2 or not names[0].lower().endswith(".png"):
        raise _wrong(path, number, "image_id,x0,y0,x1,y1 or image_id,mask.png,ignore.png", line)
    return image_id, names[0], names[1]


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of every line that is not empty; none where there is no such file."""
    if not path.is_file():
        return
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the metadata {path} cannot be read: {error}") from error
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield number, line.strip()


def _wrong(path: Path, number: int, expected: str, line: str) -> DataError:
    return DataError(f"{path}, line {number}: expected {expected}, but got {line!r}")
