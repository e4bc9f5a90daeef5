"""What a run adds up, in which order and batch, and what it does with all that goes wrong."""

import functools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from reference.runs import CORE, GREEN, MIDDLE, ColourNet, card, paint, sample, squares

import wsolbench
from wsolbench import describe as describing
from wsolbench.errors import DataError, MapError, ModelError
from wsolbench.plan import make_plan
from wsolbench.sample import Problem
from wsolbench.scorers.base import POLICIES
from wsolbench.settings import Settings, specs_of
from wsolbench.split_run import SplitRun

CHANGING = ("run_id", "created", "seconds")


@pytest.fixture
def dataset(tmp_path):
    return squares(tmp_path)


@pytest.fixture
def evaluate():
    return functools.partial(wsolbench.evaluate, ColourNet(), input_size=32)


def plan_of(dataset, methods="cam,center", protocols="wsol2020,pointing-game"):
    settings = Settings(
        methods=specs_of(methods, "method"),
        protocols=specs_of(protocols, "protocol"),
        input_size=32,
    )
    return make_plan(ColourNet(), dataset, settings)


def metrics_of(record, policy="oracle"):
    rows = record.frame()
    rows = rows[(rows.metric == "MaxBoxAcc") & (rows.policy == policy)]
    return dict(zip(rows.method, rows.value, strict=True))


@pytest.mark.parametrize("protocols", ["wsol2020,pointing-game", "cam2016,corloc,soft-mask"])
def test_the_counts_of_a_record_give_its_numbers(dataset, protocols):
    plan = plan_of(dataset, protocols=protocols)
    runs = {split.name: SplitRun(plan, split).run() for split in plan.splits}
    data = describing.describe(plan, runs, {}, {})
    read = {}
    for name, run in runs.items():
        for (method, protocol), states in run.evaluation.states.items():
            counts = data["counts"][name][method][protocol]
            assert counts.keys() == states.keys()
            read[name, method, protocol] = {
                key: state.from_json(counts[key]) for key, state in states.items()
            }
    again = [
        (method, value.metric, value.policy, value.value, value.total)
        for method in ("cam", "center")
        for scorer in runs["test"].evaluation.scorers
        for value in scorer.report(
            read["test", method, scorer.protocol.label],
            read["train-fullsup", method, scorer.protocol.label],
        )
    ]
    keys = ("method", "metric", "policy", "value", "total")
    assert again == [tuple(row[key] for key in keys) for row in data["metrics"]]


@pytest.mark.parametrize(("batch_size", "workers"), [(1, 0), (4, 0), (3, 1)])
def test_batches_and_workers_change_nothing(dataset, evaluate, batch_size, workers):
    whole = evaluate(dataset, methods="cam,gradcam,random")
    parts = evaluate(dataset, methods="cam,gradcam,random", batch_size=batch_size, workers=workers)
    assert parts.data["counts"] == whole.data["counts"]
    assert parts.data["metrics"] == whole.data["metrics"]
    keys = ["method", "sample_id", "label"]
    pd.testing.assert_frame_equal(
        parts.targets.sort_values(keys, ignore_index=True),
        whole.targets.sort_values(keys, ignore_index=True),
    )


def test_the_same_request_gives_the_same_record(dataset, evaluate):
    first, second = (evaluate(dataset, methods="cam,random", seed=5) for _ in range(2))
    changing = {key for key in first.data if first.data[key] != second.data[key]}
    assert changing <= set(CHANGING)
    pd.testing.assert_frame_equal(first.targets, second.targets)


def test_limit_takes_the_first_images_of_each_split(dataset, evaluate):
    record = evaluate(dataset, methods="cam", limit=1)
    splits = record.data["dataset"]["splits"]
    assert {name: split["images"] for name, split in splits.items()} == {
        "test": 1,
        "train-fullsup": 1,
    }
    assert list(record.targets.sample_id) == ["0"]


def test_watch_sees_every_batch_of_every_split(dataset, evaluate):
    seen = []

    def watch(batches, split, images):
        for batch in batches:
            seen.append((split, images, len(batch.samples)))
            yield batch

    evaluate(dataset, methods="cam", batch_size=4, watch=watch)
    assert seen == [("test", 6, 4), ("test", 6, 2), ("train-fullsup", 2, 2)]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_maps_that_are_no_numbers_are_counted_and_miss(dataset, evaluate, register, value):
    @register("holes", needs=("activations",))
    def holes(forward):
        maps = forward.activations()[:, 0].clone()
        for i, key in enumerate(forward.keys):
            if key.startswith(("0#", "3#")):
                maps[i, 0, 0] = value
        return maps

    record = evaluate(dataset, methods="holes", protocols="wsol2020,pointing-game,cam2016")
    assert record.data["not_finite"] == {"holes": 2}
    assert metrics_of(record) == {"holes": 2 / 6}  # a core and a middle are lost
    frame = record.frame().set_index(["protocol", "metric"]).value
    assert frame["pointing-game", "Pointing game"] == 4 / 6
    assert list(record.targets.finite) == [False, True, True, False, True, True]
    hits = record.targets["pointing-game.hit"].tolist()
    assert hits == [False, True, True, False, True, True]


def test_a_method_that_fails_is_named(dataset, evaluate, register):
    @register("broken")
    def broken(forward):
        raise ZeroDivisionError("by zero")

    with pytest.raises(MapError, match=r"method broken failed .* 0#0: ZeroDivisionError: by zero"):
        evaluate(dataset, methods="cam,broken")


def test_a_method_that_reads_what_it_did_not_ask_for_is_named(dataset, evaluate, register):
    register("greedy")(lambda forward: forward.activations())
    with pytest.raises(MapError, match=r"method greedy failed .* layers that this pass kept"):
        evaluate(dataset, methods="greedy")


@pytest.mark.parametrize(
    "function",
    [
        lambda forward: torch.zeros(len(forward), 4),
        lambda forward: torch.zeros(len(forward) + 1, 4, 4),
        lambda forward: np.zeros((len(forward), 4, 4)),
        len,
    ],
    ids=["two dimensions", "one too many", "no tensor", "a number"],
)
def test_maps_of_a_wrong_shape_are_refused_with_the_methods_name(
    dataset, evaluate, register, function
):
    register("odd")(function)
    with pytest.raises(MapError, match="odd"):
        evaluate(dataset, methods="odd")


def test_logits_that_are_no_numbers_count_as_wrong(tmp_path):
    class HalfBroken(ColourNet):
        def forward(self, images):
            logits = super().forward(images)
            green = logits.argmax(1) == GREEN
            return torch.where(green[:, None], torch.nan, logits)

    entries = [
        sample(paint(tmp_path / "red.png"), CORE),
        sample(paint(tmp_path / "green.png", GREEN), CORE, GREEN),
    ]
    record = wsolbench.evaluate(
        HalfBroken(), card({"test": entries}), methods="center", input_size=32
    )
    assert record.data["classification"]["top1"] == {"value": 0.5, "correct": 1, "total": 2}
    assert record.data["classification"]["top5"]["correct"] == 1
    assert record.data["dataset"]["splits"]["test"]["logits_not_finite"] == 1


def damaged(tmp_path):
    cut = paint(tmp_path / "cut.png")
    cut.write_bytes(cut.read_bytes()[:60])
    return card(
        {
            "test": [
                Problem("lost", "no image file lost.png"),
                sample(paint(tmp_path / "good.png"), CORE),
                sample(cut, CORE),
                sample(tmp_path / "absent.png", MIDDLE),
            ]
        }
    )


def test_what_cannot_be_used_is_named_and_counted_and_the_run_goes_on(tmp_path, evaluate):
    record = evaluate(damaged(tmp_path), methods="cam")
    test = record.data["dataset"]["splits"]["test"]
    assert (test["images"], test["targets"], test["problems"]) == (1, 1, 3)
    assert [problem["id"] for problem in test["problems_listed"]] == ["lost", "cut", "absent"]
    assert metrics_of(record) == {"cam": 1.0}


def test_a_data_set_with_options_has_a_folder_of_its_own(tmp_path, evaluate):
    plain = squares(tmp_path)

    def read(root, split, *, part=1):
        yield from plain.function(root, split)

    both = replace(plain, function=read)
    for dataset, name in [(both, "squares"), (both.with_options({"part": 2}), "squares(part=2)")]:
        record = evaluate(dataset, methods="cam", results=tmp_path / "runs")
        assert record.data["dataset"]["spec"] == name
        assert record.data["dataset"]["annotations"] == ["labels", "boxes"]
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["squares", "squares_part_2_"]


def test_strict_stops_at_the_first_problem(tmp_path, evaluate):
    with pytest.raises(DataError, match=r"^lost: no image file lost.png .*without --strict"):
        evaluate(damaged(tmp_path), methods="cam", strict=True)
    cut = paint(tmp_path / "cut.png")
    cut.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"^cut: .*cut.png cannot be read"):
        evaluate(card({"test": [sample(cut, CORE)]}), methods="cam", strict=True)


def test_ground_truth_that_cannot_be_scored_is_a_problem_too(tmp_path, evaluate):
    entries = [
        sample(paint(tmp_path / "good.png"), CORE),
        sample(paint(tmp_path / "odd.png"), (5, 5, float("nan"), 9)),
    ]
    record = evaluate(card({"test": entries}), methods="cam")
    test = record.data["dataset"]["splits"]["test"]
    assert (test["images"], test["targets"], test["problems"]) == (1, 1, 1)
    assert test["problems_listed"][0]["id"] == "odd"
    with pytest.raises(DataError, match=r"^odd: "):
        evaluate(card({"test": entries}), methods="cam", strict=True)


def test_at_most_a_hundred_problems_are_listed_and_all_counted(tmp_path, evaluate):
    entries = [Problem(f"lost{i}", "no image") for i in range(250)]
    dataset = card({"test": [*entries, sample(paint(tmp_path / "a.png"), CORE)]})
    test = evaluate(dataset, methods="cam").data["dataset"]["splits"]["test"]
    assert (test["problems"], len(test["problems_listed"])) == (250, 100)


def test_a_split_without_any_usable_image_is_an_error(tmp_path, evaluate):
    bad = [sample(tmp_path / f"{i}.png", CORE) for i in range(3)]
    with pytest.raises(DataError, match=r"none of the 3 images of squares test .* first: 0: "):
        evaluate(card({"test": bad}), methods="cam")
    with pytest.raises(DataError, match="no usable image of squares test"):
        evaluate(card({"test": [Problem("a", "gone")]}), methods="cam")


def test_thresholds_stay_uncalibrated_where_train_fullsup_cannot_be_used(tmp_path, evaluate):
    good = [sample(paint(tmp_path / "good.png"), CORE)]
    bad = [sample(tmp_path / "absent.png", CORE)]
    record = evaluate(card({"test": good, "train-fullsup": bad}), methods="cam")
    assert (
        "none of the 1 images of squares train-fullsup"
        in (record.data["dataset"]["no_calibration"])
    )
    assert list(record.data["counts"]) == ["test"]
    policies = {row["policy"] for row in record.data["metrics"]}
    assert policies == {*POLICIES, None} - {"calibrated"}


def test_a_data_set_without_a_test_split_is_an_error(tmp_path, evaluate):
    dataset = card({"train-fullsup": [sample(paint(tmp_path / "a.png"), CORE)]})
    with pytest.raises(DataError, match="squares has no test split to score; its splits: train"):
        evaluate(dataset, methods="cam")


def test_a_network_that_fails_on_the_images_is_an_error(dataset):
    class Fails(ColourNet):
        def forward(self, images):
            raise RuntimeError(f"cannot take {len(images)}")

    with pytest.raises(ModelError, match="fails on images of 32x32"):
        wsolbench.evaluate(Fails(), dataset, methods="cam", input_size=32)


def test_predicted_classes_are_targets_of_protocols_that_read_them_alone(tmp_path, evaluate):
    entries = [
        sample(paint(tmp_path / "red.png"), CORE),
        sample(paint(tmp_path / "green.png", GREEN), MIDDLE, GREEN),
    ]
    protocols = "wsol2020,coco-box-ap(candidates=predictions)"
    record = evaluate(card({"test": entries}), methods="cam", protocols=protocols)
    rows = record.targets[["sample_id", "label", "shown", "rank"]].to_numpy().tolist()
    assert rows == [
        ["red", 0, True, 0],
        ["red", 1, False, 1],
        ["green", 1, True, 0],
        ["green", 0, False, 1],
    ]
    assert record.data["dataset"]["splits"]["test"]["targets"] == 2
    alone = evaluate(card({"test": entries}), methods="cam", protocols="wsol2020")
    assert (
        alone.data["counts"]["test"]["cam"]["wsol2020"]
        == (record.data["counts"]["test"]["cam"]["wsol2020"])
    )
