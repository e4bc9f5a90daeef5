"""CUB-200-2011: 200 species of birds, one bird to an image, with boxes and masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from wsolbench.dataset import (
    TEST,
    TRAIN_FULLSUP,
    TRAIN_WEAKSUP,
    Download,
    find_folder,
    not_found,
)
from wsolbench.errors import DataError, SampleError
from wsolbench.masks import GreyMasks
from wsolbench.registry import DATASETS
from wsolbench.sample import Box, Instance, Problem, Sample

from ._boxes import fit_box
from ._described import metadata_homes, read_described
from ._files import IMAGE_SUFFIXES, files_below, first_folder
from ._sizes import size_of
from ._wsol2020 import read_metadata

Entries = Iterator[Sample | Problem]

_HOMES = ("CUB_200_2011", "CUB", "dataset/CUB", ".")
_CUBV2_HOMES = ("CUBV2", "dataset/CUBV2", "CUB/CUBV2")
_TRAINING_FLAG = {TRAIN_WEAKSUP: "1", TEST: "0"}


def _read_classes() -> tuple[str, ...]:
    """The names of the folders without their numbers: "Black footed Albatross"."""
    lines = Path(__file__).with_name("cub_classes.txt").read_text(encoding="utf-8").split()
    return tuple(line.partition(".")[2].replace("_", " ") for line in lines)


_CLASSES = _read_classes()


@DATASETS.register(
    "cub",
    title="CUB-200-2011: 200 species of birds, one bird to an image",
    classes=_CLASSES,
    splits={TRAIN_WEAKSUP: 5994, TRAIN_FULLSUP: 1000, TEST: 5794},
    annotations=("labels", "boxes", "masks"),
    revision="CUB-200-2011; train-fullsup: CUBV2 of wsol2020",
    licence="non-commercial research and education; the images remain their owners'",
    citation=(
        "@techreport{wah2011cub, author = {Wah, Catherine and Branson, Steve and Welinder, Peter "
        "and Perona, Pietro and Belongie, Serge}, title = {The Caltech-UCSD Birds-200-2011 "
        "Dataset}, institution = {California Institute of Technology}, number = "
        "{CNS-TR-2011-001}, year = {2011}}"
    ),
    homepage="https://www.vision.caltech.edu/datasets/cub_200_2011/",
    layout=(
        "DIR/CUB_200_2011/{images,images.txt,image_class_labels.txt,bounding_boxes.txt,"
        "train_test_split.txt} as in the official archive, masks in DIR/segmentations or "
        "DIR/CUB_200_2011/segmentations; or DIR/CUB/images (also DIR/dataset/CUB) with the "
        "wsol2020 metadata in DIR/metadata/CUB or DIR/wsolevaluation-metadata/CUB, which is used "
        "where there are both. train-fullsup: DIR/CUBV2 and that metadata."
    ),
    notes=(
        "train-weaksup and test are the official split; train-fullsup is CUBV2, 1,000 further "
        "images with boxes of the wsol2020 protocol. A box is x, y, x + width, y + height, clipped "
        "to the image, as the wsol2020 protocol has it. A pixel is foreground where more than half "
        "of the annotators drew it."
    ),
    downloads=(
        Download(
            "https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz",
            "md5:97eceeb196236b17998738112f37df78",
        ),
        Download(
            "https://data.caltech.edu/records/w9d68-gec53/files/segmentations.tgz",
            "md5:4d47ba1228eae64f2fa547c47bc65255",
        ),
    ),
    instructions=(
        "CUBV2 (train-fullsup): see the README of https://github.com/clovaai/wsolevaluation for "
        "its images, whose metadata folder tells their boxes."
    ),
)
def cub(root: Path, split: str) -> Entries:
    """Read one split."""
    described = first_folder(root, metadata_homes("CUB", split))
    if described is None and split != TRAIN_FULLSUP:
        return _read_official(find_folder(root, _HOMES, what="CUB-200-2011"), root, split)
    if described is None:
        raise not_found(root, metadata_homes("CUB", split), what="metadata of CUBV2")
    folder = _images_of(root, split)
    images = {p.relative_to(folder).as_posix(): p for p in files_below(folder, IMAGE_SUFFIXES)}
    masks = _mask_files(root, folder.parent)
    entries = read_described(read_metadata(described), images, folder, len(_CLASSES))
    return (_with_mask(entry, masks) for entry in entries)


def _images_of(root: Path, split: str) -> Path:
    homes = _CUBV2_HOMES if split == TRAIN_FULLSUP else _HOMES
    below = tuple(f"{home}/images" if home != "." else "images" for home in homes)
    return find_folder(root, below + homes[:-1], what=f"folder of CUB images for {split}")


def _read_official(folder: Path, root: Path, split: str) -> Entries:
    names = _table(folder / "images.txt")
    flags = _table(folder / "train_test_split.txt")
    labels = _table(folder / "image_class_labels.txt")
    boxes = _table(folder / "bounding_boxes.txt")
    masks = _mask_files(root, folder)
    for number, name in names.items():
        if flags.get(number) != _TRAINING_FLAG[split]:
            if number not in flags:
                yield Problem(name, "no line in train_test_split.txt")
            continue
        try:
            sample = _sample(name, folder / "images" / name, labels.get(number), boxes.get(number))
        except SampleError as error:
            yield Problem(name, str(error))
        else:
            yield _with_mask(sample, masks)


def _sample(name: str, path: Path, label_text: str | None, box_text: str | None) -> Sample:
    if not path.is_file():
        raise SampleError(f"no image file images/{name}")
    label = int(label_text) - 1 if label_text and label_text.isdigit() else -1
    if label not in range(len(_CLASSES)):
        raise SampleError(f"expected a class of 1..{len(_CLASSES)}, but got {label_text}")
    size_wh = size_of(path)
    instance = Instance(label, fit_box(_box(box_text), size_wh))
    return Sample(name, path, size_wh, (label,), (instance,))


def _box(text: str | None) -> Box:
    try:
        x, y, width, height = map(float, (text or "").split())
    except ValueError:
        raise SampleError(f"expected a box 'x y width height', but got {text!r}") from None
    return x, y, x + width, y + height


def _table(path: Path) -> dict[str, str]:
    """Lines 'number rest' of an official file."""
    if not path.is_file():
        raise not_found(path.parent, (path.name,), what="file of CUB-200-2011")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    rows = (line.strip().partition(" ") for line in lines if line.strip())
    return {number: rest.strip() for number, _, rest in rows}


def _mask_files(root: Path, folder: Path) -> Mapping[str, Path]:
    """Masks by image name without suffix, "001.Black_footed_Albatross/..."."""
    home = first_folder(root, ("segmentations",)) or first_folder(folder, ("segmentations",))
    if home is None:
        return {}
    paths = files_below(home, (".png",))
    return {path.relative_to(home).with_suffix("").as_posix(): path for path in paths}


def _with_mask(entry: Sample | Problem, masks: Mapping[str, Path]) -> Sample | Problem:
    path = masks.get(entry.id.rpartition(".")[0])
    if isinstance(entry, Problem) or path is None:
        return entry
    width, height = entry.size_wh or size_of(entry.path)
    source = GreyMasks({entry.labels[0]: (path,)}, (), (height, width))
    return replace(entry, size_wh=(width, height), masks=source)
