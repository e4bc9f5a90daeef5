"""Getting a whole data set: several files, receipts, and sets that no program can get."""

import contextlib
import io
import zipfile

import pytest
from reference.data_sets import dataset_of, md5

from wsolbench.data.download import download, how_to_get
from wsolbench.dataset import Download
from wsolbench.errors import DataError
from wsolbench.registry import DATASETS


def zipped(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in files.items():
            file.writestr(name.replace("__", "/"), content)
    return buffer.getvalue()


@pytest.fixture
def card(host):
    images, boxes = zipped(images__1="one", images__2="two"), b"1,0,0,2,2\n"
    host.files |= {"/images.zip": images, "/boxes.csv": boxes}
    downloads = (
        Download(f"{host.url}/images.zip", md5(images), into="made"),
        Download(f"{host.url}/boxes.csv", md5(boxes), into="made/lists", extract=False),
    )
    return dataset_of({"test": []}, downloads=downloads, embedded=None)


def files_below(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_every_file_comes_to_its_place(card, tmp_path, hasty):
    got = download(card, tmp_path / "root", patience=hasty)
    assert [(one.files, one.was_there) for one in got] == [(2, False), (1, False)]
    assert (tmp_path / "root/made/images/1").read_text() == "one"
    assert files_below(tmp_path / "root") == [
        ".wsolbench-downloads/receipts.json",
        "made/images/1",
        "made/images/2",
        "made/lists/boxes.csv",
    ]


def test_second_run_asks_the_host_nothing(card, host, tmp_path, hasty):
    download(card, tmp_path, patience=hasty)
    host.requests.clear()
    assert all(one.was_there for one in download(card, tmp_path, patience=hasty))
    assert host.requests == []


def test_what_was_removed_comes_again(card, host, tmp_path, hasty):
    download(card, tmp_path, patience=hasty)
    (tmp_path / "made/images/2").unlink()
    assert [one.was_there for one in download(card, tmp_path, patience=hasty)] == [False, True]
    assert (tmp_path / "made/images/2").read_text() == "two"


def test_what_is_finished_stays_when_a_later_file_fails(card, host, tmp_path, hasty):
    boxes = host.files.pop("/boxes.csv")
    with pytest.raises(DataError, match=r"boxes\.csv: the host answered 404"):
        download(card, tmp_path, patience=hasty)
    host.files["/boxes.csv"] = boxes
    assert [one.was_there for one in download(card, tmp_path, patience=hasty)] == [True, False]


def test_archives_may_be_kept(card, tmp_path, hasty):
    download(card, tmp_path, keep_archives=True, patience=hasty)
    assert (tmp_path / ".wsolbench-downloads/made/images.zip").is_file()


def test_progress_is_told_by_file(card, tmp_path, hasty):
    seen = []

    @contextlib.contextmanager
    def watch(filename):
        yield lambda received, total: seen.append((filename, received, total))

    download(card, tmp_path, patience=hasty, watch=watch)
    assert seen[-1] == ("boxes.csv", 10, 10)


def test_damaged_receipts_are_no_obstacle(card, tmp_path, hasty):
    download(card, tmp_path, patience=hasty)
    (tmp_path / ".wsolbench-downloads/receipts.json").write_text("{")
    assert not any(one.was_there for one in download(card, tmp_path, patience=hasty))


def test_sets_that_need_a_person_say_what_to_do(tmp_path):
    card = dataset_of({"test": []}, instructions="register, then unpack x.tar.", embedded=None)
    with pytest.raises(DataError, match=r"How to get it: register, then unpack x\.tar\. Layout: D"):
        download(card, tmp_path)
    bare = dataset_of({"test": []}, embedded=None)
    assert "get it from its home page, https://example.org/home" in how_to_get(bare)


def test_embedded_set_needs_no_download(tmp_path):
    with pytest.raises(DataError, match="digit-scenes comes with wsolbench"):
        download(DATASETS["digit-scenes"], tmp_path)


@pytest.mark.parametrize("name", DATASETS)
def test_cards_name_files_that_can_be_had(name):
    for one in DATASETS[name].downloads:
        assert one.url.startswith(("https://", "http://"))
        assert one.filename
        algorithm, _, digest = one.checksum.partition(":")
        assert (algorithm, len(digest)) in {("md5", 32), ("sha256", 64), ("", 0)}
        assert not one.into.startswith("/")
        assert ".." not in one.into
