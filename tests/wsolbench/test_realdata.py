"""Whole runs on real photographs: plain CAM lands where it was measured before."""

from math import sqrt

import pytest

import wsolbench

pytestmark = pytest.mark.realdata

LIMIT = 96


def numbers_of(record):
    keys = ("method", "protocol", "metric", "policy")
    return {tuple(row[key] for key in keys): row["value"] for row in record.data["metrics"]}


def tolerance(expected, deviations=3.5):
    """Binomial error of ``LIMIT`` images, wide enough for once in some thousand samples.

    To it comes what the figures themselves were rounded to.
    """
    return deviations * sqrt(expected * (1 - expected) / LIMIT) + 0.005


@pytest.mark.parametrize(
    ("model", "top1", "max_box_acc"), [("squeezenet1_1", 0.64, 0.67), ("mobilenet_v2", 0.72, 0.65)]
)
def test_cam_on_animals(wsolbench_data, model, top1, max_box_acc):
    """The figures are of a larger set of this kind; the tolerance is 16 to 18 points."""
    record = wsolbench.evaluate(
        model,
        "ilsvrc-animals",
        methods="cam,center",
        data_root=wsolbench_data,
        weights=wsolbench_data / "weights" / f"{model}.imagenet.safetensors",
        limit=LIMIT,
    )
    numbers = numbers_of(record)
    cam = numbers["cam", "wsol2020", "MaxBoxAcc", "oracle"]
    assert cam == pytest.approx(max_box_acc, abs=tolerance(max_box_acc))
    known, top1_loc = (
        numbers["cam", "wsol2020", metric, "fixed"] for metric in ("GT-known Loc", "Top-1 Loc")
    )
    assert top1_loc <= min(known, record.data["classification"]["top1"]["value"])
    assert record.data["classification"]["top1"]["value"] == pytest.approx(
        top1, abs=tolerance(top1)
    )
    test = record.data["dataset"]["splits"]["test"]
    assert (test["images"], test["targets"], test["expected_images"]) == (LIMIT, LIMIT, 19_900)
    assert test["problems"] == 19_189
    assert record.data["dataset"]["no_calibration"]


def test_voc2012_has_a_target_per_image_and_class(wsolbench_data):
    record = wsolbench.evaluate(
        "squeezenet1_1",
        "voc2012",
        methods="gradcam,random",
        data_root=wsolbench_data,
        weights="none",
        limit=16,
    )
    test = record.data["dataset"]["splits"]["test"]
    assert test["targets"] > test["images"] == 16
    rows = record.targets[record.targets.method == "gradcam"]
    assert len(rows) == test["targets"]
    assert not rows.duplicated(["sample_id", "label"]).any()
    assert rows.duplicated("sample_id").any()
    numbers = numbers_of(record)
    assert 0 < numbers["random", "wsol2020", "MaxBoxAcc", "oracle"] < 1
    assert 0 < numbers["random", "wsol2020", "PxAP", None] < 1
    assert {"test", "train-fullsup"} == set(record.data["counts"])
