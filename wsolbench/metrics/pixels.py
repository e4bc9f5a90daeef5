"""PxAP (Choe et al., CVPR 2020): average precision of pixels, pooled over the data set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np
from numba import njit

from wsolbench.errors import InputError
from wsolbench.metrics.state import State, zeros
from wsolbench.scoremap import as_maps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

THRESHOLDS = np.arange(0, 1, 0.001)


@dataclass(frozen=True, eq=False)
class PxAP(State):
    """Histograms of the scores of foreground and background pixels.

    Bin i holds the scores from ``edges[i]`` up to ``edges[i + 1]``, where the edges are the
    thresholds followed by 1, 2, 3: bins T - 1 and T split at exactly 1.

    Attributes:
        thresholds: T values.
        foreground: ``[T + 2]`` pixels inside the masks.
        background: ``[T + 2]`` pixels outside; ignored pixels are in neither.
    """

    thresholds: NDArray[np.float64] = field(default_factory=lambda: THRESHOLDS)
    foreground: NDArray[np.int64] = zeros(THRESHOLDS.size + 2)
    background: NDArray[np.int64] = zeros(THRESHOLDS.size + 2)

    @classmethod
    def of(
        cls,
        score_maps: ArrayLike,
        masks: Sequence[NDArray[np.bool_]],
        ignores: Sequence[NDArray[np.bool_] | None] | None = None,
    ) -> Self:
        """Count a batch of normalised score maps.

        Args:
            score_maps: ``[B, H, W]`` in [0, 1].
            masks: B masks ``[H, W]`` bool.
            ignores: B masks of pixels that count neither way, or ``None``.

        Raises:
            InputError: shapes that do not fit, or scores outside [0, 1].
        """
        maps = as_maps(score_maps)
        ignores = ignores if ignores is not None else [None] * len(maps)
        if not len(maps) == len(masks) == len(ignores):
            raise InputError(
                f"expected one mask per map, but got {len(maps)} maps, {len(masks)} masks and "
                f"{len(ignores)} ignore masks"
            )
        histograms = np.zeros((2, len(THRESHOLDS) + 2), dtype=np.int64)
        for score_map, mask, ignore in zip(maps, masks, ignores, strict=True):
            _check(score_map, mask, ignore)
            kinds = np.where(mask, np.uint8(0), np.uint8(1))
            if ignore is not None:
                kinds[ignore & ~mask] = 2
            _count(score_map, kinds, THRESHOLDS, histograms)
        return cls(foreground=histograms[0], background=histograms[1])

    def curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Precision and recall from the top bin down, over the bins that precision has.

        Raises:
            InputError: no mask had a single pixel.
        """
        true = self.foreground[::-1].cumsum()
        both = true + self.background[::-1].cumsum()
        if true[-1] == 0:
            raise InputError(
                "expected at least one foreground pixel in the whole split, but every mask is "
                "empty: PxAP is undefined there"
            )
        filled = both > 0
        return true[filled] / both[filled], true[filled] / true[-1]

    def compute(self) -> float:
        """Sum of precision[i] * (recall[i] - recall[i - 1]) from the top bin down; NaN of nothing.

        The reference starts at the second bin from the top; the first, [2, 3], is always empty.
        """
        if not (self.foreground.any() or self.background.any()):
            return float("nan")
        precision, recall = self.curve()
        return float((precision * np.diff(recall, prepend=0.0)).sum())


def _check(
    score_map: NDArray[np.float64], mask: NDArray[np.bool_], ignore: NDArray[np.bool_] | None
) -> None:
    for name, array in (("mask", mask), ("ignore mask", ignore)):
        if array is not None and (array.shape != score_map.shape or array.dtype != np.bool_):
            raise InputError(
                f"expected a bool {name} of the map's shape {score_map.shape}, but got "
                f"{array.dtype} of shape {array.shape}"
            )
    if not (score_map.min() >= 0 and score_map.max() <= 1):
        raise InputError(
            f"expected scores in [0, 1], but got {score_map.min()} to {score_map.max()}; "
            "normalise the maps first (wsolbench.scoremap.normalise)"
        )


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _count(
    score_map: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    thresholds: NDArray[np.float64],
    histograms: NDArray[np.int64],
) -> None:
    last = thresholds.size - 1
    step = thresholds[1]
    for y in range(score_map.shape[0]):
        for x in range(score_map.shape[1]):
            if kinds[y, x] == 2:
                continue
            score = score_map[y, x]
            if score >= 1.0:
                histograms[kinds[y, x], last + 1] += 1
                continue
            bin_ = min(int(score / step), last)  # off by one at most: the edges decide
            while bin_ < last and score >= thresholds[bin_ + 1]:
                bin_ += 1
            while score < thresholds[bin_]:
                bin_ -= 1
            histograms[kinds[y, x], bin_] += 1
