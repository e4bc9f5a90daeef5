"""How well maps agree: literal numbers, failures that are findings, and the verb."""

import json
import math

import numpy as np
import pytest
from reference.nets import ClassMapNet, VggNet
from reference.passes import noise

from wsolbench.agree import SAME, agree, compare, pairs_of, rank_correlation
from wsolbench.errors import UnknownNameError
from wsolbench.models import as_classifier
from wsolbench.peers.counterparts import Counterpart

PAIR = Counterpart("gradcam", "grad-cam:GradCAM", "reason")


def ramp(side=8):
    return np.arange(side * side, dtype=float).reshape(1, side, side)


def test_maps_that_differ_in_scale_alone_are_the_same():
    found = compare(ramp(), 3 * ramp() + 1, PAIR, "grad-cam 1", (64, 64))
    assert (found.same, found.box_iou, found.same_boxes) == (True, 1, 1)
    assert found.difference == pytest.approx(0)
    assert found.correlation == pytest.approx(1)
    assert found.source == "grad-cam 1"


def test_a_map_upside_down_is_not():
    found = compare(ramp(), -ramp(), PAIR, "", (64, 64))
    assert found.difference == 1
    assert found.correlation == pytest.approx(-1)
    assert not found.same


def test_maps_of_other_sizes_meet_at_the_input_size():
    assert compare(np.ones((1, 2, 2)), np.ones((1, 4, 4)), PAIR, "", (8, 8)).same
    assert not compare(ramp(2), ramp(4), PAIR, "", (8, 8)).same


def test_nan_is_a_failure_and_no_number():
    found = compare(ramp(), np.full((1, 8, 8), np.nan), PAIR, "", (64, 64))
    assert math.isnan(found.difference)
    assert not found.same
    assert "NaN" in found.failure
    assert found.values()["difference"] is None


@pytest.mark.parametrize(
    ("a", "b", "value"),
    [
        ([1, 2, 3, 4], [10, 20, 30, 40], 1),
        ([1, 2, 3, 4], [4, 3, 2, 1], -1),
        ([1, 2, 3], [1, 3, 2], 0.5),
        ([1, 1, 1], [2, 2, 2], 1),
        ([1, 1, 1], [1, 2, 3], 0),
    ],
)
def test_rank_correlation(a, b, value):
    assert rank_correlation(np.array(a, float), np.array(b, float)) == pytest.approx(value)


def test_ours_are_theirs():
    classifier = as_classifier(ClassMapNet(), input_hw=(32, 48))
    names = ["gradcam", "layercam", "hirescam"]
    found = list(agree(classifier, noise(2, (32, 48)), [1, 3], methods=names))
    assert len(found) == 6
    assert max(one.difference for one in found) < SAME
    assert all(one.same and one.correlation > 0.999 for one in found)


def test_what_a_network_cannot_serve_is_said():
    classifier = as_classifier(VggNet(), input_hw=(32, 48))
    (found,) = agree(classifier, noise(1, (32, 48)), [1], methods=["cam"])
    assert "needs" in found.failure
    assert math.isnan(found.difference)


def test_costly_ones_are_compared_only_when_asked():
    assert "scorecam" not in {pair.ours for pair in pairs_of(costly=False)}
    assert [pair.ours for pair in pairs_of(["gradcam"])] == ["gradcam"] * 3
    with pytest.raises(UnknownNameError, match="unknown method that another library offers too"):
        pairs_of(["center"])


def test_the_verb_prints_a_table_and_json(cli):
    small = ("agree", "--model", "digit-net", "--input-size", "32", "--methods", "gradcam")
    table = cli(*small)
    assert table.code == 0
    assert table.out.count(" same\n") == 3
    shown = json.loads(cli(*small, "--json").out)["agreement"]
    assert [one["same"] for one in shown] == [True] * 3
    assert {one["theirs"] for one in shown} >= {"grad-cam:GradCAM", "torchcam:GradCAM"}
