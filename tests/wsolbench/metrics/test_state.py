from __future__ import annotations

import json
import pickle
from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsolbench.errors import InputError, RecordError
from wsolbench.metrics import (
    Average,
    BoxAccuracy,
    BoxAP,
    ClassRate,
    CorLoc,
    ErrorRate,
    MaxBoxAcc,
    MaxBoxAccV2,
    PointingGame,
    PxAP,
    Rate,
    SeedIoU,
    TopK,
)
from wsolbench.metrics import __all__ as exported

CLASSES = 4


def _label(rng):
    return int(rng.integers(CLASSES))


def _box(rng, n=1):
    return np.sort(rng.integers(0, 12, (n, 2, 2)), axis=1).reshape(n, 4)


def _seed(rng):
    truth = rng.integers(-1, CLASSES + 1, (5, 6))
    labels = np.flatnonzero(rng.random(CLASSES) < 0.5)
    labels = labels if labels.size else np.array([0])
    return SeedIoU.empty((0.1, 0.4), CLASSES).plus(rng.random((len(labels), 5, 6)), labels, truth)


def _box_ap(rng):
    return BoxAP.of(
        f"image{rng.integers(5)}",
        _label(rng),
        found_xyxy=_box(rng),
        scores=[rng.random()],
        truth_xyxy=_box(rng, 2),
        crowd=rng.random(2) < 0.2,
    )


# name -> (the empty state, one target's worth of counts)
METRICS = {
    "Average": (Average(), lambda rng: Average.of([rng.choice([rng.random(), np.nan])])),
    "BoxAP": (BoxAP(), _box_ap),
    "BoxAccuracy": (
        BoxAccuracy.empty((0.3, 0.5), np.linspace(0, 1, 5)),
        lambda rng: BoxAccuracy.empty((0.3, 0.5), np.linspace(0, 1, 5)).plus(rng.random((1, 5))),
    ),
    "ClassRate": (
        ClassRate.of([], [], CLASSES),
        lambda rng: ClassRate.of([rng.random() < 0.5], [_label(rng)], CLASSES),
    ),
    "CorLoc": (
        CorLoc.of([], [], CLASSES),
        lambda rng: CorLoc.of([rng.random() < 0.5], [_label(rng)], CLASSES),
    ),
    "ErrorRate": (ErrorRate(), lambda rng: ErrorRate.of([rng.random() < 0.5])),
    "MaxBoxAcc": (MaxBoxAcc(), lambda rng: MaxBoxAcc.of(rng.random((1, 13, 13)), [_box(rng, 2)])),
    "MaxBoxAccV2": (
        MaxBoxAccV2(),
        lambda rng: MaxBoxAccV2.of(rng.random((1, 13, 13)), [_box(rng, 2)]),
    ),
    "PointingGame": (
        PointingGame.of([], [], CLASSES),
        lambda rng: PointingGame.of([rng.random() < 0.5], [_label(rng)], CLASSES),
    ),
    "PxAP": (PxAP(), lambda rng: PxAP.of(rng.random((1, 4, 4)), [rng.random((4, 4)) < 0.6])),
    "Rate": (Rate(), lambda rng: Rate.of([rng.random() < 0.5])),
    "SeedIoU": (SeedIoU.empty((0.1, 0.4), CLASSES), _seed),
    "TopK": (TopK(5), lambda rng: TopK.of([rng.integers(10)], 5)),
}
each_metric = pytest.mark.parametrize(("empty", "draw"), METRICS.values(), ids=METRICS)


def test_every_exported_state_is_tested_here():
    assert set(exported) - set(METRICS) == {"State", "SoftMask"}


@each_metric
@given(seed=st.integers(0, 10**6), n=st.integers(1, 9), cut=st.integers(0, 9), data=st.data())
@settings(max_examples=15, deadline=None)
def test_shards_batches_and_orders_merge_to_identical_counts(empty, draw, seed, n, cut, data):
    rng = np.random.default_rng(seed)
    targets = [draw(rng) for _ in range(n)]
    whole = reduce(add, targets, empty)
    shards = reduce(add, targets[:cut], empty) + reduce(add, targets[cut:], empty)
    shuffled = reduce(add, data.draw(st.permutations(targets)), empty)
    assert whole == shards == shuffled
    assert whole.to_json() == shards.to_json() == shuffled.to_json()
    np.testing.assert_equal(shuffled.compute(), whole.compute())
    assert empty + whole == whole


@each_metric
@given(seed=st.integers(0, 10**6))
@settings(max_examples=5, deadline=None)
def test_round_trip_through_json_and_pickle(empty, draw, seed):
    rng = np.random.default_rng(seed)
    state = draw(rng) + draw(rng)
    again = empty.from_json(json.loads(json.dumps(state.to_json())))
    assert again == state
    assert pickle.loads(pickle.dumps(state)) == state  # noqa: S301
    np.testing.assert_equal(again.compute(), state.compute())
    assert again + draw(np.random.default_rng(1)) == state + draw(np.random.default_rng(1))


@each_metric
def test_an_empty_state_computes_nan_and_survives_json(empty, draw):
    again = empty.from_json(json.loads(json.dumps(empty.to_json())))
    assert again == empty
    if isinstance(empty, SeedIoU | BoxAP):
        assert np.isnan(again.compute())
    assert isinstance(empty.higher_is_better, bool)


@each_metric
def test_a_damaged_record_is_named(empty, draw):
    data = draw(np.random.default_rng(0)).to_json()
    name = next(iter(data))
    for wrong in ({k: v for k, v in data.items() if k != name}, {**data, name: "x"}):
        with pytest.raises(RecordError, match=f"{name} is missing or does not fit"):
            empty.from_json(wrong)


def test_counts_of_another_shape_do_not_fit():
    with pytest.raises(RecordError, match="hits is missing or does not fit"):
        PointingGame.of([], [], 3).from_json(PointingGame.of([], [], 2).to_json())


def test_states_of_other_settings_or_kinds_do_not_merge():
    for other in (TopK(1), Rate()):
        with pytest.raises(
            InputError, match="expected states of one metric with the same settings"
        ):
            TopK(5) + other
    assert TopK(5) != TopK(1)
    assert Rate() != ErrorRate()


def test_only_errors_are_better_when_lower():
    assert [name for name, (state, _) in METRICS.items() if not state.higher_is_better] == [
        "ErrorRate"
    ]
