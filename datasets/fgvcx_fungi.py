"""FGVCx Fungi 2018: species of mushrooms, the fifty most frequent ones; labels only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from wsolbench.dataset import TEST, TRAIN_WEAKSUP, Dataset, Download, not_found
from wsolbench.errors import DataError, OptionError
from wsolbench.registry import DATASETS
from wsolbench.sample import Problem, Sample

from ._coco_json import CocoFile, read_coco

_FILES = {TRAIN_WEAKSUP: "train.json", TEST: "val.json"}
_HOMES = (".", "fgvcx-fungi", "fgvcx_fungi", "fungi")
_ALL_SPECIES = 1394
_HOST = "https://labs.gbif.org/fgvcx/2018/"


def _bound(card: Dataset, root: Path, *, classes: int) -> Dataset:
    """The card with the names of the chosen species."""
    file = read_coco(_find(root, _FILES[TRAIN_WEAKSUP]))
    chosen = _most_frequent(file, classes)
    names = {category["id"]: str(category["name"]) for category in file.categories}
    uses = Counter(names[number] for number in chosen)
    labelled = (names[n] if uses[names[n]] == 1 else f"{names[n]} ({n})" for n in chosen)
    everything = classes == _ALL_SPECIES
    counts = {TRAIN_WEAKSUP: 85_578, TEST: 4182} if everything else dict.fromkeys(card.splits)
    return replace(card, classes=tuple(labelled), splits=counts)


@DATASETS.register(
    "fgvcx-fungi",
    title="FGVCx Fungi 2018: the fifty most frequent species of mushrooms, labels only",
    classes=(),
    splits={TRAIN_WEAKSUP: None, TEST: None},
    annotations=("labels",),
    revision="2018 (train.json, val.json)",
    licence="non-commercial research and education; each image has its rights holder",
    citation=(
        "@misc{fgvcx2018fungi, author = {{Svampe Atlas and FGVC5}}, title = {2018 FGVCx Fungi "
        "Classification Challenge}, howpublished = {CVPR Workshop on Fine-Grained Visual "
        "Categorization}, year = {2018}}"
    ),
    homepage="https://github.com/visipedia/fgvcx_fungi_comp",
    layout=(
        "DIR/{train.json,val.json} and the images below DIR as the JSON names them "
        "(images/<species>/<image>); DIR may also hold all that in a folder fgvcx-fungi."
    ),
    notes=(
        "Nothing tells where the mushrooms are: maps, classification metrics and pictures, but no "
        "localization. The classes are the 50 species with the most images in train.json (ties: "
        "smaller category id first), labels in order of the category ids; fgvcx-fungi(classes=1394)"
        " takes all. train-weaksup is train.json (85,578 images of all species), test is val.json "
        "(4,182), for labels of the official test set are not public."
    ),
    downloads=(
        Download(f"{_HOST}fungi_train_val.tgz", "md5:df2b2980835668ed1d9a0e286e4bdadd"),
        Download(f"{_HOST}train_val_annotations.tgz"),
    ),
    binder=_bound,
)
def fgvcx_fungi(root: Path, split: str, *, classes: int = 50) -> Iterator[Sample | Problem]:
    """Read one split."""
    train_path, path = _find(root, _FILES[TRAIN_WEAKSUP]), _find(root, _FILES[split])
    train = read_coco(train_path)
    labels = {number: label for label, number in enumerate(_most_frequent(train, classes))}
    file = train if path == train_path else read_coco(path)
    for image in file.images:
        numbers = {entry["category_id"] for entry in file.annotations.get(image["id"], ())}
        name = str(image["file_name"])
        if len(numbers) != 1:
            yield Problem(name, f"expected one category, but got {len(numbers)}")
        elif numbers <= labels.keys():
            if (path.parent / name).is_file():
                yield Sample(name, path.parent / name, None, (labels[numbers.pop()],))
            else:
                yield Problem(name, f"no image file {name}")


def _find(root: Path, name: str) -> Path:
    for home in _HOMES:
        if (root / home / name).is_file():
            return root / home / name
    raise not_found(root, (name, f"fgvcx-fungi/{name}"), what="annotation of FGVCx Fungi")


def _most_frequent(file: CocoFile, count: int) -> list[int]:
    """Ids of the categories with the most images, ascending."""
    if count < 1:
        raise OptionError(f"expected classes=1 or more, but got {count}")
    uses = Counter(entry["category_id"] for those in file.annotations.values() for entry in those)
    if len(uses) < count and count != _ALL_SPECIES:
        raise DataError(f"expected at least {count} species in train.json, but got {len(uses)}")
    by_use = sorted(uses, key=lambda number: (-uses[number], number))
    return sorted(by_use[:count])
