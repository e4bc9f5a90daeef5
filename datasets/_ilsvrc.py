"""Reader of the ILSVRC-2012 classification and localization data, in its three common forms.

Sample ids are those of the wsol2020 protocol in every form: ``val/ILSVRC2012_val_00000001.JPEG``,
``val2/0/0.jpeg`` (ImageNetV2), ``train/n01440764/n01440764_10026.JPEG``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from wsolbench.dataset import TEST, TRAIN_FULLSUP, TRAIN_WEAKSUP, find_folder, not_found
from wsolbench.errors import OptionError, SampleError
from wsolbench.sample import Instance, Problem, Sample

from ._files import IMAGE_SUFFIXES, files_below, files_by_stem, first_folder
from ._ilsvrc_lists import Solution, read_blacklist, read_solutions
from ._pascal_xml import read_annotation
from ._wsol2020 import Metadata, read_metadata

Entries = Iterator[Sample | Problem]

_IMAGE_HOMES = ("dataset/ILSVRC", "ILSVRC/Data/CLS-LOC", "Data/CLS-LOC", "ILSVRC", "ilsvrc", ".")
_XML_HOMES = ("ILSVRC/Annotations/CLS-LOC", "Annotations/CLS-LOC")
_METADATA_HOMES = ("wsolevaluation-metadata/ILSVRC", "metadata/ILSVRC")
_METADATA_NAMES = {TRAIN_FULLSUP: "val", TEST: "test"}
_IMAGE_FOLDERS = {TRAIN_WEAKSUP: "train", TRAIN_FULLSUP: "val2", TEST: "val"}

ILSVRC_LICENCE = "ImageNet's terms of access: non-commercial research and education"
ILSVRC_REVISION = "ILSVRC2012 CLS-LOC; train-fullsup: ImageNetV2 boxes of wsol2020"
ILSVRC_HOMEPAGE = "https://www.image-net.org/challenges/LSVRC/2012/"
ILSVRC_CITATION = (
    "@article{russakovsky2015imagenet, author = {Russakovsky, Olga and Deng, Jia and Su, Hao and "
    "Krause, Jonathan and Satheesh, Sanjeev and Ma, Sean and Huang, Zhiheng and Karpathy, Andrej "
    "and Khosla, Aditya and Bernstein, Michael and Berg, Alexander C. and Fei-Fei, Li}, title = "
    "{ImageNet Large Scale Visual Recognition Challenge}, journal = {International Journal of "
    "Computer Vision}, volume = {115}, number = {3}, pages = {211--252}, year = {2015}}"
)
ILSVRC_LAYOUT = (
    "Either the official tree, DIR/ILSVRC/Data/CLS-LOC/{train,val} with "
    "DIR/ILSVRC/Annotations/CLS-LOC/{train,val} or Kaggle's DIR/LOC_{train,val}_solution.csv "
    "(used where there is no XML), or a folder of images, "
    "DIR/ilsvrc/{train,val,val2} (also DIR/dataset/ILSVRC, DIR/ILSVRC or DIR itself), with the "
    "wsol2020 metadata in DIR/metadata/ILSVRC or DIR/wsolevaluation-metadata/ILSVRC, which is used "
    "where there are both. The option blacklist=drop needs the devkit's list, "
    "DIR/ILSVRC2014_devkit/data/ILSVRC2014_clsloc_validation_blacklist.txt."
)
ILSVRC_INSTRUCTIONS = (
    "Register at https://www.image-net.org/download-images.php or join Kaggle's 'ImageNet Object "
    "Localization Challenge', accept the terms and unpack there what you get into DIR. ImageNetV2 "
    "(matched-frequency) is at https://imagenetv2.org, its boxes are in the metadata of "
    "https://github.com/clovaai/wsolevaluation."
)
KEEP, DROP = "keep", "drop"
BLACKLISTED = 1762  # images of the validation set


@dataclass(frozen=True, slots=True)
class Synset:
    """One class of ILSVRC.

    Attributes:
        wnid: its WordNet id, for example "n01440764".
        words: its names, for example ("tench", "Tinca tinca").
    """

    wnid: str
    words: tuple[str, ...]


def _read_synsets() -> tuple[Synset, ...]:
    text = Path(__file__).with_name("ilsvrc_synsets.txt").read_text(encoding="utf-8")
    rows = (line.split(" ", 1) for line in text.splitlines())
    return tuple(Synset(wnid, tuple(words.split(", "))) for wnid, words in rows)


def _class_names(synsets: tuple[Synset, ...]) -> tuple[str, ...]:
    """The first word of each synset, with the WordNet id where two share it."""
    uses = Counter(synset.words[0] for synset in synsets)
    return tuple(
        synset.words[0] if uses[synset.words[0]] == 1 else f"{synset.words[0]} ({synset.wnid})"
        for synset in synsets
    )


SYNSETS = _read_synsets()
ILSVRC_CLASSES = _class_names(SYNSETS)
_LABELS = {synset.wnid: label for label, synset in enumerate(SYNSETS)}


def read_ilsvrc(
    root: Path, split: str, wanted: range = range(1000), *, blacklist: str = KEEP
) -> Entries:
    """Read the images of one split whose label is wanted.

    Boxes are 0-based inclusive in every form and are used as they are.

    Args:
        root: see `ILSVRC_LAYOUT`.
        split: one of the three.
        wanted: labels.
        blacklist: "drop" leaves out the 1,762 validation images of the devkit's blacklist.

    Raises:
        DataError: the root holds no form of the split, or no image of it.
        OptionError: ``blacklist`` is neither "keep" nor "drop".
    """
    if blacklist not in (KEEP, DROP):
        raise OptionError(f"expected blacklist={KEEP} or {DROP}, but got {blacklist!r}")
    entries = _read_split(root, split, wanted)
    if blacklist == KEEP or split != TEST:
        return entries
    dropped = {f"val/ILSVRC2012_val_{number:08d}" for number in read_blacklist(root)}
    return (entry for entry in entries if entry.id.rpartition(".")[0] not in dropped)


def _read_split(root: Path, split: str, wanted: range) -> Entries:
    if split == TRAIN_WEAKSUP:
        return _read_train(root, wanted)
    described = first_folder(root, _homes(_METADATA_HOMES, _METADATA_NAMES[split]))
    if described is not None:
        return _read_described(root, split, read_metadata(described), wanted)
    return _read_official(root, split, wanted)


def _homes(homes: tuple[str, ...], folder: str) -> tuple[str, ...]:
    return tuple(folder if home == "." else f"{home}/{folder}" for home in homes)


def _images_of(root: Path, split: str) -> Path:
    homes = _homes(_IMAGE_HOMES, _IMAGE_FOLDERS[split])
    return find_folder(root, homes, what=f"folder of ILSVRC images for {split}")


def _read_described(root: Path, split: str, metadata: Metadata, wanted: range) -> Entries:
    """Read images that the wsol2020 metadata lists."""
    folder = _images_of(root, split)
    by_id = _images_by_id(folder)
    if by_id.keys().isdisjoint(metadata.ids):
        below = metadata.ids[0].partition("/")[2] if metadata.ids else "image of image_ids.txt"
        raise not_found(folder, (f"{below} and the like",), what=f"image of {split}")
    unwanted = set(range(len(SYNSETS))) - set(wanted)
    for image_id in metadata.ids:
        if metadata.labels.get(image_id) not in unwanted:
            yield _described(image_id, by_id.get(image_id), metadata, folder)
    for image_id in metadata.strays:
        if metadata.labels.get(image_id) not in unwanted:
            yield Problem(image_id, "annotated, but not listed in image_ids.txt")


def _images_by_id(folder: Path) -> dict[str, Path]:
    """The images below ``folder`` by wsol2020 id; ``val`` may hold a folder per class."""
    images = files_below(folder, IMAGE_SUFFIXES)
    if folder.name == _IMAGE_FOLDERS[TEST]:
        return {f"{folder.name}/{path.name}": path for path in images}
    return {path.relative_to(folder.parent).as_posix(): path for path in images}


def _described(
    image_id: str, path: Path | None, metadata: Metadata, folder: Path
) -> Sample | Problem:
    if path is None:
        return Problem(image_id, f"no image file {folder.name}/{image_id.partition('/')[2]}")
    try:
        sample = metadata.sample(image_id, path)
    except SampleError as error:
        return Problem(image_id, str(error))
    if sample.labels[0] not in range(len(SYNSETS)):
        return Problem(
            image_id, f"the label {sample.labels[0]} is not one of 0..{len(SYNSETS) - 1}"
        )
    return sample


def _read_official(root: Path, split: str, wanted: range) -> Entries:
    """Read the validation images of the official tree; XML or Kaggle's list tell their labels."""
    homes = _homes(_METADATA_HOMES, _METADATA_NAMES[split])
    xml_homes = _homes(_XML_HOMES, _IMAGE_FOLDERS[TEST]) if split == TEST else ()
    xml_folder = first_folder(root, xml_homes)
    solutions = read_solutions(root, "val", _LABELS) if split == TEST else {}
    if xml_folder is None and not solutions:
        raise not_found(root, homes + xml_homes, what=f"annotations of ILSVRC for {split}")
    annotations: dict[str, Path | Solution] = {**solutions}
    if xml_folder is not None:
        annotations |= files_by_stem(xml_folder, (".xml",))
    images = {path.stem: path for path in files_below(_images_of(root, split), IMAGE_SUFFIXES)}
    for stem in sorted(images.keys() | annotations.keys()):
        yield from _official(stem, images.get(stem), annotations.get(stem), wanted)


def _official(
    stem: str, image: Path | None, source: Path | Solution | None, wanted: range
) -> Entries:
    image_id = f"val/{stem}.JPEG" if image is None else f"val/{image.name}"
    if source is None:
        yield Problem(image_id, f"no annotation Annotations/CLS-LOC/val/{stem}.xml")
        return
    try:
        size_wh, instances = _annotated(source)
    except SampleError as error:
        yield Problem(image_id, str(error))
        return
    labels = tuple(sorted({instance.label for instance in instances}))
    if not labels:
        yield Problem(image_id, f"the annotation {stem}.xml has no object, so no label")
    elif not any(label in wanted for label in labels):
        return
    elif image is None:
        yield Problem(image_id, f"no image file val/{stem}.JPEG")
    else:
        yield Sample(image_id, image, size_wh, labels, instances)


def _annotated(source: Path | Solution) -> tuple[tuple[int, int] | None, tuple[Instance, ...]]:
    """Official size, where it is told, and objects."""
    if isinstance(source, Solution):
        return None, source.instances()
    annotation = read_annotation(source, _LABELS, origin=0)
    return annotation.size_wh, annotation.instances


def _read_train(root: Path, wanted: range) -> Entries:
    """Read the training images: a folder per class tells the label, annotations some boxes."""
    folder = _images_of(root, TRAIN_WEAKSUP)
    xml_folder = first_folder(root, _homes(_XML_HOMES, folder.name))
    solutions = read_solutions(root, "train", _LABELS)
    for label in wanted:
        wnid = SYNSETS[label].wnid
        images = files_by_stem(folder / wnid, IMAGE_SUFFIXES)
        annotations = files_by_stem(xml_folder / wnid, (".xml",)) if xml_folder is not None else {}
        if not images:
            yield Problem(f"train/{wnid}", f"no image file of the class {ILSVRC_CLASSES[label]}")
        for stem, path in images.items():
            sample = Sample(f"train/{wnid}/{path.name}", path, None, (label,))
            source = annotations.get(stem, solutions.get(stem))
            yield from (sample,) if source is None else _with_boxes(sample, source)


def _with_boxes(sample: Sample, source: Path | Solution) -> Entries:
    """Add the boxes of the image's own class; with a wrong annotation the label alone remains."""
    try:
        size_wh, instances = _annotated(source)
    except SampleError as error:
        yield sample
        yield Problem(sample.id, f"kept with its label alone: {error}")
        return
    own = tuple(entry for entry in instances if entry.label == sample.labels[0])
    yield replace(sample, size_wh=size_wh, instances=own)
