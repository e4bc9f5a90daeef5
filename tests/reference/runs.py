"""A network, data sets and methods so small that every number of a run is known by hand."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from wsolbench.dataset import Dataset
from wsolbench.sample import Instance, Problem, Sample

SIDE = 32
OUTER, MIDDLE, CORE = (2, 2, 29, 29), (8, 8, 23, 23), (12, 12, 19, 19)
LEVELS = {OUTER: 76, MIDDLE: 153, CORE: 255}  # nested squares, brighter inside
RED, GREEN = 0, 1


class ColourNet(nn.Module):
    """Features are the red and green of the image itself; a class is how much of it there is."""

    def __init__(self) -> None:
        super().__init__()
        self.pick = nn.Conv2d(3, 2, 1, bias=False)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(2, 2, bias=False)
        self.pick.weight.data = torch.tensor([[1.0, 0, 0], [0, 1, 0]]).reshape(2, 3, 1, 1)
        self.fc.weight.data = torch.eye(2)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.drop(self.pick(images).mean((2, 3))))


def paint(path: Path, colour: int = RED) -> Path:
    """Nested squares of one colour on black: a CAM of three steps."""
    pixels = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
    for (x0, y0, x1, y1), level in LEVELS.items():
        pixels[y0 : y1 + 1, x0 : x1 + 1, colour] = level
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def sample(path: Path, box_xyxy: tuple[int, ...], label: int = RED) -> Sample:
    """An image whose object of class ``label`` is said to fill ``box_xyxy``."""
    instance = Instance(label, tuple(map(float, box_xyxy)))
    return Sample(path.stem, path, (SIDE, SIDE), (label,), (instance,))


def card(splits: dict[str, list[Sample | Problem]], **more) -> Dataset:
    """A data set of two classes with these entries."""

    def read(root: Path, split: str) -> Iterator[Sample | Problem]:
        yield from splits[split]

    return Dataset(
        name="squares",
        function=read,
        title="Nested squares",
        classes=("red", "green"),
        splits={name: len(entries) for name, entries in splits.items()},
        annotations=("labels", "boxes"),
        licence="",
        citation="",
        homepage="",
        layout="",
        embedded=Path,
        **more,
    )


def squares(folder: Path) -> Dataset:
    """Test: the object is the core three times, the middle twice, the outer square once.

    Train-fullsup: always the middle. A threshold above .6 finds cores, above .3 middles, above 0
    the outer square.
    """
    truth = {"test": [CORE] * 3 + [MIDDLE] * 2 + [OUTER], "train-fullsup": [MIDDLE] * 2}
    return card(
        {
            split: [sample(paint(folder / split / f"{i}.png"), box) for i, box in enumerate(boxes)]
            for split, boxes in truth.items()
        }
    )
