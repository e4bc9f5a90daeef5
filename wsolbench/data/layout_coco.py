"""Writing a data set in the layout of COCO."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wsolbench.data.placing import Placer, file_name
from wsolbench.data.regions import regions_of
from wsolbench.dataset import TEST, TRAIN_WEAKSUP, Dataset
from wsolbench.decode import official_size
from wsolbench.errors import SampleError
from wsolbench.sample import Instance, Sample

_PARTS = {TRAIN_WEAKSUP: "train2017", TEST: "val2017"}


class CocoWriter:
    """Writes ``annotations/instances_<part>.json`` and a folder of images per split.

    The part of train-weaksup is train2017 and that of test val2017; others have the split's name.
    Ids of images are their numeric names where all have such, else running numbers.

    Args:
        folder: an empty folder.
        dataset: the card.
        placer: puts the images.
    """

    def __init__(self, folder: Path, dataset: Dataset, placer: Placer) -> None:
        self._folder, self._dataset, self._placer = folder, dataset, placer
        self._images = 0
        self._annotations = 0
        self.losses: Counter[str] = Counter()

    def write(self, split: str, samples: Sequence[Sample]) -> int:
        """Write one split, annotations as they come; returns how many images were written."""
        part = _PARTS.get(split, split)
        path = self._folder / "annotations" / f"instances_{part}.json"
        path.parent.mkdir(exist_ok=True)
        images: list[dict[str, Any]] = []
        numeric = all(Path(sample.id).stem.isdecimal() for sample in samples)
        with path.open("w", encoding="utf-8") as file:
            file.write('{"annotations": [')
            comma = ""
            for sample in samples:
                try:
                    image, entries = self._entry(sample, part, numeric=numeric)
                except SampleError as error:
                    self.losses[f"images that cannot be read, as {sample.id}: {error}"] += 1
                    continue
                images.append(image)
                for entry in entries:
                    file.write(f"{comma}\n{json.dumps(entry)}")
                    comma = ","
            file.write(f'\n],\n"images": {json.dumps(images)},\n')
            file.write(f'"categories": {json.dumps(self._categories())},\n')
            file.write(f'"info": {json.dumps(self._info())}, "licenses": []}}\n')
        return len(images)

    def _entry(
        self, sample: Sample, part: str, *, numeric: bool
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        name = file_name(sample)
        width, height = official_size(sample)
        regions, divided = regions_of(sample)
        self._placer.place(sample.path, self._folder / part / name)
        self._images += 1
        number = int(Path(sample.id).stem) if numeric else self._images
        self._count_losses(sample, divided=divided)
        image = {"id": number, "file_name": str(name), "width": width, "height": height}
        entries = [
            self._annotation(one, number, regions[i] if regions else None)
            for i, one in enumerate(sample.instances)
        ]
        return image, entries

    def _annotation(self, instance: Instance, image: int, region: Any) -> dict[str, Any]:
        self._annotations += 1
        x0, y0, x1, y1 = instance.box_xyxy
        width, height = x1 - x0 + 1, y1 - y0 + 1
        entry = {
            "id": self._annotations,
            "image_id": image,
            "category_id": instance.label + 1,
            "bbox": [x0, y0, width, height],
            "area": width * height,
            "iscrowd": int(instance.crowd),
        }
        return entry if region is None else {**entry, "segmentation": region}

    def _count_losses(self, sample: Sample, *, divided: bool) -> None:
        flagged = sum(one.difficult or one.truncated or one.occluded for one in sample.instances)
        with_box = {instance.label for instance in sample.instances}
        self.losses["objects that lose their flags difficult, truncated or occluded"] += flagged
        self.losses["labels without a box"] += len(set(sample.labels) - with_box)
        self.losses["images whose class mask was divided among its boxes"] += divided
        if sample.masks is not None and sample.labels:
            _, ignored = sample.masks.read(sample.labels[0])
            self.losses["masks that lose their pixels to ignore"] += bool(ignored.any())

    def _categories(self) -> list[dict[str, Any]]:
        return [
            {"id": label + 1, "name": name, "supercategory": ""}
            for label, name in enumerate(self._dataset.classes)
        ]

    def _info(self) -> dict[str, str]:
        return {
            "description": f"{self._dataset.name}, {self._dataset.title}",
            "version": self._dataset.revision,
            "url": self._dataset.homepage,
            "licence": self._dataset.licence,
        }
