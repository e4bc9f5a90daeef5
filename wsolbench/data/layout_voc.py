"""Writing a data set in the layout of the PASCAL VOC devkit."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from wsolbench.data.placing import Placer, file_name
from wsolbench.dataset import (
    SEG_TEST,
    SEG_TRAIN,
    SEG_TRAINAUG,
    SEG_VAL,
    TEST,
    TRAIN_FULLSUP,
    TRAIN_WEAKSUP,
    Dataset,
)
from wsolbench.decode import official_size
from wsolbench.errors import SampleError
from wsolbench.sample import Instance, Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LISTS = {
    TRAIN_WEAKSUP: "Main/train",
    TRAIN_FULLSUP: "Main/val",
    TEST: "Main/test",
    SEG_TRAIN: "Segmentation/train",
    SEG_VAL: "Segmentation/val",
    SEG_TEST: "Segmentation/test",
    SEG_TRAINAUG: "Segmentation/trainaug",
}
_LISTS_2012 = _LISTS | {TRAIN_FULLSUP: "Segmentation/train", TEST: "Main/val"}
_VOID = 255


class VocWriter:
    """Writes ``VOCdevkit/<name>`` with annotations, lists, images and masks.

    Lists are those of VOC 2007 (train, val, test for the three splits) and, for a devkit named
    VOC2012, those of VOC 2012, where test is Main/val. Pixels of several classes become void.

    Args:
        folder: an empty folder.
        dataset: the card.
        placer: puts the images.
        devkit: name of the folder in VOCdevkit.
    """

    def __init__(self, folder: Path, dataset: Dataset, placer: Placer, devkit: str) -> None:
        self._folder = folder / "VOCdevkit" / devkit
        self._dataset, self._placer = dataset, placer
        self._lists = _LISTS_2012 if devkit == "VOC2012" else _LISTS
        self.losses: Counter[str] = Counter()

    def write(self, split: str, samples: Sequence[Sample]) -> int:
        """Write one split; returns how many images were written."""
        names = []
        for sample in samples:
            try:
                names.append(self._sample(sample, split))
            except SampleError as error:
                self.losses[f"images that cannot be read, as {sample.id}: {error}"] += 1
        self._text(f"ImageSets/{self._lists[split]}.txt", "".join(f"{name}\n" for name in names))
        return len(names)

    def _sample(self, sample: Sample, split: str) -> str:
        size_wh = official_size(sample)
        goal = self._free_place(sample)
        self._placer.place(sample.path, goal)
        self._text(f"Annotations/{goal.stem}.xml", self._xml(sample, goal.name, size_wh))
        self._count_losses(sample)
        folder = "SegmentationClassAug" if split == SEG_TRAINAUG else "SegmentationClass"
        self._save(f"{folder}/{goal.stem}.png", self._class_mask(sample))
        self._save(f"SegmentationObject/{goal.stem}.png", _object_mask(sample))
        return goal.stem

    def _free_place(self, sample: Sample) -> Path:
        """A file in JPEGImages that no other image has; folders become part of the name."""
        flat = "_".join(file_name(sample).parts)
        goal = self._folder / "JPEGImages" / flat
        number = 2
        while not self._placer.is_free(goal, sample.path):
            goal = goal.with_name(f"{Path(flat).stem}-{number}{goal.suffix}")
            number += 1
        return goal

    def _xml(self, sample: Sample, name: str, size_wh: tuple[int, int]) -> str:
        objects = "".join(self._object(instance) for instance in sample.instances)
        return (
            f"<annotation>\n  <folder>{html.escape(self._folder.name)}</folder>\n"
            f"  <filename>{html.escape(name)}</filename>\n"
            f"  <source><database>{html.escape(self._dataset.name)}</database></source>\n"
            f"  <size><width>{size_wh[0]}</width><height>{size_wh[1]}</height>"
            f"<depth>3</depth></size>\n"
            f"  <segmented>{int(sample.masks is not None)}</segmented>\n{objects}</annotation>\n"
        )

    def _object(self, instance: Instance) -> str:
        ends = zip(("xmin", "ymin", "xmax", "ymax"), instance.box_xyxy, strict=True)
        bounds = "".join(f"<{end}>{_number(value + 1)}</{end}>" for end, value in ends)
        name = html.escape(self._dataset.classes[instance.label])
        return (
            f"  <object><name>{name}</name><truncated>{int(instance.truncated)}</truncated>"
            f"<difficult>{int(instance.difficult)}</difficult>"
            f"<occluded>{int(instance.occluded)}</occluded><bndbox>{bounds}</bndbox></object>\n"
        )

    def _class_mask(self, sample: Sample) -> NDArray[np.uint8] | None:
        """Label + 1 per pixel, void where pixels are ignored or of several classes."""
        if sample.masks is None or not sample.labels:
            return None
        if len(self._dataset.classes) > _VOID - 1:
            self.losses["masks, because class masks hold 254 classes at most"] += 1
            return None
        read = {label: sample.masks.read(label) for label in sample.labels}
        indices = np.zeros(next(iter(read.values()))[0].shape, dtype=np.uint8)
        claims = np.zeros(indices.shape, dtype=np.int64)
        for label, (mask, _) in read.items():
            indices[mask] = label + 1
            claims += mask
        ignored = np.logical_or.reduce([ignored for _, ignored in read.values()])
        indices[(claims > 1) | (ignored & (claims == 0))] = _VOID
        self.losses["masks with pixels of several classes, which become void"] += bool(
            (claims > 1).any()
        )
        return indices

    def _count_losses(self, sample: Sample) -> None:
        crowds = sum(instance.crowd for instance in sample.instances)
        with_box = {instance.label for instance in sample.instances}
        self.losses["objects that lose their flag crowd"] += crowds
        self.losses["labels without a box"] += len(set(sample.labels) - with_box)

    def _save(self, name: str, indices: NDArray[np.uint8] | None) -> None:
        path = self._folder / name
        if indices is not None and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            picture = Image.fromarray(indices, mode="P")
            picture.putpalette(_PALETTE)
            picture.save(path)

    def _text(self, name: str, text: str) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _object_mask(sample: Sample) -> NDArray[np.uint8] | None:
    """Number of the instance + 1 per pixel."""
    if sample.instance_masks is None or not 0 < len(sample.instances) < _VOID:
        return None
    masks = [sample.instance_masks.read(i) for i in range(len(sample.instances))]
    indices = np.zeros(masks[0].shape, dtype=np.uint8)
    for i, mask in enumerate(masks):
        indices[mask] = i + 1
    return indices


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def _palette() -> list[int]:
    """The colours of PASCAL VOC: bits of the index, spread over the bits of red, green, blue."""
    colours = []
    for index in range(256):
        for channel in range(3):
            bits = ((index >> (channel + 3 * place)) & 1 for place in range(3))
            colours.append(sum(bit << (7 - place) for place, bit in enumerate(bits)))
    return colours


_PALETTE = _palette()
