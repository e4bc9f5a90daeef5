"""Metrics as mergeable states; usable on plain arrays, without the rest of the suite.

>>> import numpy as np
>>> from wsolbench.metrics import MaxBoxAccV2
>>> total = MaxBoxAccV2()
>>> total += MaxBoxAccV2.of(np.eye(8)[None], [[[0, 0, 7, 7]]])
>>> total.compute()
1.0
"""

from wsolbench.metrics.box_accuracy import BoxAccuracy, MaxBoxAcc, MaxBoxAccV2
from wsolbench.metrics.classification import TopK
from wsolbench.metrics.pixels import PxAP
from wsolbench.metrics.pointing import PointingGame
from wsolbench.metrics.state import State

__all__ = ["BoxAccuracy", "MaxBoxAcc", "MaxBoxAccV2", "PointingGame", "PxAP", "State", "TopK"]
