"""Seeds of weakly supervised segmentation (IRN, ReCAM, SEAM): mIoU for a sweep of backgrounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numba import njit

from wsolbench.errors import InputError
from wsolbench.metrics.state import State, count

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Pixels = NDArray[np.int64]

BACKGROUND, IGNORED = 0, -1
CELLS = 1024


@dataclass(frozen=True, eq=False)
class SeedIoU(State):
    """Pixels per class for every constant background: all that an IoU needs of a confusion matrix.

    A pixel belongs to the class of the highest score where that exceeds the background, and to the
    background otherwise. Class 0 is the background, class i + 1 has label i.

    Attributes:
        backgrounds: T values, ascending.
        both: ``[T, K + 1]`` pixels that are and are predicted as the class.
        predicted: ``[T, K + 1]`` pixels predicted as the class.
        actual: ``[K + 1]`` pixels of the class.
    """

    backgrounds: tuple[float, ...]
    both: Pixels = count()
    predicted: Pixels = count()
    actual: Pixels = count()

    @classmethod
    def empty(cls, backgrounds: tuple[float, ...], num_classes: int) -> Self:
        """Nothing counted yet.

        Raises:
            InputError: the backgrounds do not ascend.
        """
        if list(backgrounds) != sorted(set(backgrounds)):
            raise InputError(f"expected ascending backgrounds, but got {backgrounds}")
        swept = (len(backgrounds), num_classes + 1)
        return cls(
            tuple(backgrounds),
            np.zeros(swept, dtype=np.int64),
            np.zeros(swept, dtype=np.int64),
            np.zeros(num_classes + 1, dtype=np.int64),
        )

    def plus(
        self, scores: NDArray[np.float64], labels: ArrayLike, truth: NDArray[np.signedinteger[Any]]
    ) -> Self:
        """This state and one image.

        Args:
            scores: ``[m, H, W]`` finite maps of the classes present, comparable with each other.
            labels: ``[m]`` their labels, ascending: the lowest wins ties.
            truth: ``[H, W]`` 0 background, label + 1, or -1 for pixels to ignore.

        Raises:
            InputError: shapes that do not fit, labels outside the classes, scores not finite.
        """
        classes = np.asarray(labels, dtype=np.int64)
        self._check(scores, classes, truth)
        outcomes = np.zeros((3, len(self.actual), len(self.backgrounds) + 1), dtype=np.int64)
        starts = np.searchsorted(self.backgrounds, np.arange(CELLS + 1) / CELLS)
        _count(scores, classes, truth, np.array(self.backgrounds), starts, outcomes)
        return self + self._summed(outcomes)

    def _summed(self, outcomes: Pixels) -> Self:
        """Pixels per class and number of backgrounds exceeded -> pixels per background."""
        agreed, won, real = outcomes
        beyond = won[:, ::-1].cumsum(1)[:, ::-1][:, 1:].T  # [T, K + 1] exceeding background t
        both = agreed[:, ::-1].cumsum(1)[:, ::-1][:, 1:].T.copy()
        predicted = beyond.copy()
        actual = real.sum(1)
        both[:, BACKGROUND] = real[BACKGROUND].cumsum()[:-1]
        predicted[:, BACKGROUND] = actual.sum() - beyond.sum(1)
        return type(self)(self.backgrounds, both, predicted, actual)

    def _check(
        self, scores: NDArray[np.float64], classes: Pixels, truth: NDArray[np.signedinteger[Any]]
    ) -> None:
        if scores.ndim != 3 or scores.shape[1:] != truth.shape or len(scores) != len(classes):
            raise InputError(
                f"expected scores [m, H, W], m labels and a truth [H, W], but got shapes "
                f"{scores.shape}, {classes.shape} and {truth.shape}"
            )
        highest = len(self.actual) - 1
        if (np.diff(classes) <= 0).any() or classes.min() < 0 or classes.max() >= highest:
            raise InputError(
                f"expected ascending labels in 0..{highest - 1}, but got {classes.tolist()}"
            )
        if truth.min() < IGNORED or truth.max() > highest:
            raise InputError(
                f"expected a truth of -1 (ignored), 0 (background) to {highest}, but got values "
                f"{truth.min()} to {truth.max()}"
            )
        if not np.isfinite(scores).all():
            raise InputError("expected finite scores, but got NaN or infinity")

    def per_class(self) -> NDArray[np.float64]:
        """IoU ``[T, K + 1]``, NaN for a class that neither is nor is predicted anywhere."""
        union = self.actual[None] + self.predicted - self.both
        iou = np.full(union.shape, np.nan)
        np.divide(self.both, union, out=iou, where=union > 0)
        return iou

    def curve(self) -> NDArray[np.float64]:
        """Mean IoU over the classes that have one, per background ``[T]``; NaN without any."""
        iou = self.per_class()
        defined = ~np.isnan(iou)
        mean = np.full(len(iou), np.nan)
        total = np.where(defined, iou, 0.0).sum(1)
        np.divide(total, defined.sum(1), out=mean, where=defined.any(1))
        return mean

    def best(self) -> int:
        """Index of the best background, the first of equals."""
        return int(np.nan_to_num(self.curve(), nan=-1.0).argmax())

    def compute(self) -> float:
        """Mean IoU at the best background (an oracle)."""
        return float(self.curve()[self.best()])


@njit(cache=True, nogil=True)
def _count(
    scores: NDArray[np.float64],
    labels: Pixels,
    truth: NDArray[np.signedinteger[Any]],
    backgrounds: NDArray[np.float64],
    starts: Pixels,
    outcomes: Pixels,
) -> None:
    """Adds pixels by class and by how many backgrounds their highest score exceeds.

    ``starts`` holds how many backgrounds lie below each 1/CELLS, from where few steps are left.
    Rows of ``outcomes`` [3, K + 1, T + 1]: of the winning class where it is true, of the winning
    class, of the true class.
    """
    classes, height, width = scores.shape
    for y in range(height):
        for x in range(width):
            true = truth[y, x]
            if true < 0:
                continue
            best, score = 0, scores[0, y, x]
            for c in range(1, classes):
                if scores[c, y, x] > score:
                    best, score = c, scores[c, y, x]
            exceeded = starts[int(min(max(score, 0.0), 1.0) * CELLS)] if score > 0 else 0
            while exceeded < backgrounds.size and score > backgrounds[exceeded]:
                exceeded += 1
            winner = labels[best] + 1
            outcomes[1, winner, exceeded] += 1
            outcomes[2, true, exceeded] += 1
            if winner == true:
                outcomes[0, winner, exceeded] += 1
