from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from wsolbench.errors import OptionError, UnknownNameError
from wsolbench.protocol import PROTOCOLS, Protocol, resolve_protocol
from wsolbench.scorers import SCORERS

# a change here says: numbers measured before and after are not by the same rules
FINGERPRINTS = {
    "wsol2020": "e7e33ea3e2c8",
    "pointing-game": "d272424e5902",
    "energy-pointing": "3e9f7a8ba8c9",
    "cam2016": "b2dcb848b257",
    "gradcam2017": "4089a86bf44f",
    "layercam2021": "28ee5cb13c08",
    "tscam2021": "3e71775b3f58",
    "ilsvrc-loc": "be59053358a5",
    "corloc": "be54d0b904dc",
    "voc-seed": "4d83818d38e0",
    "soft-mask": "9d6c2c506891",
    "coco-box-ap": "e4f0c750ff39",
}

each = pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)


def test_every_protocol_of_the_field_is_there():
    assert list(PROTOCOLS) == list(FINGERPRINTS)


def test_fingerprints_are_pinned():
    assert {name: protocol.fingerprint for name, protocol in PROTOCOLS.items()} == FINGERPRINTS


@each
def test_it_is_frozen_described_and_has_a_scorer(protocol):
    with pytest.raises(dataclasses.FrozenInstanceError):
        protocol.name = "x"
    assert protocol.scorer in SCORERS
    assert protocol.title
    assert protocol.source
    assert json.loads(json.dumps(protocol.facts()))["input_transform"] == "warp"


@each
def test_words_are_no_facts_and_every_fact_is_in_the_fingerprint(protocol):
    assert dataclasses.replace(protocol, title="x", source="y").fingerprint == protocol.fingerprint
    for name in protocol.facts():
        other = dataclasses.replace(protocol, **{name: "something else"})
        assert other.fingerprint != protocol.fingerprint, name


@each
def test_every_adjustable_option_is_a_fact(protocol):
    assert set(protocol.adjustable) <= set(protocol.facts())


def test_the_grid_is_aranges():
    grid = PROTOCOLS["wsol2020"].threshold_grid
    np.testing.assert_array_equal(grid, np.arange(0, 1, 0.001))
    assert (grid != np.arange(1000) / 1000).sum() == 144
    seeds = PROTOCOLS["voc-seed"].threshold_grid
    assert seeds.tolist() == [i / 100 for i in range(60)]
    assert PROTOCOLS["cam2016"].threshold_grid.size == 0


def test_frames():
    assert PROTOCOLS["wsol2020"].size_wh == (224, 224)
    assert PROTOCOLS["cam2016"].size_wh is None


def test_options_make_another_label_and_fingerprint():
    plain = resolve_protocol("wsol2020")
    other = resolve_protocol("wsol2020(normaliser=ivr)")
    assert (plain.label, other.label) == ("wsol2020", "wsol2020(normaliser=ivr)")
    assert (other.name, other.normaliser) == ("wsol2020", "ivr")
    assert plain.fingerprint != other.fingerprint


def test_options_equal_to_the_default_change_nothing():
    assert resolve_protocol("wsol2020(normaliser=minmax)") == resolve_protocol("wsol2020")


def test_options_add_up_in_any_order():
    both = resolve_protocol("wsol2020(normaliser=ivr,fixed_threshold=0.3)")
    one = resolve_protocol("wsol2020(fixed_threshold=0.3)").with_options({"normaliser": "ivr"})
    assert both == one
    assert both.label == "wsol2020(fixed_threshold=0.3,normaliser=ivr)"
    assert resolve_protocol(both.label) == both


def test_the_devkits_error_borrows_a_box_rule():
    borrowed = resolve_protocol("ilsvrc-loc(boxes=gradcam2017)")
    assert (borrowed.fixed_threshold, borrowed.label) == (0.15, "ilsvrc-loc(boxes=gradcam2017)")
    layer = resolve_protocol("ilsvrc-loc(boxes=layercam2021,fixed_threshold=0.3)")
    assert (layer.box_rule, layer.no_box) == ("largest rectangle", (0, 0, 1, 1))
    assert layer.fixed_threshold == 0.3
    assert resolve_protocol("ilsvrc-loc(boxes=cam2016)") == PROTOCOLS["ilsvrc-loc"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("wsol2020(colour=red)", "wsol2020 has no option 'colour'; options: normaliser"),
        ("pointing-game(normaliser=ivr)", "has no option 'normaliser'; options: interp"),
        ("energy-pointing(radius=3)", "options: none"),
        ("wsol2020(normaliser=mean)", "normaliser to be one of minmax, max"),
        ("wsol2020(interpolation=nearest)", "interpolation to be one of cubic, linear"),
        ("wsol2020(fixed_threshold=1.5)", "fixed_threshold to be a number from 0 to 1"),
        ("wsol2020(fixed_threshold=True)", "fixed_threshold"),
        ("wsol2020(iou_thresholds=(0.3,7))", "iou_thresholds"),
        ("wsol2020(iou_thresholds=())", "iou_thresholds"),
        ("pointing-game(radius=0)", "radius to be a whole number of at least 1"),
        ("pointing-game(radius=1.5)", "radius to be a whole number"),
        ("coco-box-ap(candidates=all)", "candidates to be one of labels, predictions"),
        ("ilsvrc-loc(boxes=tscam2021)", "boxes to be one of cam2016, gradcam2017, layercam2021"),
    ],
)
def test_options_that_cannot_be(spec, message):
    with pytest.raises(OptionError, match=message):
        resolve_protocol(spec)


def test_one_iou_threshold_needs_no_brackets():
    assert resolve_protocol("wsol2020(iou_thresholds=0.4)").iou_thresholds == (0.4,)


def test_unknown_names_get_close_matches():
    with pytest.raises(UnknownNameError, match="Did you mean wsol2020"):
        resolve_protocol("wsol2021")


def test_protocols_are_made_by_keyword_only():
    with pytest.raises(TypeError):
        Protocol("name", "scorer", "title", "source")
