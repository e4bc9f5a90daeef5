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
from numba import njit

from wsolbench.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Scores = NDArray[np.float64]  # [N]
    Inside = NDArray[np.bool_]  # [N]
    Keys = NDArray[np.uint64]  # [N]

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
        places = min(k, len(scores))
        among_size, among_places, doubled = _tally(_sorted_keys(scores, inside), size, places)
        pairs = size * (len(scores) - size)
        return cls(
            mass=relevance_mass(scores, inside),
            rank=among_size / size,
            top_k=among_places / places,
            auc=doubled / (2 * pairs) if pairs else np.nan,
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


def _sorted_keys(scores: Scores, inside: Inside) -> Keys:
    """Twice the bits of every score, plus one inside the mask, ascending.

    The bits of a float that is not negative sort as it does and leave the highest bit free: shifted
    out, it makes room for the mask, and one sort of whole numbers does.
    """
    bits = np.ascontiguousarray(scores).view(np.uint64) << np.uint64(1)
    return np.sort(bits | inside)


@njit(cache=True, nogil=True)
def _tally(keys: Keys, first: int, second: int) -> tuple[float, float, int]:
    """From the highest score down, groups of equal scores at a time.

    Returns:
        How many of the ``first`` and of the ``second`` highest pixels lie inside, the last group
        taken in proportion, and twice the number of pairs (inside, outside) in the right order, a
        tie counting half.
    """
    among_first = among_second = 0.0
    doubled = seen = seen_inside = 0
    end = keys.size
    while end > 0:
        start, within = end, 0
        while start > 0 and keys[start - 1] >> np.uint64(1) == keys[end - 1] >> np.uint64(1):
            start -= 1
            within += int(keys[start] & np.uint64(1))
        both = end - start
        among_first += within * min(max(first - seen, 0), both) / both
        among_second += within * min(max(second - seen, 0), both) / both
        doubled += (both - within) * (2 * seen_inside + within)
        seen += both
        seen_inside += within
        end = start
    return among_first, among_second, doubled
