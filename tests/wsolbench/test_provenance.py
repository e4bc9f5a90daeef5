"""Versions, commit and digests."""

import subprocess

import pytest

from wsolbench import provenance


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)  # as set where git itself runs the tests

    def git(*arguments):
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        subprocess.run(command, check=True, capture_output=True)

    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("1", encoding="utf-8")
    git("init", "--quiet")
    git("add", "code/a.py")
    git("commit", "--quiet", "--message", "one")
    return tmp_path


def test_commit_of_a_checkout(checkout):
    clean = provenance.commit(checkout / "code")
    assert len(clean) == 40
    (checkout / "untracked").write_text("", encoding="utf-8")
    assert provenance.commit(checkout / "code") == clean
    (checkout / "code" / "a.py").write_text("2", encoding="utf-8")
    assert provenance.commit(checkout / "code") == f"{clean}+"


def test_no_commit_of_what_is_only_installed_inside_a_checkout(checkout):
    (checkout / "venv").mkdir()
    assert provenance.commit(checkout / "venv") is None


def test_no_commit_without_checkout_or_git(tmp_path, checkout, monkeypatch):
    assert provenance.commit(tmp_path / "absent") is None
    monkeypatch.setenv("PATH", "")
    assert provenance.commit(checkout / "code") is None


def test_versions_name_what_can_change_a_number(monkeypatch):
    found = provenance.versions()
    assert {"python", "wsolbench", "torch", "numpy", "scikit-learn"} <= found.keys()
    assert all(number[0].isdigit() for number in found.values())
    monkeypatch.setattr(provenance, "PACKAGES", ("no-such-package",))
    assert provenance.versions()["no-such-package"] == "not installed"


def test_digest_is_of_names_in_order():
    assert provenance.digest_of(["a", "b"]) == (
        "3554d2b8a1e34099053865de8576d1460b807430ec8c6b85315c9607ba93d308"
    )
    assert provenance.digest_of(["a", "b"]) != provenance.digest_of(["b", "a"])
    assert provenance.digest_of(["ab"]) != provenance.digest_of(["a", "b"])


def test_the_machine_is_not_named():
    assert provenance.machine("cpu").keys() == {"device", "system", "processor"}
