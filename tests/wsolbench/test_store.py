"""Records: strict JSON, written whole or not at all, read with care."""

import dataclasses
import errno
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsolbench import store
from wsolbench.errors import RecordError
from wsolbench.store import Record, check_writable, dump, plain, read_record, run_folder

DATA = {
    "schema": 1,
    "run_id": "20260101-000000-abcdef",
    "config": {"methods": ["cam"]},
    "dataset": {"name": "squares"},
    "model": {"name": "ColourNet"},
    "methods": [{"label": "cam"}],
    "left_out": {},
    "protocols": [],
    "classification": {},
    "metrics": [{"metric": "PxAP", "value": None}, {"metric": "MaxBoxAcc", "value": 0.5}],
    "not_finite": {},
    "counts": {"test": {"cam": {"hits": [[1, 2], [3, 4]]}}},
}


@pytest.fixture
def record():
    rows = [{"method": "cam", "hit": True, "from": [0, 3]}, {"method": "cam", "hit": None}]
    return Record(DATA, pd.DataFrame(rows))


@pytest.fixture
def results(tmp_path):
    return tmp_path / "some" / "results"


def everything_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_run_has_its_own_folder(record, results):
    saved = record.save(results)
    assert saved.path == results / "squares" / "ColourNet" / "20260101-000000-abcdef"
    assert everything_below(saved.path) == ["record.json", "targets.parquet"]


def test_round_trip(record, results):
    saved = record.save(results)
    for path in (saved.path, saved.path / "record.json", str(saved.path)):
        loaded = Record.load(path)
        assert loaded.data == DATA
        assert loaded.path == saved.path
        assert loaded.targets.hit.tolist() == [True, None]
        assert loaded.targets["from"][0].tolist() == [0, 3]


def test_a_run_is_never_overwritten(record, results):
    path = record.save(results).path
    before = (path / "record.json").read_bytes()
    with pytest.raises(RecordError, match="exists already; a run is never overwritten"):
        dataclasses.replace(record, data={**DATA, "metrics": []}).save(results)
    assert (path / "record.json").read_bytes() == before
    assert everything_below(path.parent) == [path.name, *(f"{path.name}/{n}" for n in NAMES)]


NAMES = ("record.json", "targets.parquet")


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), TypeError("no such column")]
)
def test_nothing_is_left_of_a_run_that_cannot_be_written(
    record, results, tmp_path, monkeypatch, error
):
    def fails(self, path, **_):
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(pd.DataFrame, "to_parquet", fails)
    with pytest.raises(RecordError, match=r"cannot write the run to .*(No space|no such column)"):
        record.save(results)
    assert everything_below(tmp_path) == []


def test_folders_that_were_there_stay(record, results, monkeypatch):
    (results / "squares").mkdir(parents=True)
    monkeypatch.setattr(store, "dump", lambda _: "\ud800")  # no text file holds that
    with pytest.raises(RecordError):
        record.save(results)
    assert everything_below(results) == ["squares"]


def test_nothing_is_left_of_a_run_that_is_interrupted(record, results, tmp_path, monkeypatch):
    def interrupt(self, path, **_):
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_parquet", interrupt)
    with pytest.raises(KeyboardInterrupt):
        record.save(results)
    assert everything_below(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("resnet50", "resnet50"),
        ("../../up", "_.._up"),
        ("a/b\\c d", "a_b_c_d"),
        (".hidden", "hidden"),
        ("..", "_"),
        ("", "_"),
        ("hf-hub:timm/vit", "hf-hub_timm_vit"),
        ("x" * 300, "x" * 100),
    ],
)
def test_names_never_leave_the_results_folder(tmp_path, name, folder):
    assert run_folder(tmp_path, name, "m") == tmp_path / folder / "m"


def test_json_is_strict(results, record):
    metrics = [{"metric": "x", "value": float("nan"), "threshold": (float("inf"), 0.5)}]
    path = dataclasses.replace(record, data={**DATA, "metrics": metrics}).save(results).path

    def refuse(constant):
        raise AssertionError(constant)

    read = json.loads((path / "record.json").read_text(), parse_constant=refuse)
    assert read["metrics"] == [{"metric": "x", "value": None, "threshold": [None, 0.5]}]


def test_plain_knows_what_json_does_not(tmp_path):
    value = {
        1: (np.float32(0.5), np.int64(3), np.bool_(True)),
        "array": np.array([1.0, np.nan]),
        "path": tmp_path,
    }
    assert plain(value) == {"1": [0.5, 3, True], "array": [1.0, None], "path": str(tmp_path)}


def test_dump_keeps_numbers_on_one_line():
    text = dump({"a": {"b": [[1, 2], [3, 4]]}, "rows": [{"x": 1}, {"x": 2}], "empty": {}})
    assert text == (
        '{\n  "a": {\n    "b": [[1, 2], [3, 4]]\n  },\n'
        '  "rows": [\n    {"x": 1},\n    {"x": 2}\n  ],\n  "empty": {}\n}\n'
    )


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_dump_is_json(value):
    assert json.loads(dump({"value": value})) == {"value": plain(value)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no readable record"),
        ("[1]", "expected an object, got list"),
        ("{}", "names no schema"),
        ('{"schema": 99}', "has schema 99, but this wsolbench reads schema 1; update wsolbench"),
        ('{"schema": 1, "run_id": ""}', "no complete record: missing config, dataset, model"),
    ],
)
def test_damaged_records_are_refused(tmp_path, text, message):
    (tmp_path / "record.json").write_text(text, encoding="utf-8")
    for path in (tmp_path, tmp_path / "record.json"):
        with pytest.raises(RecordError, match=message):
            Record.load(path)


def test_a_record_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "record.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecordError, match="no readable record"):
        read_record(tmp_path / "record.json")


def test_missing_files_are_named(tmp_path, results, record):
    with pytest.raises(RecordError, match=r"there is no .*record\.json"):
        Record.load(tmp_path)
    path = record.save(results).path
    (path / "targets.parquet").write_bytes(b"none")
    with pytest.raises(RecordError, match=r"targets\.parquet cannot be read"):
        Record.load(path)
    (path / "targets.parquet").unlink()
    with pytest.raises(RecordError, match=r"targets\.parquet cannot be read"):
        Record.load(path)


def test_every_required_field_is_missed(tmp_path):
    for name in store.REQUIRED:
        data = {key: value for key, value in DATA.items() if key != name}
        (tmp_path / "record.json").write_text(dump(data), encoding="utf-8")
        with pytest.raises(RecordError, match=f"missing {name}$"):
            read_record(tmp_path)


def test_a_results_folder_that_cannot_be_written_is_refused(tmp_path):
    check_writable(tmp_path / "to" / "be" / "made")
    (tmp_path / "file").write_text("", encoding="utf-8")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(RecordError, match=r"file is not a folder that can be written"):
            check_writable(path)
    assert everything_below(tmp_path) == ["file"]


def test_run_ids_differ():
    assert len({store.new_run_id() for _ in range(50)}) == 50
