"""Scoring folders of maps, and the protocols' differences on a run's own maps."""

import dataclasses
import json

import numpy as np
import pytest
from reference.runs import CORE, MIDDLE, OUTER, ColourNet, card, paint, squares

import wsolbench
from wsolbench.cli.entry import main
from wsolbench.diff import diff_protocols
from wsolbench.errors import DataError, OptionError, RecordError
from wsolbench.models import as_classifier
from wsolbench.protocol import PROTOCOLS
from wsolbench.registry import DATASETS
from wsolbench.sample import Instance, Problem, Sample
from wsolbench.score import score


@pytest.fixture
def data(tmp_path, monkeypatch):
    """The squares, registered for this test only."""
    data_set = squares(tmp_path / "images")
    len(DATASETS)  # scanned
    monkeypatch.setitem(DATASETS._entries, "squares", data_set)
    return data_set


@pytest.fixture
def run(data, tmp_path):
    classifier = as_classifier(ColourNet(), input_hw=(32, 32), mean=(0, 0, 0), std=(1, 1, 1))
    return wsolbench.evaluate(
        classifier,
        "squares",
        methods="cam,center",
        protocols="wsol2020,pointing-game,cam2016,gradcam2017",
        results=tmp_path / "results",
        save_maps=True,
    )


def numbers(record, without=("Top-1", "Top-5")):
    frame = record.frame()
    frame = frame[~frame.metric.str.startswith(without) & (frame.policy != "calibrated")]
    return frame.set_index(["method", "protocol", "metric", "policy"]).value.to_dict()


def test_a_run_scored_again_from_its_own_maps_gives_the_same_numbers(run):
    folders = {label: run.path / "maps" / label for label in ("cam", "center")}
    protocols = "wsol2020,pointing-game,cam2016,gradcam2017"
    again = score(folders, "squares", protocols=protocols)
    assert numbers(again) == numbers(run)
    assert len(numbers(again)) > 20
    assert again.data["classification"] == {}
    assert not again.frame().metric.str.startswith("Top-").any()
    assert again.data["dataset"]["splits"]["test"]["targets"] == 6
    assert again.targets["rank"].isna().all()


def test_thresholds_are_calibrated_on_maps_of_train_fullsup(tmp_path, data):
    """The map's steps are .3, .6, 1: middles are found above .3, cores above .6."""
    maps, calibration = tmp_path / "test", tmp_path / "fullsup"
    for folder, count in ((maps, 6), (calibration, 2)):
        folder.mkdir()
        for i in range(count):
            score_map = np.zeros((32, 32))
            for (x0, y0, x1, y1), value in ((OUTER, 0.3), (MIDDLE, 0.6), (CORE, 1.0)):
                score_map[y0 : y1 + 1, x0 : x1 + 1] = value
            np.save(folder / f"{i}.npy", score_map)
    record = score({"steps": maps}, data, calibration_maps={"steps": calibration})
    found = (
        numbers(record)
        | record.frame()
        .query("policy == 'calibrated'")
        .set_index(["method", "protocol", "metric", "policy"])
        .value.to_dict()
    )
    assert found["steps", "wsol2020", "MaxBoxAcc", "oracle"] == 3 / 6
    assert found["steps", "wsol2020", "MaxBoxAcc", "calibrated"] == 2 / 6


def test_images_without_a_map_are_named_and_counted(run):
    folder = run.path / "maps" / "cam"
    (folder / "3.npy").unlink()
    record = score({"cam": folder}, "squares")
    split = record.data["dataset"]["splits"]["test"]
    assert (split["images"], split["problems"]) == (5, 1)
    assert "there is no score map" in split["problems_listed"][0]["reason"]
    with pytest.raises(DataError, match="3: there is no score map"):
        score({"cam": folder}, "squares", strict=True)


def test_maps_that_are_there_but_unusable_are_named_before_all_other_gaps(run, tmp_path):
    folder = run.path / "maps" / "cam"
    (folder / "1.npy").unlink()
    np.save(folder / "3.npy", np.zeros((2, 4, 4)))
    record = score({"cam": folder}, "squares")
    listed = record.data["dataset"]["splits"]["test"]["problems_listed"]
    assert [problem["id"] for problem in listed] == ["3", "1"]
    assert "expected a score map [h, w] of numbers" in listed[0]["reason"]
    (tmp_path / "none").mkdir()
    gaps = dataclasses.replace(DATASETS["squares"], function=_with_a_gap(DATASETS["squares"]))
    with pytest.raises(DataError, match=r"none of the 6 .* there is no score map .*none"):
        score({"cam": tmp_path / "none"}, gaps)


def _with_a_gap(data_set):
    def read(root, split):
        yield Problem("gap", "no image file gap.png")
        yield from data_set.function(root, split)

    return read


def test_several_classes_in_an_image_have_a_map_each(tmp_path):
    path = paint(tmp_path / "both.png")
    both = Sample("both", path, (32, 32), (0, 1), (Instance(0, CORE), Instance(1, OUTER)))
    for label, box in enumerate((CORE, OUTER)):
        score_map = np.zeros((32, 32))
        score_map[box[1] : box[3] + 1, box[0] : box[2] + 1] = 1
        np.save(tmp_path / f"both#{label}.npy", score_map)
    record = score({"own": tmp_path}, card({"test": [both]}))
    assert numbers(record)["own", "wsol2020", "MaxBoxAcc", "fixed"] == 1
    assert len(record.targets) == 2


def test_requests_that_cannot_be_meant(tmp_path, data):
    with pytest.raises(DataError, match=r"expected a folder with the score maps of x"):
        score({"x": tmp_path / "nowhere"}, data)
    with pytest.raises(OptionError, match="coco-box-ap needs what a classifier says"):
        score({"x": tmp_path}, data, protocols="coco-box-ap")
    with pytest.raises(OptionError, match="calibration maps for the same methods, x, but got y"):
        score({"x": tmp_path}, data, calibration_maps={"y": tmp_path})
    with pytest.raises(DataError, match="none of the 6 images of squares test can be used"):
        score({"x": tmp_path}, data)


def test_diff_names_the_choice_that_turns_a_verdict(run):
    """wsol2020's boxes are a pixel larger and its frame another: for these squares nothing turns.

    At .5 of the maximum the middle is found, at .2 the outer square: only the threshold differs.
    """
    low = PROTOCOLS["cam2016"]
    high = dataclasses.replace(low, name="cam-half", fixed_threshold=0.5)
    difference = diff_protocols(run, low, high)
    assert difference.differing == ["threshold"]
    assert difference.agree_right["cam"] == 0
    assert difference.agree_wrong["cam"] == 3  # the cores
    assert difference.causes("cam", "cam-half") == {"threshold": 2}
    assert difference.causes("cam", "cam2016") == {"threshold": 1}
    assert {c.sample_id for c in difference.changes if c.method == "cam"} == {"3", "4", "5"}


def test_diff_against_the_pointing_game_has_no_stage(run):
    difference = diff_protocols(run, PROTOCOLS["wsol2020"], PROTOCOLS["pointing-game"])
    assert {cause for change in difference.changes for cause in change.causes} == set(
        difference.differing
    )
    assert len(difference.differing) == 1
    assert all(change.right == "pointing-game" for change in difference.changes)


def test_diff_refuses_what_has_no_verdict_or_no_maps(run, tmp_path):
    a, b = PROTOCOLS["wsol2020"], PROTOCOLS["cam2016"]
    with pytest.raises(OptionError, match="got wsol2020 twice"):
        diff_protocols(run, a, a)
    with pytest.raises(OptionError, match="soft-mask gives a target no verdict"):
        diff_protocols(run, a, PROTOCOLS["soft-mask"])
    with pytest.raises(RecordError, match=r"kept no raw maps.*--save-maps"):
        diff_protocols(score({"cam": run.path / "maps" / "cam"}, "squares"), a, b)


def test_maps_are_saved_with_the_run_only(data):
    with pytest.raises(OptionError, match="expected results"):
        wsolbench.evaluate(ColourNet(), data, save_maps=True)


def test_a_failing_run_leaves_no_maps_behind(data, tmp_path, monkeypatch):
    monkeypatch.setattr("wsolbench.engine.describe", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        wsolbench.evaluate(
            as_classifier(ColourNet(), input_hw=(32, 32)),
            "squares",
            methods="cam",
            results=tmp_path / "results",
            save_maps=True,
        )
    assert not (tmp_path / "results").exists()


def test_the_verbs(run, data, tmp_path, monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["wsolbench", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        return exit_.value.code, capsys.readouterr()

    maps = run.path / "maps" / "cam"
    results = ["--results", tmp_path / "scored"]
    code, said = call("score", "--maps", maps, "--dataset", "squares", "--json", *results)
    assert code == 0
    assert json.loads(said.out)["model"]["name"] == "score-maps"
    code, said = call("score", "--maps", f"mine={maps}", "--dataset", "squares", *results)
    assert code == 0
    assert "Score maps from files, no network" in said.out
    assert "mine" in said.out
    code, said = call("diff-protocols", "wsol2020", "pointing-game", "--run", run.path)
    assert code == 0
    assert said.out.startswith("wsol2020 against pointing-game, on the same maps.")
    code, said = call("diff-protocols", "wsol2020", "cam2016", "--run", run.path, "--json")
    assert json.loads(said.out)["a"] == "wsol2020"
    code, said = call("diff-protocols", "wsol2020", "cam2017", "--run", run.path)
    assert code == 2
    assert "Did you mean cam2016" in said.err
