"""Street View Text: words on pictures of streets; the class is whether there is text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse

from wsolbench.dataset import TEST, TRAIN_WEAKSUP, Download, not_found
from wsolbench.errors import DataError, SampleError
from wsolbench.registry import DATASETS
from wsolbench.sample import Instance, Problem, Sample

from ._boxes import fit_box
from .houses import HOUSES_COUNTS, TEXT, TEXT_CLASSES
from .houses import houses as read_houses

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_COUNTS = {TRAIN_WEAKSUP: 100, TEST: 249}
_FILES = {TRAIN_WEAKSUP: "train.xml", TEST: "test.xml"}
_HOMES = ("svt1", "svt/svt1", "svt", "SVT", ".")


def _counts(*, houses: bool) -> dict[str, int]:
    """Images of each split."""
    more = HOUSES_COUNTS if houses else dict.fromkeys(_COUNTS, 0)
    return {split: count + more[split] for split, count in _COUNTS.items()}


@DATASETS.register(
    "svt",
    title="Street View Text: words on pictures of streets, text or no text",
    classes=TEXT_CLASSES,
    splits=_COUNTS,
    counts=_counts,
    annotations=("labels", "boxes"),
    revision="svt1 (349 images: 100 to train, 249 to test)",
    licence="not stated by its authors; pictures of Google Street View, made for research",
    citation=(
        "@inproceedings{wang2011end, author = {Wang, Kai and Babenko, Boris and Belongie, Serge}, "
        "title = {End-to-End Scene Text Recognition}, booktitle = {IEEE International Conference "
        "on Computer Vision}, pages = {1457--1464}, year = {2011}}"
    ),
    homepage="http://vision.ucsd.edu/~kai/svt/",
    layout=(
        "DIR/svt1/{train.xml,test.xml,img} as in the official archive (also DIR/svt/svt1, DIR/svt "
        "or DIR itself)."
    ),
    notes=(
        "Every image shows text, and each word of the lexicon in it is a box; other text in the "
        "image has none. svt(houses=True) adds the pictures of the data set houses, found below "
        "the same DIR, as images without text, so that a classifier has two classes to tell "
        "apart; they have no boxes and no target to localize. There is no train-fullsup split."
    ),
    downloads=(
        Download(
            "http://vision.ucsd.edu/~kai/svt/svt.zip",
            "sha256:63b3d55e6b6d1e036e2a844a20c034fe3af3c32e4d914d6e0c4a3cd43df3bebf",
        ),
    ),
)
def svt(root: Path, split: str, *, houses: bool = False) -> Iterator[Sample | Problem]:
    """Read one split."""
    name = _FILES[split]
    home = next((root / home for home in _HOMES if (root / home / name).is_file()), None)
    if home is None:
        raise not_found(root, (f"svt1/{name}", name), what="annotation of Street View Text")
    for image in _images(home / name):
        yield from _entries(image, home)
    if houses:
        for entry in read_houses(root, split):
            yield replace(entry, id=f"houses/{entry.id}")


def _images(path: Path) -> list[Element]:
    try:
        images: list[Element] = parse(path).getroot().findall("image")
    except DefusedXmlException as error:
        raise DataError(f"{path} is refused as unsafe: {error}") from error
    except (SyntaxError, ValueError, LookupError, OSError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    return images


def _entries(image: Element, home: Path) -> Iterator[Sample | Problem]:
    """The sample of an image, and a problem for each word that cannot be used."""
    name = (image.findtext("imageName") or "").strip()
    path = home / name
    if not name or not path.is_file():
        yield Problem(name, f"no image file {name}")
        return
    try:
        size_wh = _size(image)
    except SampleError as error:
        yield Problem(name, str(error))
        return
    words = []
    for rectangle in image.iterfind("taggedRectangles/taggedRectangle"):
        try:
            words.append(_word(rectangle, size_wh))
        except SampleError as error:
            tag = (rectangle.findtext("tag") or "").strip()
            yield Problem(name, f"the word {tag!r} left out: {error}")
    yield Sample(name, path, size_wh, (TEXT,), tuple(words))


def _size(image: Element) -> tuple[int, int]:
    """Width and height; the tag is written with and without a capital."""
    resolution = next((e for e in image if e.tag.lower() == "resolution"), None)
    if resolution is None:
        raise SampleError("no resolution")
    width, height = (_number(resolution, side) for side in ("x", "y"))
    return int(width), int(height)


def _word(rectangle: Element, size_wh: tuple[int, int]) -> Instance:
    x, y, width, height = (_number(rectangle, name) for name in ("x", "y", "width", "height"))
    if not (width > 0 and height > 0):
        raise SampleError(f"the box is {width:g} x {height:g} pixels")
    return Instance(TEXT, fit_box((x, y, x + width - 1, y + height - 1), size_wh))


def _number(element: Element, name: str) -> float:
    try:
        return float(element.get(name, ""))
    except ValueError:
        raise SampleError(f"expected a number as {name}, but got {element.get(name)!r}") from None
