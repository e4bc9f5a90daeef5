"""Small trees in official layouts, made in a temporary folder."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from wsolbench.registry import DATASETS


def annotation_xml(size_wh, objects):
    """XML of PASCAL VOC; an object is (name, (xmin, ymin, xmax, ymax)[, further XML])."""
    entries = "".join(
        f"<object><name>{name}</name>{''.join(more)}<bndbox><xmin>{box[0]}</xmin>"
        f"<ymin>{box[1]}</ymin><xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox></object>"
        for name, box, *more in objects
    )
    width, height = size_wh
    size = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    return f"<annotation>{size}{entries}</annotation>"


def write_image(path, size_wh=(20, 10)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size_wh).save(path, format="JPEG")


def write_array(path, pixels):
    """An image without loss: ``[H, W]`` or ``[H, W, 3]``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(path, format="PNG")


def write_text(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


MASK_FOLDERS = {
    "mask": "SegmentationClass",
    "aug": "SegmentationClassAug",
    "objects_mask": "SegmentationObject",
}


@dataclass
class DevkitTree:
    """Writes a VOC devkit below ``root``."""

    root: Path
    name: str = "VOC2012"

    @property
    def folder(self):
        return self.root / "VOCdevkit" / self.name

    def write(self, image_set, ids):
        path = self.folder / "ImageSets" / f"{image_set}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{image_id}\n" for image_id in ids), encoding="utf-8")

    def add(self, image_id, objects=(), *, size_wh=(20, 10), xml=None, **masks):
        """An image, its annotation (``xml`` as it stands, if given) and perhaps its masks."""
        write_image(self.folder / "JPEGImages" / f"{image_id}.jpg", size_wh)
        (self.folder / "Annotations").mkdir(exist_ok=True)
        text = annotation_xml(size_wh, objects) if xml is None else xml
        (self.folder / "Annotations" / f"{image_id}.xml").write_text(text, encoding="utf-8")
        for name, mask in masks.items():
            write_array(self.folder / MASK_FOLDERS[name] / f"{image_id}.png", mask)


@dataclass
class Tree:
    """Writes files of any kind below ``root``."""

    root: Path

    def image(self, path, size_wh=(20, 10)):
        write_image(self.root / path, size_wh)

    def array(self, path, pixels):
        write_array(self.root / path, pixels)

    def text(self, path, *lines):
        write_text(self.root / path, *lines)

    def json(self, path, content):
        write_text(self.root / path, json.dumps(content))

    def xml(self, path, objects, size_wh=(20, 10)):
        write_text(self.root / path, annotation_xml(size_wh, objects))

    def mat(self, path, **variables):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        savemat(self.root / path, variables)

    def load(self, name, split="test", **options):
        return DATASETS[name].with_options(options).load(split, self.root)


@dataclass
class IlsvrcTree(Tree):
    """Writes ILSVRC, official or with wsol2020 metadata, below ``root``."""

    def xml(self, path, objects, size_wh=(20, 10)):
        super().xml(f"ILSVRC/Annotations/CLS-LOC/{path}", objects, size_wh)

    def metadata(self, split, *, home="metadata/ILSVRC", **files):
        folder = self.root / home / split
        for name, lines in files.items():
            write_text(folder / f"{name}.txt", *lines)
        return folder


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


@pytest.fixture
def devkit(tmp_path):
    return DevkitTree(tmp_path)


@pytest.fixture
def ilsvrc_tree(tmp_path):
    return IlsvrcTree(tmp_path)


@pytest.fixture(scope="session")
def digit_scenes_root(tmp_path_factory):
    """A small painted set of digit scenes: 20 images each to train and test on, 10 of val."""
    from wsolbench.datasets import _digit_scenes_painter as painter

    root = tmp_path_factory.mktemp("digit-scenes")
    painter.paint_digit_scenes(root, images={"train": 20, "val": 10, "test": 20})
    return root
