"""Annotations in the XML of PASCAL VOC, which ILSVRC uses too. Parsed by defusedxml."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse

from wsolbench.errors import SampleError, UnknownNameError
from wsolbench.sample import Instance

from ._boxes import fit_box

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from wsolbench.sample import Box


@dataclass(frozen=True, slots=True)
class Annotation:
    """What one XML file says.

    Attributes:
        size_wh: official width and height of the image.
        instances: its objects, in the order of the file.
    """

    size_wh: tuple[int, int]
    instances: tuple[Instance, ...]

    @property
    def labels(self) -> tuple[int, ...]:
        """Classes present, ascending, without repetition."""
        return tuple(sorted({instance.label for instance in self.instances}))


def read_annotation(path: Path, labels: Mapping[str, int] | int, *, origin: int) -> Annotation:
    """Read one annotation; only direct children of an object count, not the boxes of its parts.

    Args:
        path: the XML file.
        labels: class name in the file -> label; or the label of every object.
        origin: coordinate of the first pixel: 1 in PASCAL VOC, 0 in ILSVRC.

    Raises:
        SampleError: the file cannot be read, is refused as an attack, or its content is wrong.
    """
    try:
        root = parse(path).getroot()
    except DefusedXmlException as error:
        raise SampleError(f"the annotation {path.name} is refused as unsafe: {error}") from error
    except (SyntaxError, ValueError, LookupError, OSError) as error:
        raise SampleError(f"the annotation {path.name} cannot be read: {error}") from error
    try:
        size_wh = _size(root)
        objects = tuple(
            _instance(entry, labels, size_wh, origin) for entry in root.findall("object")
        )
    except SampleError as error:
        raise SampleError(f"the annotation {path.name} is wrong: {error}") from error
    return Annotation(size_wh, objects)


def _size(root: Element) -> tuple[int, int]:
    width, height = (int(_number(root, f"size/{side}")) for side in ("width", "height"))
    if min(width, height) < 1:
        raise SampleError(f"expected a size in pixels, but got {width} x {height}")
    return width, height


def _instance(
    entry: Element, labels: Mapping[str, int] | int, size_wh: tuple[int, int], origin: int
) -> Instance:
    label = labels if isinstance(labels, int) else _label(entry, labels)
    box = _box(entry, origin)
    return Instance(
        label=label,
        box_xyxy=fit_box(box, size_wh),
        difficult=_flag(entry, "difficult"),
        truncated=_flag(entry, "truncated"),
        occluded=_flag(entry, "occluded"),
    )


def _label(entry: Element, labels: Mapping[str, int]) -> int:
    name = (entry.findtext("name") or "").strip()
    if name not in labels:
        raise SampleError(str(UnknownNameError("class", name, labels)))
    return labels[name]


def _box(entry: Element, origin: int) -> Box:
    bounds = entry.find("bndbox")
    if bounds is None:
        raise SampleError("an object has no bndbox")
    x0, y0, x1, y1 = (_number(bounds, end) - origin for end in ("xmin", "ymin", "xmax", "ymax"))
    return x0, y0, x1, y1


def _number(element: Element, tag: str) -> float:
    text = element.findtext(tag)
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise SampleError(f"expected a number as {tag}, but got {text!r}")
    return value


def _flag(entry: Element, tag: str) -> bool:
    return (entry.findtext(tag) or "").strip() == "1"
