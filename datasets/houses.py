"""Houses: pictures of houses and rooms, the class without text beside street view text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from wsolbench.dataset import TEST, TRAIN_WEAKSUP, not_found
from wsolbench.registry import DATASETS
from wsolbench.sample import Problem, Sample

from ._files import files_by_stem, first_folder

NO_TEXT, TEXT = 0, 1
TEXT_CLASSES = ("no text", "text")

_NAME = re.compile(r"(\d+)_(bathroom|bedroom|frontal|kitchen)")
_HOMES = ("Houses-dataset/Houses Dataset", "Houses-dataset-master/Houses Dataset", "Houses Dataset",
          "houses", ".")  # fmt: skip
_EVERY = 5
HOUSES_COUNTS = {TRAIN_WEAKSUP: 1712, TEST: 428}


@DATASETS.register(
    "houses",
    title="Houses: pictures of houses and rooms, the class without text",
    classes=TEXT_CLASSES,
    labels=(NO_TEXT,),
    splits=HOUSES_COUNTS,
    annotations=("labels",),
    revision="Houses-dataset of 2016 (535 houses, four pictures each)",
    licence="not stated: the repository has no licence file; pictures of property offers",
    citation=(
        "@inproceedings{ahmed2016house, author = {Ahmed, Eman H. and Moustafa, Mohamed N.}, title "
        "= {House Price Estimation from Visual and Textual Features}, booktitle = {International "
        "Joint Conference on Computational Intelligence}, year = {2016}}"
    ),
    homepage="https://github.com/emanhamed/Houses-dataset",
    layout=(
        "DIR/Houses-dataset/Houses Dataset/{1..535}_{bathroom,bedroom,frontal,kitchen}.jpg as in "
        "the repository (also DIR/Houses Dataset, DIR/houses or DIR itself)."
    ),
    notes=(
        "Every picture is of the class 'no text', so there is nothing to localize: it serves with "
        "svt, see svt(houses=True). There is no official split: houses whose number is a multiple "
        "of 5 are test, the others train-weaksup. Prices are not read."
    ),
    instructions="git clone https://github.com/emanhamed/Houses-dataset in DIR.",
)
def houses(root: Path, split: str) -> Iterator[Sample | Problem]:
    """Read one split."""
    for home in _HOMES:
        folder = first_folder(root, (home,))
        found = {} if folder is None else _pictures(folder)
        if found:
            break
    else:
        raise not_found(root, ("Houses Dataset/1_frontal.jpg",), what="picture of the houses")
    for (number, _), path in sorted(found.items()):
        if (number % _EVERY == 0) == (split == TEST):
            yield Sample(path.name, path, None, (NO_TEXT,))


def _pictures(folder: Path) -> dict[tuple[int, str], Path]:
    """The pictures by number of the house and what they show."""
    images = files_by_stem(folder, (".jpg", ".jpeg", ".png"))
    matches = {path: _NAME.fullmatch(stem) for stem, path in images.items()}
    return {(int(m[1]), m[2]): path for path, m in matches.items() if m is not None}
