"""Oxford-IIIT Pets: 37 breeds of cats and dogs, with trimaps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wsolbench.dataset import (
    TEST,
    TRAIN_FULLSUP,
    TRAIN_WEAKSUP,
    Download,
    find_folder,
    not_found,
)
from wsolbench.errors import DataError, OptionError, SampleError
from wsolbench.masks import ValueMasks, box_of
from wsolbench.registry import DATASETS
from wsolbench.sample import Instance, Problem, Sample

from ._pascal_xml import read_annotation
from ._sizes import size_of

_CLASSES = (
    "Abyssinian", "American Bulldog", "American Pit Bull Terrier", "Basset Hound", "Beagle",
    "Bengal", "Birman", "Bombay", "Boxer", "British Shorthair", "Chihuahua", "Egyptian Mau",
    "English Cocker Spaniel", "English Setter", "German Shorthaired", "Great Pyrenees", "Havanese",
    "Japanese Chin", "Keeshond", "Leonberger", "Maine Coon", "Miniature Pinscher", "Newfoundland",
    "Persian", "Pomeranian", "Pug", "Ragdoll", "Russian Blue", "Saint Bernard", "Samoyed",
    "Scottish Terrier", "Shiba Inu", "Siamese", "Sphynx", "Staffordshire Bull Terrier",
    "Wheaten Terrier", "Yorkshire Terrier",
)  # fmt: skip
_LISTS = {TRAIN_WEAKSUP: "trainval.txt", TRAIN_FULLSUP: "trainval.txt", TEST: "test.txt"}
_CALIBRATION = 10
_FOREGROUND, _BORDER = 1, 3
TRIMAP, HEAD, NONE = "trimap", "head", "none"
_HOST = "https://www.robots.ox.ac.uk/~vgg/data/pets/data/"


@DATASETS.register(
    "oxford-pets",
    title="Oxford-IIIT Pets: 37 breeds of cats and dogs",
    classes=_CLASSES,
    splits={TRAIN_WEAKSUP: 3680, TRAIN_FULLSUP: _CALIBRATION * 37, TEST: 3669},
    annotations=("labels", "boxes", "masks"),
    pointing_region="masks",
    revision="2012 (annotations/trainval.txt, annotations/test.txt)",
    licence="CC BY-SA 4.0 for the data set; the images remain their owners'",
    citation=(
        "@inproceedings{parkhi2012cats, author = {Parkhi, Omkar M. and Vedaldi, Andrea and "
        "Zisserman, Andrew and Jawahar, C. V.}, title = {Cats and Dogs}, booktitle = {Proceedings "
        "of the IEEE Conference on Computer Vision and Pattern Recognition}, pages = {3498--3505}, "
        "year = {2012}}"
    ),
    homepage="https://www.robots.ox.ac.uk/~vgg/data/pets/",
    layout=(
        "DIR/oxford-pets/{images,annotations} as in the official archives (also "
        "DIR/oxford-iiit-pet or DIR itself)."
    ),
    notes=(
        "train-weaksup and test are the official trainval and test; train-fullsup is the last 10 "
        "images of each breed in trainval, so that a threshold calibrated there has seen training "
        "images. In a trimap 1 is the animal, 2 the background and 3 the border, which is ignored. "
        "Boxes are the extent of the trimap's animal. The official XML boxes are of heads only and "
        "for trainval only: oxford-pets(boxes=head) takes them, oxford-pets(boxes=none) reads "
        "faster."
    ),
    downloads=(
        Download(f"{_HOST}images.tar.gz", "md5:5c4f3ee8e5d25df40f4fd59a7f44e54c", "oxford-pets"),
        Download(
            f"{_HOST}annotations.tar.gz", "md5:95a8c909bbe2e81eed6a22bccdf3f68f", "oxford-pets"
        ),
    ),
)
def oxford_pets(root: Path, split: str, *, boxes: str = TRIMAP) -> Iterator[Sample | Problem]:
    """Read one split."""
    if boxes not in (TRIMAP, HEAD, NONE):
        raise OptionError(f"expected boxes={TRIMAP}, {HEAD} or {NONE}, but got {boxes!r}")
    homes = ("oxford-pets/annotations", "oxford-iiit-pet/annotations", "annotations")
    folder = find_folder(root, homes, what="folder of Oxford-IIIT Pets").parent
    rows = _read_list(folder / "annotations" / _LISTS[split])
    for name, label in _last_of_each(rows) if split == TRAIN_FULLSUP else rows:
        try:
            yield _Pet(folder, name, label).sample(boxes)
        except SampleError as error:
            yield Problem(f"{name}.jpg", str(error))


def _read_list(path: Path) -> list[tuple[str, int]]:
    """Names and labels: lines ``name class-id species breed-id``, class ids from 1."""
    if not path.is_file():
        raise not_found(path.parent, (path.name,), what="list of Oxford-IIIT Pets")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        words = [line.split() for line in lines if line.strip() and not line.startswith("#")]
        return [(name, int(number) - 1) for name, number, *_ in words]
    except (OSError, ValueError) as error:
        raise DataError(f"expected lines 'name class-id ...' in {path}: {error}") from error


def _last_of_each(rows: list[tuple[str, int]]) -> list[tuple[str, int]]:
    labels = [label for _, label in rows]
    left = {label: labels.count(label) for label in set(labels)}
    chosen = []
    for name, label in rows:
        if left[label] <= _CALIBRATION:
            chosen.append((name, label))
        left[label] -= 1
    return chosen


@dataclass(frozen=True, slots=True)
class _Pet:
    folder: Path
    name: str
    label: int

    def sample(self, boxes: str) -> Sample:
        """The sample with its mask and the boxes of that kind."""
        path = self.folder / "images" / f"{self.name}.jpg"
        trimap = self.folder / "annotations" / "trimaps" / f"{self.name}.png"
        if self.label not in range(len(_CLASSES)):
            raise SampleError(f"expected a class of 1..{len(_CLASSES)}, but got {self.label + 1}")
        if not path.is_file():
            raise SampleError(f"no image file images/{path.name}")
        if not trimap.is_file():
            raise SampleError(f"no trimap annotations/trimaps/{trimap.name}")
        masks = ValueMasks(trimap, self.label, (_FOREGROUND,), (_BORDER,))
        instances = self._instances(masks, boxes)
        labels = (self.label,)
        return Sample(path.name, path, size_of(trimap), labels, instances, masks=masks)

    def _instances(self, masks: ValueMasks, boxes: str) -> tuple[Instance, ...]:
        if boxes == TRIMAP:
            around = box_of(masks.read(self.label)[0])
            return () if around is None else (Instance(self.label, around),)
        xml = self.folder / "annotations" / "xmls" / f"{self.name}.xml"
        if boxes == NONE or not xml.is_file():
            return ()
        return read_annotation(xml, self.label, origin=1).instances
