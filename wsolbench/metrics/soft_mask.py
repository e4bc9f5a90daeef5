"""How well a map agrees with a mask: relevance mass, relevance rank, top-k intersection, AUC.

Each function takes the scores of the pixels that count ``[N]`` (none of them ignored) and whether
each lies in the mask ``[N]``. An empty mask has no score: NaN, never a hit. Pixels of equal score
share the places that remain for them, so that no number depends on the order of pixels.

Relevance mass and rank accuracy: Arras et al., CLEVR-XAI, Information Fusion 2022. Top-k
intersection: Theiner et al., WACV 2022.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wsolbench.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Scores = NDArray[np.float64]  # [N]
    Inside = NDArray[np.bool_]  # [N]

NAMES = ("mass", "rank", "top_k", "auc")


@dataclass(frozen=True)
class SoftMask:
    """The four scores of one map, NaN where one is undefined.

    Attributes:
        mass: relevance mass accuracy.
        rank: relevance rank accuracy.
        top_k: top-k intersection.
        auc: area under the ROC curve.
    """

    mass: float
    rank: float
    top_k: float
    auc: float

    @classmethod
    def of(cls, scores: Scores, inside: Inside, k: int = 1000) -> SoftMask:
        """All four at the price of one sort.

        Args:
            scores: ``[N]``, not negative.
            inside: ``[N]`` bool.
            k: how many pixels the top-k intersection looks at; all where there are fewer.
        """
        _check(scores, inside)
        size = int(inside.sum())
        if size == 0:
            return cls(np.nan, np.nan, np.nan, np.nan)
        groups = _groups(scores, inside)
        return cls(
            mass=relevance_mass(scores, inside),
            rank=_inside_top(groups, size) / size,
            top_k=_inside_top(groups, min(k, len(scores))) / min(k, len(scores)),
            auc=_area(groups),
        )


def relevance_mass(scores: Scores, inside: Inside) -> float:
    """Sum in the mask / sum; 0 for a map without anything, NaN for an empty mask.

    >>> relevance_mass(np.array([1.0, 3.0]), np.array([False, True]))
    0.75
    """
    _check(scores, inside)
    if not inside.any():
        return float("nan")
    within = float(scores[inside].sum())
    everything = within + float(scores[~inside].sum())  # at least as large, whatever the rounding
    return within / everything if everything > 0 else 0.0


def relevance_rank(scores: Scores, inside: Inside) -> float:
    """Share of the |mask| highest pixels that lie in the mask; NaN for an empty mask."""
    return SoftMask.of(scores, inside).rank


def top_k_intersection(scores: Scores, inside: Inside, k: int = 1000) -> float:
    """Share of the k highest pixels that lie in the mask; NaN for an empty mask."""
    return SoftMask.of(scores, inside, k).top_k


def roc_auc(scores: Scores, inside: Inside) -> float:
    """Area under the ROC curve; NaN where the mask is empty or covers everything."""
    return SoftMask.of(scores, inside).auc


def _check(scores: Scores, inside: Inside) -> None:
    if scores.ndim != 1 or scores.shape != inside.shape or inside.dtype != np.bool_:
        raise InputError(
            f"expected scores [N] and a bool mask [N], but got shape {scores.shape} and "
            f"{inside.dtype} of shape {inside.shape}"
        )
    if not (np.isfinite(scores).all() and (scores >= 0).all()):
        raise InputError(
            "expected finite scores that are not negative; normalise the map first "
            "(wsolbench.scoremap.normalise)"
        )


def _groups(scores: Scores, inside: Inside) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pixels inside and pixels in all per distinct score, from the highest down, ``[G]`` each."""
    order = np.argsort(scores)[::-1]
    ranked = scores[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    within = np.diff(inside[order].cumsum()[ends], prepend=0)
    return within, np.diff(ends + 1, prepend=0)


def _inside_top(groups: tuple[NDArray[np.int64], NDArray[np.int64]], k: int) -> float:
    """How many of the k highest pixels lie inside, the last group taken in proportion."""
    within, both = groups
    last = int(np.searchsorted(both.cumsum(), k))
    left = k - int(both[:last].sum())
    return int(within[:last].sum()) + left * int(within[last]) / int(both[last])


def _area(groups: tuple[NDArray[np.int64], NDArray[np.int64]]) -> float:
    """Share of pairs (inside, outside) in the right order; a tie counts half."""
    within, both = groups
    outside = both - within
    pairs = int(within.sum()) * int(outside.sum())
    above = within.cumsum() - within
    doubled = int((outside * (2 * above + within)).sum())
    return doubled / (2 * pairs) if pairs else float("nan")
