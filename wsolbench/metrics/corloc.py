"""CorLoc (Deselaers et al., IJCV 2012): images whose one box of a class is right."""

from __future__ import annotations

from dataclasses import dataclass

from wsolbench.metrics.class_rate import ClassRate


@dataclass(frozen=True, eq=False)
class CorLoc(ClassRate):
    """Images of each class whose one box has IoU >= .5 with any ground-truth box of the class.

    `compute` is the mean over classes, `pooled` the share over all pairs of image and class.

    >>> (CorLoc.of([True, False], [0, 1], 3) + CorLoc.of([True], [0], 3)).compute()
    0.5
    """
