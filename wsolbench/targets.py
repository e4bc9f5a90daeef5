"""The targets of a batch: which image is asked for which class, and what the network says to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wsolbench.metrics.classification import label_ranks
from wsolbench.sample import Truth, truth_of
from wsolbench.scorers.base import TOP_K, Targets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wsolbench.images import Batch

    Logits = NDArray[np.float32]  # [B, K]


@dataclass(frozen=True)
class Pair:
    """One image of a batch and one class.

    Attributes:
        image: its place in the batch.
        truth: the ground truth of the class.
        shown: whether the image shows the class; otherwise the network predicts it.
    """

    image: int
    truth: Truth
    shown: bool = True


def shown_pairs(batch: Batch) -> list[Pair]:
    """Every image with each class that it shows."""
    return [Pair(i, truth) for i, truths in enumerate(batch.truths) for truth in truths]


def with_predictions(pairs: Sequence[Pair], batch: Batch, logits: Logits) -> list[Pair]:
    """The pairs, and every image with each of its five predicted classes that it does not show."""
    both: list[Pair] = []
    for image, (sample, predicted) in enumerate(
        zip(batch.samples, predictions(logits), strict=True)
    ):
        own = [pair for pair in pairs if pair.image == image]
        size_wh = own[0].truth.size_wh if own else sample.size_wh
        both += own
        if size_wh is not None:  # nobody can tell how large an image without labels is
            both += [
                Pair(image, truth_of(sample, label, size_wh, masks=False), shown=False)
                for label in predicted.tolist()
                if label not in sample.labels
            ]
    return both


def predictions(logits: Logits) -> NDArray[np.int64]:
    """The five classes of the highest logits, best first, ``[B, K] -> [B, 5]``; none is NaN."""
    order = np.argsort(-np.where(np.isnan(logits), -np.inf, logits), axis=1, kind="stable")
    return order[:, : TOP_K[-1]]


def targets_of(pairs: Sequence[Pair], logits: Logits) -> Targets:
    """What all methods share of the pairs; an image with logits of NaN has nothing predicted."""
    images = np.array([pair.image for pair in pairs], dtype=np.int64)
    labels = np.array([pair.truth.label for pair in pairs], dtype=np.int64)
    last = max(logits.shape[1], TOP_K[-1])  # beyond every top k
    numbers = np.asarray(~np.isnan(logits[images]).any(axis=1), dtype=np.bool_)
    of_pairs = np.where(numbers[:, None], logits[images], 0)
    listed = predictions(logits)[images]
    found = (listed == labels[:, None]) & numbers[:, None]
    return Targets(
        truths=[pair.truth for pair in pairs],
        ranks=np.where(numbers, label_ranks(of_pairs, labels), last),
        predicted=np.where(found.any(1), found.argmax(1), -1),
        shown=np.array([pair.shown for pair in pairs], dtype=np.bool_),
        probabilities=np.where(numbers, _softmax(of_pairs)[np.arange(len(pairs)), labels], 0.0),
    )


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    powers = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(1, keepdims=True)
    return shares
