"""Stanford Dogs: 120 breeds of dogs, with the boxes of ImageNet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from wsolbench.dataset import (
    TEST,
    TRAIN_FULLSUP,
    TRAIN_WEAKSUP,
    Download,
    find_folder,
)
from wsolbench.errors import SampleError
from wsolbench.registry import DATASETS
from wsolbench.sample import Problem, Sample

from ._ilsvrc import SYNSETS
from ._mat import read_mat
from ._pascal_xml import read_annotation

_DALMATIAN = 251  # of the dogs of ILSVRC, 151 to 268 and 273 to 275, the one that is missing here
_SYNSETS = tuple(SYNSETS[n] for n in (*range(151, 269), *range(273, 276)) if n != _DALMATIAN)
_LISTS = {TRAIN_WEAKSUP: "train_list.mat", TRAIN_FULLSUP: "train_list.mat", TEST: "test_list.mat"}
_CALIBRATION = 10
_HOST = "http://vision.stanford.edu/aditya86/ImageNetDogs/"


@DATASETS.register(
    "stanford-dogs",
    title="Stanford Dogs: 120 breeds",
    classes=tuple(synset.words[0] for synset in _SYNSETS),
    splits={TRAIN_WEAKSUP: 12_000, TRAIN_FULLSUP: _CALIBRATION * 120, TEST: 8580},
    annotations=("labels", "boxes"),
    revision="2011 (lists/train_list.mat, lists/test_list.mat)",
    licence="ImageNet's terms of access: non-commercial research and education",
    citation=(
        "@inproceedings{khosla2011novel, author = {Khosla, Aditya and Jayadevaprakash, Nityananda "
        "and Yao, Bangpeng and Fei-Fei, Li}, title = {Novel Dataset for Fine-Grained Image "
        "Categorization}, booktitle = {CVPR Workshop on Fine-Grained Visual Categorization}, year "
        "= {2011}}"
    ),
    homepage="http://vision.stanford.edu/aditya86/ImageNetDogs/",
    layout=(
        "DIR/stanford-dogs/{Images,Annotation,train_list.mat,test_list.mat} as in the official "
        "archives; the lists may be in lists/, DIR may be stanford-dogs itself."
    ),
    notes=(
        "train-weaksup and test are the official split; train-fullsup is the last 10 training "
        "images of each breed, so that a threshold calibrated there has seen training images. "
        "Boxes are used as they are, 0-based inclusive as in ILSVRC, whose training set holds "
        "these images: a network trained on ImageNet has seen them."
    ),
    downloads=(
        Download(f"{_HOST}images.tar", "md5:1bb1f2a596ae7057f99d7d75860002ef", "stanford-dogs"),
        Download(f"{_HOST}annotation.tar", "md5:4298cc0031f6bc6e74612ac83b5988e2", "stanford-dogs"),
        Download(f"{_HOST}lists.tar", "md5:edbb9f16854ec66506b5f09b583e0656", "stanford-dogs"),
    ),
)
def stanford_dogs(root: Path, split: str) -> Iterator[Sample | Problem]:
    """Read one split."""
    homes = ("stanford-dogs/Images", "StanfordDogs/Images", "stanford_dogs/Images", "Images")
    folder = find_folder(root, homes, what="folder of Stanford Dogs").parent
    lists = folder / "lists" if (folder / "lists").is_dir() else folder
    files, labels = read_mat(lists / _LISTS[split], "file_list", "labels")
    rows = list(zip(map(str, np.atleast_1d(files)), np.atleast_1d(labels).tolist(), strict=True))
    for name, label in _last_of_each(rows) if split == TRAIN_FULLSUP else rows:
        try:
            yield _sample(folder, name, int(label) - 1)
        except SampleError as error:
            yield Problem(name, str(error))


def _last_of_each(rows: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """The last rows of each label, in their order."""
    by_label: dict[int, list[tuple[str, int]]] = {}
    for row in rows:
        by_label.setdefault(row[1], []).append(row)
    chosen = {row for those in by_label.values() for row in those[-_CALIBRATION:]}
    return [row for row in rows if row in chosen]


def _sample(folder: Path, name: str, label: int) -> Sample:
    path = folder / "Images" / name
    if label not in range(len(_SYNSETS)):
        raise SampleError(f"expected a label of 1..{len(_SYNSETS)}, but got {label + 1}")
    if not name.startswith(_SYNSETS[label].wnid):
        raise SampleError(f"expected an image of {_SYNSETS[label].wnid} for label {label + 1}")
    if not path.is_file():
        raise SampleError(f"no image file Images/{name}")
    xml = folder / "Annotation" / name.rpartition(".")[0]
    if not xml.is_file():
        raise SampleError(f"no annotation Annotation/{name.rpartition('.')[0]}")
    annotation = read_annotation(xml, label, origin=0)
    return Sample(name, path, annotation.size_wh, (label,), annotation.instances)
