"""Reading a split that the wsol2020 metadata describes, wherever its images are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from wsolbench.dataset import TEST, TRAIN_FULLSUP, TRAIN_WEAKSUP, not_found
from wsolbench.errors import SampleError
from wsolbench.sample import Problem, Sample

from ._wsol2020 import Metadata

METADATA_NAMES = {TRAIN_WEAKSUP: "train", TRAIN_FULLSUP: "val", TEST: "test"}


def metadata_homes(name: str, split: str) -> tuple[str, ...]:
    """Folders below the root where the metadata of a split may be."""
    homes = ("wsolevaluation-metadata", "metadata")
    return tuple(f"{home}/{name}/{METADATA_NAMES[split]}" for home in homes)


def read_described(
    metadata: Metadata, images: Mapping[str, Path], folder: Path, labels: int
) -> Iterator[Sample | Problem]:
    """Every image of the metadata, with its boxes; of the masks see `openimages30k`.

    Args:
        metadata: of the split.
        images: files by image id.
        folder: where they were looked for.
        labels: number of classes.

    Raises:
        DataError: none of the images is there.
    """
    if images.keys().isdisjoint(metadata.ids):
        looked_for = metadata.ids[0] if metadata.ids else "images of image_ids.txt"
        raise not_found(folder, (looked_for,), what="image that the wsol2020 metadata lists")
    for image_id in metadata.ids:
        try:
            yield _sample(metadata, image_id, images.get(image_id), labels)
        except SampleError as error:
            yield Problem(image_id, str(error))
    for image_id in metadata.strays:
        yield Problem(image_id, "annotated, but not listed in image_ids.txt")


def _sample(metadata: Metadata, image_id: str, path: Path | None, labels: int) -> Sample:
    if path is None:
        raise SampleError(f"no image file {image_id}")
    sample = metadata.sample(image_id, path)
    if sample.labels[0] not in range(labels):
        raise SampleError(f"the label {sample.labels[0]} is not one of 0..{labels - 1}")
    return sample
