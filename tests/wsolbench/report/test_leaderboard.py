"""Leaderboards: golden texts of one record, and what must hold at every width."""

import io
from pathlib import Path

import pytest
from reference.board import LONG, RECORD, number
from rich.console import Console

from wsolbench.report.leaderboard import leaderboard, print_leaderboard

HERE = Path(__file__).parent


def printed(record, width=None, *, colour=False, encoding="utf-8"):
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(
        file=file,
        width=width,
        force_terminal=width is not None,
        color_system="standard" if colour else None,
    )
    print_leaderboard(record, console, "results/squares/resnet50/20260101-000000-abcdef")
    file.flush()
    return file.buffer.getvalue().decode(encoding)


@pytest.mark.parametrize(("name", "width"), [("piped", None), ("columns_80", 80)])
def test_golden(name, width):
    assert printed(RECORD, width) == (HERE / f"leaderboard_{name}.txt").read_text("utf-8")


def test_piped_text_is_plain_ascii_whatever_the_environment_says(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    text = printed(RECORD)
    assert text.isascii()
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 120


def test_a_terminal_that_is_not_unicode_gets_ascii():
    assert printed(RECORD, 80, encoding="ascii").isascii()


def test_colour_only_where_it_is_understood():
    assert "\x1b" in printed(RECORD, 80, colour=True)
    assert "\x1b" not in printed(RECORD, 80)


def many(protocols=12, methods=14):
    labels = [f"protocol{i}(normaliser=ivr,fixed_threshold=0.{i})" for i in range(protocols)]
    names = [f"method{i}(layers=layer1+layer2,strength={i})" for i in range(methods)]
    rows = [
        number(name, label, metric, 0.5 + i / 100, policy)
        for i, name in enumerate(names)
        for label in labels
        for metric in ("GT-known Loc", "Relevance mass accuracy (boxes)")
        for policy in ("calibrated", "fixed", "oracle")
    ]
    return {
        **RECORD,
        "methods": [{"label": name, "family": "gradient"} for name in names],
        "protocols": [{"label": label, "fingerprint": "0" * 12} for label in labels],
        "metrics": rows,
        "not_finite": {},
    }


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("record", [RECORD, many()], ids=["small", "many"])
def test_it_fits(record, width):
    lines = [text for text, _ in leaderboard(record, width)]
    assert max(map(len, lines)) <= width
    assert lines == [line.rstrip() for line in lines]


def test_every_protocol_is_named_in_full_and_long_methods_are_folded():
    lines = [line.strip() for line, _ in leaderboard(many(), 80)]
    text = " ".join(lines)
    assert all(f"{one['label']} {'0' * 12}" in text for one in many()["protocols"])
    assert "method3(layers=layer1+" in text.split()
    assert lines.count("layer2,strength=3)") == sum(line.startswith("method3(") for line in lines)


def rows_of(record, width=200):
    lines = [text.split() for text, _ in leaderboard(record, width)]
    labels = [method["label"] for method in record["methods"]]
    return [line for line in lines if line and line[0] in labels]


def test_best_first_by_the_first_number_and_floors_last():
    record = {**RECORD, "not_finite": {}}
    assert [row[0] for row in rows_of(record)] == [LONG, "cam", "center"]


def test_the_lowest_error_is_best():
    rows = [
        number("a", "p", "error", 0.4, "fixed", higher_is_better=False),
        number("b", "p", "error", 0.3, "fixed", higher_is_better=False),
        number("c", "p", "error", None, "fixed", higher_is_better=False),
    ]
    methods = [{"label": name, "family": "gradient"} for name in "cab"]
    ranked = rows_of({**RECORD, "methods": methods, "metrics": rows, "not_finite": {}})
    assert ranked == [["b", "30.0"], ["a", "40.0"], ["c", "-"]]


def test_synonyms_and_single_iou_thresholds_are_not_repeated():
    text = printed(RECORD)
    assert "GT-known" not in text
    assert "@50" not in text


def test_policies_that_have_names_of_their_own():
    rows = [
        number("cam", "voc-seed", "mIoU", value, policy)
        for policy, value in [("oracle", 0.5), ("IRN", 0.4), ("ReCAM", 0.3)]
    ]
    methods = [{"label": "cam", "family": "activation"}]
    record = {**RECORD, "methods": methods, "metrics": rows, "not_finite": {}}
    assert rows_of(record) == [["cam", "50.0", "40.0", "30.0"]]
    assert "oracle    IRN  ReCAM" in printed(record)


def test_a_record_without_numbers():
    text = printed({**RECORD, "metrics": []})
    assert "method" not in text.splitlines()
    assert "Thresholds" not in text


@pytest.mark.parametrize(
    ("annotations", "metrics", "said", "unsaid"),
    [
        (["labels"], [], "squares(part=2) has no boxes and no masks", "metrics of"),
        (["labels", "masks"], [], "the images found have none of the boxes or masks", "metrics of"),
        (["labels", "masks"], None, "squares(part=2) has no boxes: metrics of boxes", "No local"),
        (["labels", "boxes"], None, "squares(part=2) has no masks: metrics of masks", "No local"),
        (["labels", "boxes", "masks"], None, "squares(part=2) test", "has no"),
    ],
)
def test_what_cannot_be_scored_is_said(annotations, metrics, said, unsaid):
    dataset = {**RECORD["dataset"], "spec": "squares(part=2)", "annotations": annotations}
    rows = RECORD["metrics"] if metrics is None else metrics
    text = " ".join(printed({**RECORD, "dataset": dataset, "metrics": rows}).split())
    assert said in text
    assert unsaid not in text


@pytest.mark.parametrize(
    ("dataset", "note"),
    [
        ({"no_calibration": "no folder " * 60}, "None calibrated: no folder no folder"),
        ({"no_calibration": ""}, None),
    ],
)
def test_long_reasons_are_cut(dataset, note):
    text = printed({**RECORD, "dataset": {**RECORD["dataset"], **dataset}})
    assert ("None calibrated" in text) == (note is not None)
    assert text.count("no folder") < 20
