"""MaxBoxAcc and MaxBoxAccV2 (Choe et al., CVPR 2020): boxes right at every threshold.

For threshold t and IoU threshold d an image is right when the best IoU of its predicted boxes with
its ground-truth boxes is at least d. The accuracy is maximised over t, separately for every d.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from wsolbench import components
from wsolbench.boxes import as_boxes, check_inside
from wsolbench.errors import InputError
from wsolbench.metrics.state import State, count, zeros
from wsolbench.scoremap import as_maps, normalise, quantise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Levels = NDArray[np.uint8]

THRESHOLDS = np.arange(0, 1, 0.001)
THREADS = os.cpu_count() or 1


@dataclass(frozen=True, eq=False)
class BoxAccuracy(State):
    """Targets whose box is right, for every IoU threshold and map threshold.

    Attributes:
        iou_thresholds: D values.
        thresholds: T values, of the protocol's grid.
        correct: ``[D, T]`` number of targets.
        total: number of targets.
    """

    iou_thresholds: tuple[float, ...]
    thresholds: NDArray[np.float64]
    correct: NDArray[np.int64] = count()
    total: int = count(default=0)

    @classmethod
    def empty(cls, iou_thresholds: Sequence[float], thresholds: NDArray[np.float64]) -> Self:
        """Nothing counted yet."""
        zeros = np.zeros((len(iou_thresholds), len(thresholds)), dtype=np.int64)
        return cls(tuple(iou_thresholds), thresholds, zeros)

    def plus(self, best_iou: NDArray[np.float64], counted: NDArray[np.bool_] | None = None) -> Self:
        """This state and a batch.

        Args:
            best_iou: ``[B, T]`` best IoU of each target at each threshold.
            counted: ``[B]`` bool; a target that is not counted is wrong whatever its box (the
                label was not among the top k), yet is part of the total.
        """
        hit = best_iou[None] >= np.array(self.iou_thresholds)[:, None, None]  # [D, B, T]
        if counted is not None:
            hit &= counted[None, :, None]
        batch = type(self)(self.iou_thresholds, self.thresholds, hit.sum(1), len(best_iou))
        return self + batch

    def curve(self) -> NDArray[np.float64]:
        """Accuracy ``[D, T]``; NaN where nothing was counted."""
        return self.correct / self.total if self.total else np.full(self.correct.shape, np.nan)

    def best(self) -> NDArray[np.int64]:
        """Index of the best threshold for every IoU threshold, the first of equals, ``[D]``."""
        return np.asarray(self.correct.argmax(1), dtype=np.int64)

    def at(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """Accuracy at one threshold index per IoU threshold, ``[D]``."""
        return np.take_along_axis(self.curve(), indices[:, None], axis=1)[:, 0]

    def compute(self) -> float:
        """Mean over the IoU thresholds of the best accuracy over the map thresholds."""
        return float(self.at(self.best()).mean())


@dataclass(frozen=True, eq=False)
class MaxBoxAcc(BoxAccuracy):
    """MaxBoxAcc: the largest contour's box at IoU .5, the best map threshold.

    Ready to use in any loop; all maps of a call and their boxes are in the map's pixel frame.

    >>> import numpy as np
    >>> metric = MaxBoxAcc()
    >>> square = np.zeros((8, 8)); square[2:6, 2:6] = 1
    >>> metric += MaxBoxAcc.of([square], [[[2, 2, 6, 6]]])
    >>> metric.compute()
    1.0
    """

    iou_thresholds: tuple[float, ...] = (0.5,)
    thresholds: NDArray[np.float64] = field(default_factory=lambda: THRESHOLDS)
    correct: NDArray[np.int64] = zeros(1, THRESHOLDS.size)
    mode: ClassVar[str] = "single"

    @classmethod
    def of(cls, score_maps: ArrayLike, boxes_xyxy: Sequence[ArrayLike]) -> Self:
        """Count a batch of score maps.

        Args:
            score_maps: ``[B, H, W]`` raw or normalised maps; each is scaled to [0, 1] by its own
                minimum and maximum, as the protocol does.
            boxes_xyxy: B arrays ``[n, 4]``, n >= 1, inclusive pixels of the map's frame.

        Raises:
            InputError: shapes that do not fit, a NaN, or a target without boxes.
        """
        maps = as_maps(score_maps)
        boxes = [as_boxes(one, name="ground-truth boxes") for one in boxes_xyxy]
        for i, one in enumerate(boxes):
            if not len(one):
                raise InputError(f"expected ground-truth boxes for every map, but map {i} has none")
            check_inside(one, (maps.shape[2], maps.shape[1]), name="ground-truth boxes")
        if len(maps) != len(boxes):
            raise InputError(
                f"expected one array of boxes per map, but got {len(maps)} maps and {len(boxes)}"
            )
        if not np.isfinite(maps).all():
            bad = np.flatnonzero(~np.isfinite(maps).all((1, 2))).tolist()
            raise InputError(f"expected finite score maps, but maps {bad} hold NaN or infinity")
        if not len(maps):
            return cls()
        levels = quantise(normalise(maps))
        single, multi = best_iou_curves(levels, boxes, THRESHOLDS)
        return cls().plus(single if cls.mode == "single" else multi)


@dataclass(frozen=True, eq=False)
class MaxBoxAccV2(MaxBoxAcc):
    """MaxBoxAccV2: any contour's box, the mean over IoU .3, .5, .7, each at its best threshold."""

    iou_thresholds: tuple[float, ...] = (0.3, 0.5, 0.7)
    correct: NDArray[np.int64] = zeros(3, THRESHOLDS.size)
    mode: ClassVar[str] = "multi"


def level_of_threshold(
    maximum: NDArray[np.uint8], thresholds: NDArray[np.float64]
) -> NDArray[np.int64]:
    """``int(t * max)`` for maxima ``[B]`` and thresholds ``[T]``: level k of ``mask = map > k``."""
    return (thresholds[None] * maximum.astype(np.float64)[:, None]).astype(np.int64)


def best_iou_by_level(
    levels: Levels, boxes_xyxy: Sequence[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Best IoU of single- and multi-contour boxes at every level, ``[B, 256]`` each.

    Args:
        levels: ``[B, H, W]`` uint8.
        boxes_xyxy: B arrays ``[n, 4]`` in the map's frame, n >= 1.
    """
    offsets = np.cumsum([0, *(len(one) for one in boxes_xyxy)]).astype(np.int64)
    packed = np.concatenate(boxes_xyxy) if len(boxes_xyxy) else np.zeros((0, 4))
    found = components.best_iou_by_level_batch(levels, packed, offsets, threads=THREADS)
    return found.single, found.multi


def best_iou_curves(
    levels: Levels, boxes_xyxy: Sequence[NDArray[np.float64]], thresholds: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Best IoU of single- and multi-contour boxes at every threshold, ``[B, T]`` each."""
    single, multi = best_iou_by_level(levels, boxes_xyxy)
    index = level_of_threshold(levels.max((1, 2)), thresholds)
    return np.take_along_axis(single, index, 1), np.take_along_axis(multi, index, 1)
