"""The targets of a forward pass: which class of which image, and in what rounds to pull back."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from wsolbench.errors import InputError


class TargetTable:
    """T targets of B images, an image and a class each.

    Attributes:
        pairs: image and class of each target.
        keys: a name for each target.
        one_each: whether the targets are the images, one each, in order.
    """

    def __init__(
        self, image_index: Sequence[int], labels: Sequence[int], keys: Sequence[str]
    ) -> None:
        if not len(image_index) == len(labels) == len(keys):
            raise InputError(
                "expected an image, a label and a key for every target, but got "
                f"{len(image_index)} images, {len(labels)} labels and {len(keys)} keys"
            )
        self.pairs = [
            (int(image), int(label)) for image, label in zip(image_index, labels, strict=True)
        ]
        self.keys = tuple(keys)
        self.one_each = False

    def __len__(self) -> int:
        return len(self.pairs)

    def check(self, batch: int, num_classes: int) -> None:
        """Compare with what the pass gives.

        Raises:
            InputError: an image or label out of range.
        """
        images, labels = zip(*self.pairs, strict=True) if self.pairs else ((), ())
        for what, values, end in (("image", images, batch), ("label", labels, num_classes)):
            wrong = [value for value in values if not 0 <= value < end]
            if wrong:
                raise InputError(f"expected every {what} in 0..{end - 1}, but got {wrong[0]}")
        self.one_each = list(images) == list(range(batch))

    def columns(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Image and class of each target, ``[T]`` int64 each."""
        table = torch.tensor(self.pairs, dtype=torch.int64).reshape(-1, 2).to(device)
        return table[:, 0], table[:, 1]

    def rounds(self) -> list[list[int]]:
        """Rows of targets, grouped so that no group holds two of one image."""
        seen: defaultdict[int, int] = defaultdict(int)
        rounds: list[list[int]] = []
        for row, (image, _) in enumerate(self.pairs):
            if seen[image] == len(rounds):
                rounds.append([])
            rounds[seen[image]].append(row)
            seen[image] += 1
        return rounds

    def generators(self, seed: int) -> list[torch.Generator]:
        """A random generator per target on the CPU, from the seed and the target's key alone."""
        return [torch.Generator().manual_seed(_seed(seed, key)) for key in self.keys]


def check_images(images: Tensor) -> None:
    """Refuse what is no batch of images.

    Raises:
        InputError: another shape or type.
    """
    if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
        raise InputError(
            f"expected images [B, 3, H, W] of floats, but got {tuple(images.shape)} {images.dtype}"
        )


def _seed(seed: int, key: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}\n{key}".encode()).digest()[:8], "big") >> 1
