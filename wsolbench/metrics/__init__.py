"""Metrics as mergeable states; usable on plain arrays, without the rest of the suite.

>>> import numpy as np
>>> from wsolbench.metrics import MaxBoxAccV2
>>> total = MaxBoxAccV2()
>>> total += MaxBoxAccV2.of(np.eye(8)[None], [[[0, 0, 7, 7]]])
>>> total.compute()
1.0
"""

from wsolbench.metrics.average import Average
from wsolbench.metrics.box_accuracy import BoxAccuracy, MaxBoxAcc, MaxBoxAccV2
from wsolbench.metrics.box_ap import BoxAP
from wsolbench.metrics.class_rate import ClassRate
from wsolbench.metrics.classification import TopK
from wsolbench.metrics.corloc import CorLoc
from wsolbench.metrics.pixels import PxAP
from wsolbench.metrics.pointing import PointingGame
from wsolbench.metrics.rate import ErrorRate, Rate
from wsolbench.metrics.seed import SeedIoU
from wsolbench.metrics.soft_mask import SoftMask
from wsolbench.metrics.state import State

__all__ = [
    "Average",
    "BoxAP",
    "BoxAccuracy",
    "ClassRate",
    "CorLoc",
    "ErrorRate",
    "MaxBoxAcc",
    "MaxBoxAccV2",
    "PointingGame",
    "PxAP",
    "Rate",
    "SeedIoU",
    "SoftMask",
    "State",
    "TopK",
]
