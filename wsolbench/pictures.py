"""Training images with one label each, decoded once and kept in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from wsolbench.decode import read_image
from wsolbench.errors import InputError
from wsolbench.sample import Sample


class Pictures(Dataset[tuple[Tensor, int]]):
    """Images warped to one size, uint8 ``[3, side, side]``, with their labels.

    Args:
        samples: each with one label.
        side: height and width.
    """

    def __init__(self, samples: Sequence[Sample], side: int) -> None:
        self._samples, self._side = samples, side
        self._kept: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        """The image and label of a sample.

        Raises:
            SampleError: the image cannot be read.
            InputError: there is not exactly one label.
        """
        sample = self._samples[position]
        if position not in self._kept:
            image = read_image(sample.path, size_wh=sample.size_wh)
            pixels = image.resize((self._side, self._side), Image.Resampling.BILINEAR)
            self._kept[position] = torch.from_numpy(np.array(pixels)).permute(2, 0, 1).contiguous()
        return self._kept[position], only_label(sample)


def only_label(sample: Sample) -> int:
    """The label of a sample that has one.

    Raises:
        InputError: it has none or several.
    """
    if len(sample.labels) != 1:
        raise InputError(f"expected one label of {sample.id}, but it has {len(sample.labels)}")
    return sample.labels[0]
