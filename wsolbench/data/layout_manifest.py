"""Writing a data set as images and one list: ``manifest.jsonl``, a row an image."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wsolbench.data.placing import Placer, file_name
from wsolbench.data.regions import text_of
from wsolbench.dataset import Dataset
from wsolbench.errors import SampleError
from wsolbench.masks import encode
from wsolbench.sample import Instance, Sample

_FLAGS = ("difficult", "truncated", "occluded", "crowd")


class ManifestWriter:
    """Writes ``manifest.jsonl``, ``classes.txt`` and ``images``; masks are run-length codes.

    Args:
        folder: an empty folder.
        dataset: the card.
        placer: puts the images.
    """

    def __init__(self, folder: Path, dataset: Dataset, placer: Placer) -> None:
        self._folder, self._dataset, self._placer = folder, dataset, placer
        self.losses: Counter[str] = Counter()
        classes = "".join(f"{name}\n" for name in dataset.classes)
        (folder / "classes.txt").write_text(classes, encoding="utf-8")

    def write(self, split: str, samples: Sequence[Sample]) -> int:
        """Append one split; returns how many images were written."""
        written = 0
        with (self._folder / "manifest.jsonl").open("a", encoding="utf-8") as file:
            for sample in samples:
                try:
                    row = self._row(sample, split)
                except SampleError as error:
                    self.losses[f"images that cannot be read, as {sample.id}: {error}"] += 1
                else:
                    file.write(json.dumps(row) + "\n")
                    written += 1
        return written

    def _row(self, sample: Sample, split: str) -> dict[str, Any]:
        masks = self._masks(sample)
        place = self._folder / "images" / file_name(sample)
        if not self._placer.is_free(place, sample.path):  # splits may use one name twice
            place = self._folder / split / file_name(sample)
        self._placer.place(sample.path, place)
        row: dict[str, Any] = {
            "id": sample.id,
            "path": place.relative_to(self._folder).as_posix(),
            "split": split,
            "labels": [self._dataset.classes[label] for label in sample.labels],
        }
        if sample.size_wh is not None:
            row |= {"width": sample.size_wh[0], "height": sample.size_wh[1]}
        if sample.instances:
            row["boxes"] = [self._box(instance) for instance in sample.instances]
        self.losses["regions of single objects; those of their classes are kept"] += (
            sample.instance_masks is not None
        )
        return row | ({"masks": masks} if masks else {})

    def _box(self, instance: Instance) -> dict[str, Any]:
        name = self._dataset.classes[instance.label]
        flags = {flag: True for flag in _FLAGS if getattr(instance, flag)}
        return {"label": name, "box_xyxy": list(instance.box_xyxy), **flags}

    def _masks(self, sample: Sample) -> list[dict[str, Any]]:
        if sample.masks is None:
            return []
        entries = []
        for label in sample.labels:
            mask, ignored = sample.masks.read(label)
            entry = {"label": self._dataset.classes[label], "rle": text_of(encode(mask))}
            if ignored.any():
                entry["ignore_rle"] = text_of(encode(ignored))
            entries.append(entry)
        return entries
