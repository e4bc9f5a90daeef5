"""Downloading one file from hosts that behave and hosts that do not. All on the loopback."""

import dataclasses
import os
import threading
from types import SimpleNamespace

import pytest
from reference.data_sets import md5

from wsolbench.data import archives
from wsolbench.data.fetch import fetch
from wsolbench.errors import DataError

CONTENT = os.urandom(3_000_000)


@pytest.fixture
def file(host, tmp_path):
    host.files["/f.bin"] = CONTENT
    return tmp_path / "f.bin"


def cut(at, times=1):
    """The first answers end early, whatever was announced."""

    def behave(request, number):
        if number > times:
            return False
        content = CONTENT[request.start(len(CONTENT)) :]
        request.answer(200, content[:at], length=len(content))
        return True

    return behave


def test_file_arrives_whole(host, file, hasty):
    seen = []
    fetch(
        f"{host.url}/f.bin",
        file,
        patience=hasty,
        watch=lambda received, total: seen.append((received, total)),
    )
    assert file.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert list(file.parent.iterdir()) == [file]
    assert host.requests[0]["Accept-Encoding"] == "identity"


def test_connection_that_breaks_goes_on_where_it_was(host, file, hasty):
    host.behave = cut(1_000_000)
    fetch(f"{host.url}/f.bin", file, checksum=md5(CONTENT), patience=hasty)
    assert file.read_bytes() == CONTENT
    assert [request.get("Range") for request in host.requests] == [None, "bytes=1000000-"]
    assert host.requests[1]["If-Range"] == '"1"'


def test_later_run_goes_on_where_the_first_gave_up(host, file, hasty):
    broken = cut(700_000)
    host.behave = lambda request, number: broken(request, number) or request.answer(503)
    with pytest.raises(DataError, match=r"503 .*what came is kept"):
        fetch(f"{host.url}/f.bin", file, patience=hasty)
    assert file.with_name("f.bin.part").stat().st_size == 700_000
    host.behave = lambda *_: False
    host.requests.clear()
    fetch(f"{host.url}/f.bin", file, patience=hasty)
    assert file.read_bytes() == CONTENT
    assert host.requests[0]["Range"] == "bytes=700000-"


def test_host_that_ignores_ranges_starts_again(host, file, hasty):
    file.with_name("f.bin.part").write_bytes(b"x" * 500)
    host.behave = lambda request, _: request.answer(200, CONTENT)
    fetch(f"{host.url}/f.bin", file, checksum=md5(CONTENT), patience=hasty)
    assert file.read_bytes() == CONTENT


def test_host_that_always_cuts_at_the_same_place_is_given_up(host, file, hasty):
    host.behave = lambda request, _: request.answer(200, CONTENT[:1000], length=len(CONTENT))
    with pytest.raises(DataError, match=r"in 3 attempts: the connection ended at 1,000 of 3,000,0"):
        fetch(f"{host.url}/f.bin", file, patience=hasty)
    assert len(host.requests) <= 5


def test_file_that_changed_meanwhile_is_not_mixed(host, file, hasty):
    host.behave = cut(1_000_000)
    changed = os.urandom(2_000_000)

    def behave(request, number):
        if number == 1:
            return cut(1_000_000)(request, 1)
        host.tag, host.files["/f.bin"] = '"2"', changed
        return False

    host.behave = behave
    fetch(f"{host.url}/f.bin", file, patience=hasty)
    assert file.read_bytes() == changed


def test_part_of_unknown_origin_is_not_trusted_without_checksum(host, file, hasty):
    file.with_name("f.bin.part").write_bytes(b"x" * 500)
    fetch(f"{host.url}/f.bin", file, patience=hasty)
    assert file.read_bytes() == CONTENT


def test_part_of_another_file_is_thrown_away_once(host, file, hasty):
    file.with_name("f.bin.part").write_bytes(b"x" * 500)
    fetch(f"{host.url}/f.bin", file, checksum=md5(CONTENT), patience=hasty)
    assert file.read_bytes() == CONTENT
    assert [request.get("Range") for request in host.requests] == ["bytes=500-", None]


def test_part_that_is_whole_needs_no_more_bytes(host, file, hasty):
    file.with_name("f.bin.part").write_bytes(CONTENT)
    fetch(f"{host.url}/f.bin", file, checksum=md5(CONTENT), patience=hasty)
    assert file.read_bytes() == CONTENT
    assert len(host.requests) == 1


def test_part_that_is_too_long_is_thrown_away(host, file, hasty):
    file.with_name("f.bin.part").write_bytes(CONTENT + b"more")
    fetch(f"{host.url}/f.bin", file, checksum=md5(CONTENT), patience=hasty)
    assert file.read_bytes() == CONTENT


def test_wrong_checksum_leaves_no_file(host, file, hasty):
    with pytest.raises(DataError, match=r"is not the expected file: md5 .* was expected, but it"):
        fetch(f"{host.url}/f.bin", file, checksum=md5(b"other"), patience=hasty)
    assert not file.exists()
    assert not file.with_name("f.bin.part").exists()


def test_file_that_is_there_is_kept_if_it_is_right(host, file, hasty):
    file.write_bytes(CONTENT)
    fetch(f"{host.url}/f.bin", file, checksum=md5(CONTENT), patience=hasty)
    assert host.requests == []
    file.write_bytes(b"other")
    with pytest.raises(DataError, match="is there already, but it has md5"):
        fetch(f"{host.url}/f.bin", file, checksum=md5(CONTENT), patience=hasty)


@pytest.mark.parametrize("code", [401, 403, 404, 410])
def test_refusals_are_told_at_once(host, file, hasty, code):
    host.behave = lambda request, _: request.answer(code)
    with pytest.raises(DataError, match=rf"f\.bin: the host answered {code}"):
        fetch(f"{host.url}/f.bin", file, patience=hasty)
    assert len(host.requests) == 1


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_passing_faults_are_tried_again(host, file, hasty, code):
    host.behave = lambda request, number: number < 3 and request.answer(code)
    fetch(f"{host.url}/f.bin", file, patience=hasty)
    assert file.read_bytes() == CONTENT
    assert len(host.requests) == 3


def test_lasting_faults_are_told_after_the_last_attempt(host, file, hasty):
    host.behave = lambda request, _: request.answer(500)
    with pytest.raises(DataError, match="in 3 attempts: the host answered 500"):
        fetch(f"{host.url}/f.bin", file, patience=hasty)
    assert len(host.requests) == 3


def test_redirects_are_followed_and_circles_are_told(host, file, hasty):
    def behave(request, number):
        if request.path == "/moved":
            return request.answer(302, headers={"Location": "/f.bin"})
        if request.path == "/circle":
            return request.answer(302, headers={"Location": "/circle"})
        if request.path == "/local":
            return request.answer(302, headers={"Location": "file:///etc/passwd"})
        return False

    host.behave = behave
    fetch(f"{host.url}/moved", file, patience=hasty)
    assert file.read_bytes() == CONTENT
    for path in ("circle", "local"):
        with pytest.raises(DataError, match="redirects in a circle or to where it may not"):
            fetch(f"{host.url}/{path}", file.with_name(path), patience=hasty)


def test_silent_hosts_time_out(host, file, hasty):
    stop = threading.Event()
    host.behave = lambda *_: stop.wait(5) or True
    patience = dataclasses.replace(hasty, timeout_s=0.1, attempts=2)
    with pytest.raises(DataError, match=r"in 2 attempts: .*timed out"):
        fetch(f"{host.url}/f.bin", file, patience=patience)
    stop.set()


def test_no_host_at_all(file, hasty):
    with pytest.raises(DataError, match="in 3 attempts: no connection"):
        fetch("http://127.0.0.1:9/f.bin", file, patience=hasty)


def test_length_that_nobody_knows_needs_a_checksum(host, file, hasty):
    def behave(request, number):
        request.send_response(200)
        request.send_header("Connection", "close")
        request.end_headers()
        request.wfile.write(CONTENT)
        request.close_connection = True
        return True

    host.behave = behave
    with pytest.raises(DataError, match="names no length and no checksum is known"):
        fetch(f"{host.url}/f.bin", file, patience=hasty)
    fetch(f"{host.url}/f.bin", file, checksum=md5(CONTENT), patience=hasty)
    assert file.read_bytes() == CONTENT


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "file:///etc/passwd", "x"])
def test_other_schemes_are_refused(url, file, hasty):
    with pytest.raises(DataError, match="expected an address with http or https"):
        fetch(url, file, patience=hasty)


def test_unknown_checksum_is_refused(host, file, hasty):
    with pytest.raises(DataError, match="expected a checksum of md5, sha1, sha256"):
        fetch(f"{host.url}/f.bin", file, checksum="crc:1", patience=hasty)


def test_full_disks_are_told_before_the_download(host, file, hasty, monkeypatch):
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(DataError, match=r"downloading .* needs .* GiB"):
        fetch(f"{host.url}/f.bin", file, patience=hasty)


def test_folder_that_cannot_be_written(host, file, hasty):
    file.parent.joinpath("no").write_text("x")
    with pytest.raises(DataError, match="cannot write"):
        fetch(f"{host.url}/f.bin", file.parent / "no" / "f.bin", patience=hasty)
