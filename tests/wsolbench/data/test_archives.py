"""Extraction: what comes out, and everything that must not."""

import gzip
import io
import os
import stat
import tarfile
import zipfile
from types import SimpleNamespace

import pytest

from wsolbench.data import archives
from wsolbench.data.archives import Limits, extract
from wsolbench.errors import DataError

FILES = {"a/one.txt": b"1", "a/b/two é.txt": b"22", "three": b"333"}


def tar_bytes(members, mode="w"):
    """A tar of (name, content) pairs; a content that is a dict is set on the header."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, dict):
                for key, value in content.items():
                    setattr(info, key, value)
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def zip_bytes(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def link_in_zip():
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zip_bytes([("good", b"1"), (info, b"/etc/passwd")])


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def target(tmp_path):
    return tmp_path / "root" / "into"


def saved(tmp_path, content, name="x.archive"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        tar_bytes(FILES.items()),
        tar_bytes(FILES.items(), "w:gz"),
        tar_bytes(FILES.items(), "w:bz2"),
        tar_bytes(FILES.items(), "w:xz"),
        zip_bytes(FILES.items()),
        tar_bytes([("a", {"type": tarfile.DIRTYPE}), *((f"./{n}", c) for n, c in FILES.items())]),
    ],
    ids=["tar", "tgz", "tbz", "txz", "zip", "dot-slash"],
)
def test_archives_of_every_kind(tmp_path, target, content):
    extracted = extract(saved(tmp_path, content), target)
    assert tree(target) == FILES
    assert set(extracted.files) == set(FILES)
    assert extracted.size_bytes == 6
    assert (target / "three").stat().st_mode & 0o111 == 0


def test_single_gz_is_named_without_the_suffix(tmp_path, target):
    extract(saved(tmp_path, gzip.compress(b"hello"), "list.txt.gz"), target)
    assert tree(target) == {"list.txt": b"hello"}


def test_junk_of_other_systems_is_left_out(tmp_path, target):
    members = [("__MACOSX/a", b"x"), ("a/.DS_Store", b"x"), ("a/b", b"1")]
    extract(saved(tmp_path, zip_bytes(members)), target)
    assert tree(target) == {"a/b": b"1"}


def test_inner_archives_are_extracted_and_removed(tmp_path, target):
    inner = tar_bytes([("images/1.jpg", b"1")], "w:gz")
    outer = zip_bytes([("top/inner.tar.gz", inner), ("top/readme", b"r")])
    extracted = extract(saved(tmp_path, outer), target, inner=("top/inner.tar.gz",))
    assert tree(target) == {"top/images/1.jpg": b"1", "top/readme": b"r"}
    assert set(extracted.files) == set(tree(target))


def test_inner_archive_that_is_not_there(tmp_path, target):
    with pytest.raises(DataError, match=r"expected inner\.tar within x\.archive"):
        extract(saved(tmp_path, zip_bytes([("a", b"1")])), target, inner=("inner.tar",))
    assert tree(target) == {}


UNSAFE = {
    "absolute": tar_bytes([("good", b"1"), ("/etc/evil", b"2")]),
    "climbing": tar_bytes([("good", b"1"), ("a/../../evil", b"2")]),
    "drive": zip_bytes([("good", b"1"), ("C:/evil", b"2")]),
    "backslash": zip_bytes([("good", b"1"), ("..\\evil", b"2")]),
    "control": zip_bytes([("good", b"1"), ("e\nvil", b"2")]),
    "deep": zip_bytes([("good", b"1"), ("d/" * 70 + "evil", b"2")]),
    "zip-climbing": zip_bytes([("good", b"1"), ("../evil", b"2")]),
    "zip-absolute": zip_bytes([("good", b"1"), ("/evil", b"2")]),
    "zip-link": link_in_zip(),
    "symlink": tar_bytes(
        [("good", b"1"), ("link", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"})]
    ),
    "inner-symlink": tar_bytes(
        [("good", b"1"), ("link", {"type": tarfile.SYMTYPE, "linkname": "good"})]
    ),
    "hardlink": tar_bytes([("good", b"1"), ("l", {"type": tarfile.LNKTYPE, "linkname": "good"})]),
    "device": tar_bytes([("good", b"1"), ("dev", {"type": tarfile.CHRTYPE})]),
    "block": tar_bytes([("good", b"1"), ("dev", {"type": tarfile.BLKTYPE})]),
    "pipe": tar_bytes([("good", b"1"), ("pipe", {"type": tarfile.FIFOTYPE})]),
}


@pytest.mark.parametrize("name", UNSAFE)
def test_unsafe_members_are_refused_and_nothing_is_left(tmp_path, target, name):
    with pytest.raises(DataError, match=r"is unsafe: .*nothing was extracted"):
        extract(saved(tmp_path, UNSAFE[name]), target)
    assert list(target.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["root", "x.archive"]


@pytest.mark.parametrize(
    ("content", "limits", "reason"),
    [
        (tar_bytes([(f"{i}", b"") for i in range(4)]), Limits(files=3), "more than 3 files"),
        (zip_bytes([("a", bytes(2000))]), Limits(size_bytes=1000), r"more than 0\.0 GiB"),
        (
            zip_bytes([("a", bytes(10**6))]),
            Limits(ratio=10, ratio_from_bytes=1000),
            "more than 10 times its own size",
        ),
        (
            tar_bytes([("a", bytes(10**6))], "w:gz"),
            Limits(ratio=10, ratio_from_bytes=1000),
            "more than 10 times",
        ),
    ],
    ids=["files", "bytes", "zip-ratio", "tgz-ratio"],
)
def test_bombs_are_refused(tmp_path, target, content, limits, reason):
    with pytest.raises(DataError, match=f"x.archive is refused as a bomb: it holds {reason}"):
        extract(saved(tmp_path, content), target, limits=limits)
    assert list(target.iterdir()) == []


def test_inner_archives_count_against_the_same_limits(tmp_path, target):
    outer = zip_bytes([("in.zip", zip_bytes([("a", bytes(5000))]))])
    with pytest.raises(DataError, match="bomb"):
        extract(saved(tmp_path, outer), target, inner=("in.zip",), limits=Limits(size_bytes=5000))


def flipped(content, place):
    return content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :]


NOISE = os.urandom(5000)


@pytest.mark.parametrize(
    "content",
    [
        tar_bytes([("a", NOISE)], "w:gz")[:-100],
        tar_bytes([("a", NOISE)])[:3000],
        zip_bytes([("a", NOISE)])[:-60],
        flipped(zip_bytes([("a", NOISE)]), 2000),
        flipped(tar_bytes([("a", NOISE)], "w:gz"), 2000),
        gzip.compress(NOISE)[:-8],
    ],
    ids=["tgz-cut", "tar-cut", "zip-cut", "zip-flipped", "tgz-flipped", "gz-cut"],
)
def test_damaged_archives_leave_nothing(tmp_path, target, content):
    with pytest.raises(DataError, match=r"x\.gz is (damaged|no zip)"):
        extract(saved(tmp_path, content, "x.gz"), target)
    assert list(target.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><p>Sign in"])
def test_what_is_no_archive_is_told_by_its_content(tmp_path, target, content):
    with pytest.raises(DataError, match=r"x\.zip is no zip, tar or gz archive: it begins with"):
        extract(saved(tmp_path, content, "x.zip"), target)


def test_equal_files_stay_and_folders_are_merged(tmp_path, target):
    extract(saved(tmp_path, zip_bytes([("d/a", b"1"), ("d/b", b"2")])), target)
    extract(saved(tmp_path, zip_bytes([("d/b", b"2"), ("d/c", b"3"), ("e/f", b"4")])), target)
    assert tree(target) == {"d/a": b"1", "d/b": b"2", "d/c": b"3", "e/f": b"4"}


@pytest.mark.parametrize("members", [[("a/b", b"x"), ("z", b"other")], [("z/folder", b"1")]])
def test_files_of_other_content_are_never_overwritten(tmp_path, target, members):
    extract(saved(tmp_path, zip_bytes([("z", b"mine")])), target)
    with pytest.raises(
        DataError, match=r"z exists already with other content; nothing was changed"
    ):
        extract(saved(tmp_path, zip_bytes(members)), target)
    assert tree(target) == {"z": b"mine"}


def test_want_of_space_is_told_before_any_work(tmp_path, target, monkeypatch):
    usage = SimpleNamespace(free=10)
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DataError, match=r"extracting x\.archive needs .* GiB in"):
        extract(saved(tmp_path, zip_bytes([("a", bytes(100))])), target)


def test_target_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match=r"cannot extract x\.archive"):
        extract(saved(tmp_path, zip_bytes([("a", b"1")])), tmp_path / "file")
