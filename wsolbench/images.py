"""Reading images: the input transform, and batches with their truths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from wsolbench.decode import read_image as read_image
from wsolbench.errors import InputError, SampleError
from wsolbench.sample import Problem, Sample, Truth, truth_of


@dataclass(frozen=True)
class InputTransform:
    """From a decoded image to the network's input: warped to a fixed size, then normalised.

    Attributes:
        mean: of the RGB channels in [0, 1].
        std: likewise.
        size_hw: height and width.
        name: "warp" ignores the aspect ratio.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    size_hw: tuple[int, int] = (224, 224)
    name: str = "warp"

    def __call__(self, image: Image.Image) -> Tensor:
        """Resize (bilinear, antialiased), scale to [0, 1], normalise: ``[3, H, W]`` float32."""
        height, width = self.size_hw
        pixels = np.array(image.resize((width, height), Image.Resampling.BILINEAR))
        values = torch.from_numpy(pixels).permute(2, 0, 1).contiguous().float().div_(255)
        return values.sub_(_column(self.mean)).div_(_column(self.std))


@dataclass(frozen=True)
class Batch:
    """Some samples, ready for the network, in the order of the split.

    Attributes:
        images: ``[B, 3, H, W]`` float32; B is 0 where no sample of the batch can be used.
        samples: the B samples.
        truths: per sample, the ground truth of each of its labels.
        problems: samples that cannot be used, and why.
        rescaled: how many files have another size than their annotations' official one.
    """

    images: Tensor
    samples: tuple[Sample, ...]
    truths: tuple[tuple[Truth, ...], ...]
    problems: tuple[Problem, ...] = ()
    rescaled: int = 0


def load_batches(
    samples: Sequence[Sample],
    transform: InputTransform,
    *,
    batch_size: int = 32,
    workers: int = 0,
    masks: bool = True,
    pin_memory: bool = False,
) -> Iterator[Batch]:
    """Decode samples and gather their truths, in order, in this process or ahead in others.

    Args:
        samples: of a split.
        transform: the input transform.
        batch_size: samples per batch, the unusable ones included.
        workers: processes that read ahead, with one thread each; 0 reads in this one.
        masks: whether to read masks, where there are any.
        pin_memory: for a following copy to a GPU.
    """
    return iter(
        DataLoader(
            _Samples(samples, transform, masks=masks),
            batch_size=batch_size,
            num_workers=workers,
            collate_fn=_collate,
            pin_memory=pin_memory,
            generator=torch.Generator(),  # the global random state stays as it is
        )
    )


@dataclass(frozen=True)
class _Loaded:
    image: Tensor
    sample: Sample
    truths: tuple[Truth, ...]
    rescaled: bool


class _Samples(Dataset["_Loaded | Problem"]):
    """The samples by position; those that cannot be used come as their problem."""

    def __init__(
        self, samples: Sequence[Sample], transform: InputTransform, *, masks: bool
    ) -> None:
        self._samples, self._transform, self._masks = samples, transform, masks

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, position: int) -> _Loaded | Problem:
        sample = self._samples[position]
        try:
            image = read_image(sample.path, size_wh=sample.size_wh)
            size_wh = sample.size_wh or image.size
            truths = tuple(
                truth_of(sample, label, size_wh, masks=self._masks) for label in sample.labels
            )
        except (SampleError, InputError) as error:
            return Problem(sample.id, str(error))
        return _Loaded(self._transform(image), sample, truths, image.size != size_wh)


def _collate(entries: list[_Loaded | Problem]) -> Batch:
    loaded = [entry for entry in entries if isinstance(entry, _Loaded)]
    return Batch(
        images=default_collate([entry.image for entry in loaded])  # into shared memory, no copy
        if loaded
        else torch.empty(0, 3, 1, 1),
        samples=tuple(entry.sample for entry in loaded),
        truths=tuple(entry.truths for entry in loaded),
        problems=tuple(entry for entry in entries if isinstance(entry, Problem)),
        rescaled=sum(entry.rescaled for entry in loaded),
    )


def _column(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values).reshape(-1, 1, 1)
