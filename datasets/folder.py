"""Your own images: a folder per class, with a table of boxes, a COCO JSON or masks beside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from wsolbench.dataset import BOXES, LABELS, MASKS, SPLITS, TEST, TRAIN_FULLSUP, Dataset, not_found
from wsolbench.errors import DataError, OptionError, SampleError
from wsolbench.masks import GreyMasks
from wsolbench.registry import DATASETS
from wsolbench.sample import Instance, Problem, Sample

from ._box_csv import BoxRow, read_box_csv
from ._boxes import fit_box
from ._coco_json import CocoFile, coco_sample, read_coco
from ._files import composed, files_below
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

_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
_TABLES = ("boxes.csv", "boxes_xyxy.csv", "annotations.csv")
_JSONS = ("annotations.json", "instances.json")
_MASKS = "masks"


def _bound(card: Dataset, root: Path, *, boxes: str, origin: int) -> Dataset:
    """The card with the classes, splits and annotations of the folder."""
    found = _Folder.at(root, boxes, origin)
    annotations = [LABELS]
    if found.rows or found.coco:
        annotations.append(BOXES)
    if (root / _MASKS).is_dir() or (found.coco and found.has_regions):
        annotations.append(MASKS)
    return replace(
        card,
        classes=found.classes,
        splits=dict.fromkeys(name for name in SPLITS if name in found.splits.values()),
        annotations=tuple(annotations),
        multilabel=found.multilabel,
        revision=found.revision,
    )


@DATASETS.register(
    "folder",
    title="Your own images: a folder per class, boxes in a table or a COCO JSON, masks as images",
    classes=(),
    splits=dict.fromkeys(SPLITS),
    annotations=(LABELS, BOXES, MASKS),
    multilabel=True,
    revision="told by the folder's content",
    licence=OWN_LICENCE,
    citation=OWN_CITATION,
    homepage=OWN_HOMEPAGE,
    layout=(
        "DIR/<class>/<image>, all of it test, or DIR/{train,val,test}/<class>/<image>. Boxes in "
        "DIR/boxes.csv: path,x0,y0,x1,y1[,label], the path below DIR, ends 0-based inclusive. "
        "Masks in DIR/masks/<path of the image>.png, white on black. Or DIR/annotations.json in "
        "COCO's form, then folders need not be classes; folder(boxes=annotations/"
        "instances_val2017.json) reads what `data convert --to coco` writes."
    ),
    notes=(
        "train, val and test are train-weaksup, train-fullsup and test; without test, val is test. "
        "folder(boxes=FILE) takes another CSV or JSON file below DIR, folder(origin=1) reads a CSV "
        "whose first pixel is 1. The labels follow the sorted names of the classes, or "
        "DIR/classes.txt, one name a line. A label in the CSV may be another class than the "
        "folder's: the image then shows both."
    ),
    instructions="Your own: see the layout.",
    binder=_bound,
)
def folder(
    root: Path, split: str, *, boxes: str = "", origin: int = 0
) -> Iterator[Sample | Problem]:
    """Read one split."""
    found = _Folder.at(root, boxes, origin)
    return found.coco_entries(split) if found.coco else found.entries(split)


@dataclass(frozen=True)
class _Folder:
    """A folder of images, looked through once.

    Attributes:
        root: the folder.
        images: path below the root -> file; without the masks.
        boxes: the file of boxes, if any.
        origin: coordinate of the first pixel in a CSV.
    """

    root: Path
    images: Mapping[str, Path]
    boxes: Path | None
    origin: int

    @classmethod
    def at(cls, root: Path, boxes: str, origin: int) -> _Folder:
        """Look through a folder."""
        if origin not in (0, 1):
            raise OptionError(f"expected origin=0 or 1, but got {origin}")
        names = (boxes,) if boxes else (*_TABLES, *_JSONS)
        table = next((root / name for name in names if (root / name).is_file()), None)
        if boxes and table is None:
            raise not_found(root, names, what="file of boxes")
        paths = {composed(p.relative_to(root).as_posix()): p for p in files_below(root, _SUFFIXES)}
        images = {name: path for name, path in paths.items() if not name.startswith(f"{_MASKS}/")}
        if not images:
            raise not_found(root, ("<class>/<image>",), what="image")
        return cls(root, images, table, origin)

    @cached_property
    def coco(self) -> CocoFile | None:
        """The content of a COCO JSON."""
        if self.boxes is None or self.boxes.suffix.lower() != ".json":
            return None
        return read_coco(self.boxes)

    @cached_property
    def rows(self) -> dict[str, list[BoxRow]]:
        """The lines of a CSV by image."""
        if self.boxes is None or self.coco:
            return {}
        by_path: dict[str, list[BoxRow]] = {}
        for row in read_box_csv(self.boxes, origin=self.origin):
            by_path.setdefault(row.path.removeprefix("./"), []).append(row)
        return by_path

    @cached_property
    def splits(self) -> dict[str, str]:
        """First folder -> split; "" stands for every folder where none is a split's."""
        known = SPLIT_NAMES | {name: name for name in SPLITS}
        tops = {name.split("/")[0] for name in self.images if "/" in name}
        found = {top: known[top.lower()] for top in sorted(tops) if top.lower() in known}
        if not found:
            return {"": TEST}
        if TEST not in found.values():
            found = {t: TEST if s == TRAIN_FULLSUP else s for t, s in found.items()}
        return found

    def split_of(self, name: str) -> tuple[str | None, str]:
        """The split of an image, and its path without the split's folder."""
        if "" in self.splits:
            return TEST, name
        top, _, rest = name.partition("/")
        return self.splits.get(top), rest

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Names in label order."""
        listed = read_class_list(self.root / CLASSES_FILE)
        if self.coco:
            return self.coco.class_names
        inside = [rest for name in self.images for split, rest in [self.split_of(name)] if split]
        used = {rest.split("/")[0] for rest in inside if "/" in rest}
        used |= {row.label for rows in self.rows.values() for row in rows if row.label}
        if not used:
            raise not_found(self.root, ("<class>/<image>",), what="folder of a class")
        return label_order(listed, used)

    @property
    def multilabel(self) -> bool:
        """Whether an image may show several classes."""
        return bool(self.coco) or any(row.label for rows in self.rows.values() for row in rows)

    @property
    def has_regions(self) -> bool:
        """Whether a COCO JSON has any region."""
        annotations = self.coco.annotations.values() if self.coco else ()
        return any(one.get("segmentation") for those in annotations for one in those)

    @property
    def revision(self) -> str:
        """Names the content: paths and sizes of the images, and the boxes."""
        names = (f"{n}|{path.stat().st_size}".encode() for n, path in sorted(self.images.items()))
        boxes = b"" if self.boxes is None else self.boxes.read_bytes()
        return fingerprint([*names, boxes])

    def entries(self, split: str) -> Iterator[Sample | Problem]:
        """The images of a split: folders are classes."""
        labels = {name: label for label, name in enumerate(self.classes)}
        for name, path in self.images.items():
            here, rest = self.split_of(name)
            if here == split and "/" in rest:
                try:
                    yield self._sample(name, path, labels[rest.split("/")[0]], labels)
                except SampleError as error:
                    yield Problem(name, str(error))
        for name in sorted(self.rows.keys() - self.images.keys()):
            if (self.split_of(name)[0] or TEST) == split:
                yield Problem(name, "a box of the table is of this image, and there is none")

    def _sample(self, name: str, path: Path, label: int, labels: Mapping[str, int]) -> Sample:
        rows = self.rows.get(name, [])
        mask = self.root / _MASKS / f"{name.rpartition('.')[0]}.png"
        if not rows and not mask.is_file():
            return Sample(name, path, None, (label,))
        size_wh = size_of(path)
        instances = tuple(
            Instance(labels.get(row.label, label), fit_box(row.box_xyxy, size_wh)) for row in rows
        )
        present = sorted({label, *(instance.label for instance in instances)})
        masks = GreyMasks({label: (mask,)}, (), size_wh[::-1]) if mask.is_file() else None
        return Sample(name, path, size_wh, tuple(present), instances, masks)

    def coco_entries(self, split: str) -> Iterator[Sample | Problem]:
        """The images of a split that a COCO JSON lists with at least one annotation."""
        if self.coco is None:
            raise DataError(f"{self.root} holds no COCO JSON")
        for image in self.coco.images:
            inside = self._inside(composed(str(image.get("file_name", ""))))
            annotations = self.coco.annotations.get(image["id"], ())
            if annotations and (self.split_of(inside)[0] or TEST) == split:
                path = self.images.get(inside, self.root / inside)
                yield from coco_sample(image, annotations, path, self.coco.labels)

    def _inside(self, name: str) -> str:
        """The path of an image that a COCO JSON names, wherever below the root it is.

        First as written, then in ``images``, then beside the JSON; else the only one that ends so.
        """
        candidates = [name, f"images/{name}"]
        if self.boxes is not None and self.boxes.is_relative_to(self.root):
            candidates.append((self.boxes.relative_to(self.root).parent / name).as_posix())
        found = next((path for path in candidates if path in self.images), None)
        if found is not None:
            return found
        tails = [
            p for p in self.by_file_name.get(name.rpartition("/")[2], ()) if p.endswith(f"/{name}")
        ]
        return tails[0] if len(tails) == 1 else name

    @cached_property
    def by_file_name(self) -> dict[str, list[str]]:
        """The paths of the images by their last part."""
        paths: dict[str, list[str]] = {}
        for path in self.images:
            paths.setdefault(path.rpartition("/")[2], []).append(path)
        return paths
