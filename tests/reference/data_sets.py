"""Small data sets of any shape, without a reader."""

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from wsolbench.dataset import Dataset
from wsolbench.sample import Sample


def md5(content):
    return f"md5:{hashlib.md5(content, usedforsecurity=False).hexdigest()}"


def save_image(path, size_wh=(20, 10), seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size_wh[1], size_wh[0], 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def dataset_of(found, **card):
    """A data set whose splits hold the samples given."""

    def read(root, split):
        return iter(found[split])

    facts = {
        "title": "T",
        "classes": ("cat", "dog"),
        "splits": dict.fromkeys(found),
        "annotations": ("labels", "boxes"),
        "licence": "L",
        "citation": "C",
        "homepage": "https://example.org/home",
        "layout": "DIR/images",
        "embedded": Path,  # so that no root is needed
    }
    return Dataset(name="made", function=read, **(facts | card))


def sample_of(path, labels=(0,), instances=(), size_wh=(20, 10), **more):
    return Sample(path.stem, path, size_wh, labels, instances, **more)
