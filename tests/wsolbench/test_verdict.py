"""The staged verdict is the scorers' verdict, and stages can be exchanged."""

import dataclasses

import numpy as np
import pytest

from wsolbench.errors import OptionError
from wsolbench.protocol import PROTOCOLS
from wsolbench.sample import Truth
from wsolbench.scorers import scorer_of
from wsolbench.scorers.base import Targets, Task
from wsolbench.scorers.maps import MapBatch
from wsolbench.verdict import (
    STAGES,
    at_threshold,
    comparable,
    differing_stages,
    exchanged,
    right_box,
)

BOXED = [protocol for protocol in PROTOCOLS.values() if comparable(protocol)]
METRICS = ("MaxBoxAcc", "GT-known Loc", "CorLoc (pooled)")


def truth(box, size_wh=(100, 100)):
    return Truth("a", 0, size_wh, np.array([box], dtype=float), np.array([False]))


def verdict_of_scorer(protocol, score_map, target):
    scorer = scorer_of(protocol, Task(1))
    targets = Targets([target], np.zeros(1, dtype=np.int64))
    states = scorer.score(MapBatch(score_map), targets, scorer.prepare(targets)).states
    values = {v.metric: v.value for v in scorer.report(states, None) if v.policy == "fixed"}
    return next(values[metric] for metric in METRICS if metric in values) == 1


@pytest.mark.parametrize("protocol", BOXED, ids=lambda protocol: protocol.name)
def test_staged_verdict_equals_the_scorer(protocol):
    rng = np.random.default_rng(7)
    right = 0
    for i in range(150):
        h, w, (width, height) = *rng.integers(2, 15, 2), rng.integers(30, 200, 2).tolist()
        noise = rng.standard_normal((h, w)) if i % 3 else rng.integers(-1, 3, (h, w))
        blob = np.hanning(h + 2)[1:-1, None] * np.hanning(w + 2)[None, 1:-1]
        score_map = np.full((h, w), np.nan) if i == 0 else (blob + noise / 5) * (i % 50 > 0)
        left, top = rng.integers(0, width // 3), rng.integers(0, height // 3)
        box = (left, top, width - 1 - left, height - 1 - top)
        target, threshold = truth(box, (width, height)), (protocol.fixed_threshold, 0.5)[i % 2]
        staged = right_box(at_threshold(protocol, threshold), score_map, target)
        assert staged == verdict_of_scorer(at_threshold(protocol, threshold), score_map, target)
        right += staged
    assert 15 < right < 135  # both verdicts were seen


def test_every_stage_of_every_protocol_works_with_every_other():
    score_map = np.random.default_rng(0).standard_normal((7, 9))
    for a in BOXED:
        for b in BOXED:
            for stage in STAGES:
                right_box(exchanged(a, b, stage), score_map, truth((10, 10, 60, 70)))


def test_the_stage_that_turns_a_verdict_is_found():
    """A ramp of .1 ... 1 over ten columns: 20% of the maximum leaves more than min-max's 20%."""
    a, b = PROTOCOLS["cam2016"], PROTOCOLS["gradcam2017"]
    assert differing_stages(a, b) == ["threshold"]
    columns = np.repeat([[0.0, 0.17, 1.0, 1.0]], 4, axis=0)
    wide, narrow = truth((25, 0, 99, 99)), truth((50, 0, 99, 99))
    small = {"frame": "4x4", "iou_thresholds": (), "single_iou_threshold": 0.9}
    first, second = (dataclasses.replace(p, **small) for p in (a, b))
    assert not right_box(first, columns, wide)
    assert right_box(first, columns, narrow)
    assert right_box(second, columns, wide)
    assert right_box(exchanged(first, second, "threshold"), columns, wide)
    assert not right_box(exchanged(first, second, "box rule"), columns, wide)


def test_a_protocol_without_boxes_is_refused():
    with pytest.raises(OptionError, match="soft-mask gives no right or wrong box"):
        right_box(PROTOCOLS["soft-mask"], np.eye(3), truth((0, 0, 9, 9)))
