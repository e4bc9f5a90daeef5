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
EDGES = np.append(THRESHOLDS, [1.0, 2.0, 3.0])


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
        nothing = np.zeros(maps.shape[1:], dtype=np.bool_)
        if not len(maps) == len(masks) == len(ignores):
            raise InputError(
                f"expected one mask per map, but got {len(maps)} maps, {len(masks)} masks and "
                f"{len(ignores)} ignore masks"
            )
        histograms = np.zeros((3, len(EDGES) - 1), dtype=np.int64)  # the last: ignored
        for score_map, given, ignore in zip(maps, masks, ignores, strict=True):
            mask, ignored = np.asarray(given), nothing if ignore is None else np.asarray(ignore)
            _check(score_map, mask, ignored)
            if not _count(score_map, mask, ignored, EDGES, histograms):
                raise InputError(
                    f"expected scores in [0, 1], but got {score_map.min()} to {score_map.max()}; "
                    "normalise the maps first (wsolbench.scoremap.normalise)"
                )
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
    score_map: NDArray[np.float64], mask: NDArray[np.bool_], ignore: NDArray[np.bool_]
) -> None:
    for name, array in (("mask", mask), ("ignore mask", ignore)):
        if array.shape != score_map.shape or array.dtype != np.bool_:
            raise InputError(
                f"expected a bool {name} of the map's shape {score_map.shape}, but got "
                f"{array.dtype} of shape {array.shape}"
            )


@njit(cache=True, nogil=True)
def _count(
    score_map: NDArray[np.float64],
    mask: NDArray[np.bool_],
    ignore: NDArray[np.bool_],
    edges: NDArray[np.float64],
    histograms: NDArray[np.int64],
) -> bool:
    """Adds the pixels inside, outside and ignored; whether all scores were in [0, 1]."""
    bins, one = edges.size - 3.0, np.uint64(1)  # unsigned: an index that needs no check of its sign
    for y in range(score_map.shape[0]):
        for x in range(score_map.shape[1]):
            score = score_map[y, x]
            if not 0.0 <= score <= 1.0:
                return False
            bin_ = np.uint64(np.int64(score * bins))  # off by one at most: the edges decide
            bin_ += np.uint64(score >= edges[bin_ + one])
            bin_ -= np.uint64(score < edges[bin_])
            kind = np.uint64(0) if mask[y, x] else one + np.uint64(ignore[y, x])
            histograms[kind, bin_] += 1
    return True
