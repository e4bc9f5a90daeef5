"""Writes the digit scenes to disk, in the official layout of the VOC devkit.

The data set is embedded: its digits and photographs come with scikit-learn, so it needs no network.
What an image shows is decided in `_digit_scenes_scene`; here are files, processes and the counts
that the card states.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from wsolbench.errors import DataError

from ._digit_scenes_scene import DIGIT_NAMES, SCENE_SPLITS, Mask, Scene, paint_scene

DIGIT_SCENES_REVISION: Final = "1"
IMAGES_BY_SPLIT: Final[Mapping[str, int]] = {
    name: split.images for name, split in SCENE_SPLITS.items()
}
OBJECTS_BY_SPLIT: Final[Mapping[str, int]] = {"train": 5178, "val": 337, "test": 816}
"""How many objects the images show when the seed is 0."""
ANNOTATIONS_SHA256: Final = "452ee48c7c83a1e04439b717072733c5c712db9fdaa403cfd1027ec9f41b7396"
"""What `annotations_sha256` gives when the seed is 0."""

_STAMP: Final = "digit-scenes.json"
_FOLDERS: Final = (
    "Annotations", "JPEGImages", "SegmentationClass", "SegmentationObject",
    "ImageSets/Main", "ImageSets/Segmentation",
)  # fmt: skip
_IMAGES_WORTH_A_PROCESS: Final = 400
_MAX_PROCESSES: Final = 8


def paint_digit_scenes(
    root: Path,
    *,
    seed: int = 0,
    images: Mapping[str, int] = IMAGES_BY_SPLIT,
    progress: Callable[[float], None] | None = None,
) -> Path:
    """Write the whole data set to `root/VOCdevkit/DigitScenes`, unless it is there.

    It is painted into a temporary sibling folder and renamed at the end: an interrupted run leaves
    no half data set, and of two runs at once one wins and both find the same files.

    Args:
        root: folder for the devkit; made if missing.
        seed: decides everything that is left to chance.
        images: number of images by split.
        progress: called now and then with the share that is done, about 0 to 1.

    Returns:
        The folder of the data set.

    Raises:
        DataError: the folder holds something else (another revision, seed or number of images).
    """
    stamp = {"revision": DIGIT_SCENES_REVISION, "seed": seed, "images": dict(images)}
    target = root / "VOCdevkit" / "DigitScenes"
    if _is_painted(target, stamp):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".DigitScenes.{uuid.uuid4().hex}")
    try:
        _write_devkit(draft, seed, images, progress)
        (draft / _STAMP).write_text(json.dumps(stamp, indent=2) + "\n", encoding="utf-8")
        _settle(draft, target, stamp)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def annotations_sha256(folder: Path) -> str:
    """One digest over all annotations of a painted data set, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted((folder / "Annotations").iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _is_painted(target: Path, stamp: Mapping[str, object]) -> bool:
    """Whether `target` holds the very data set of the stamp."""
    if not target.exists():
        return False
    try:
        found = json.loads((target / _STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = "something else"
    if found != stamp:
        raise DataError(
            f"expected digit scenes of {stamp}, or nothing, at {target}, but found {found}; "
            "move that folder away or choose another root"
        )
    return True


def _settle(draft: Path, target: Path, stamp: Mapping[str, object]) -> None:
    """Rename the finished draft, unless another run was first."""
    try:
        draft.rename(target)
    except OSError:
        if not _is_painted(target, stamp):
            raise


def _write_devkit(
    folder: Path, seed: int, images: Mapping[str, int], progress: Callable[[float], None] | None
) -> None:
    for name in _FOLDERS:
        (folder / name).mkdir(parents=True)
    for split, count in images.items():
        listing = "".join(f"{_scene_id(split, index)}\n" for index in range(count))
        for task in ("Main", "Segmentation"):
            (folder / "ImageSets" / task / f"{split}.txt").write_text(listing, encoding="utf-8")
    shards = min(
        os.cpu_count() or 1, 1 + sum(images.values()) // _IMAGES_WORTH_A_PROCESS, _MAX_PROCESSES
    )
    with _other_shards(folder, seed, images, shards):
        _paint_shard(folder, seed, images, shard=0, shards=shards, progress=progress)


@contextmanager
def _other_shards(
    folder: Path, seed: int, images: Mapping[str, int], shards: int
) -> Iterator[None]:
    """Paint all shards but the first in processes of their own meanwhile.

    They run this module as a script: unlike `multiprocessing` that neither forks a process full of
    threads nor runs the user's main module again.
    """
    arguments = [str(folder), str(seed), json.dumps(dict(images)), str(shards)]
    command = [sys.executable, "-P", "-m", __name__, *arguments]
    with ExitStack() as stack:
        painters = []
        for shard in range(1, shards):
            painter = subprocess.Popen(  # noqa: S603 (runs this very module)
                [*command, str(shard)], stderr=subprocess.PIPE, text=True
            )
            painters.append(stack.enter_context(painter))
            stack.callback(painter.kill)
        yield
        for painter in painters:
            _, complaint = painter.communicate()
            if painter.returncode:
                raise RuntimeError(f"painting digit scenes failed: {complaint}")


def _paint_shard(
    folder: Path,
    seed: int,
    images: Mapping[str, int],
    *,
    shard: int,
    shards: int,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Paint every `shards`-th image, from the one at `shard` on."""
    jobs = [(split, index) for split, count in images.items() for index in range(count)]
    mine = jobs[shard::shards]
    for done, (split, index) in enumerate(mine, start=1):
        write_scene(folder, _scene_id(split, index), paint_scene(split, index, seed=seed))
        if progress is not None:
            progress(done / len(mine))


def _scene_id(split: str, index: int) -> str:
    return f"{split}_{index:05d}"


def write_scene(folder: Path, scene_id: str, scene: Scene) -> None:
    """Write image, annotation and both masks of one scene in the layout of the devkit."""
    Image.fromarray(scene.pixels).save(folder / "JPEGImages" / f"{scene_id}.jpg", quality=92)
    objects = np.zeros(scene.pixels.shape[:2], dtype=np.uint8)
    for number, mask in enumerate(scene.masks, start=1):
        objects[mask] = number
    classes = np.where(objects > 0, np.uint8(scene.digit + 1), np.uint8(0))
    for name, indices in (("SegmentationObject", objects), ("SegmentationClass", classes)):
        picture = Image.fromarray(indices)
        picture.putpalette(_voc_palette())
        picture.save(folder / name / f"{scene_id}.png", compress_level=1)
    annotation = _annotation_xml(scene_id, scene)
    (folder / "Annotations" / f"{scene_id}.xml").write_text(annotation, encoding="utf-8")


def _annotation_xml(scene_id: str, scene: Scene) -> str:
    height, width = scene.pixels.shape[:2]
    objects = "".join(_object_xml(DIGIT_NAMES[scene.digit], mask) for mask in scene.masks)
    return f"""<annotation>
\t<folder>DigitScenes</folder>
\t<filename>{scene_id}.jpg</filename>
\t<source>
\t\t<database>wsolbench digit scenes, revision {DIGIT_SCENES_REVISION}</database>
\t</source>
\t<size>
\t\t<width>{width}</width>
\t\t<height>{height}</height>
\t\t<depth>3</depth>
\t</size>
\t<segmented>1</segmented>
{objects}</annotation>
"""


def _object_xml(name: str, mask: Mask) -> str:
    """One object; its corners are 1-based and inclusive, as the devkit has them."""
    rows, columns = np.flatnonzero(mask.any(axis=1)) + 1, np.flatnonzero(mask.any(axis=0)) + 1
    return f"""\t<object>
\t\t<name>{name}</name>
\t\t<pose>Unspecified</pose>
\t\t<truncated>0</truncated>
\t\t<difficult>0</difficult>
\t\t<bndbox>
\t\t\t<xmin>{columns[0]}</xmin>
\t\t\t<ymin>{rows[0]}</ymin>
\t\t\t<xmax>{columns[-1]}</xmax>
\t\t\t<ymax>{rows[-1]}</ymax>
\t\t</bndbox>
\t</object>
"""


@cache
def _voc_palette() -> bytes:
    """The devkit's colour for every index: its bits, dealt out in turn to red, green and blue."""
    index = np.arange(256)
    channels = [
        sum(((index >> (3 * place + channel)) & 1) << (7 - place) for place in range(3))
        for channel in range(3)
    ]
    return np.stack(channels, axis=1).astype(np.uint8).tobytes()


if __name__ == "__main__":
    _folder, _seed, _images, _shards, _shard = sys.argv[1:]
    _paint_shard(
        Path(_folder), int(_seed), json.loads(_images), shard=int(_shard), shards=int(_shards)
    )
