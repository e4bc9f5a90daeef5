"""Where a number came from: versions, commit, machine. What a record needs to reproduce itself."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "wsolbench",
    "torch",
    "torchvision",
    "numpy",
    "numba",
    "scipy",
    "scikit-learn",
    "pillow",
    "pycocotools",
    "pandas",
)


def versions() -> dict[str, str]:
    """Versions of Python and of every package that can change a number."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def commit(folder: Path | None = None) -> str | None:
    """The commit that a folder is a checkout of, with "+" if tracked files were changed since.

    Args:
        folder: of tracked files; the one that this code runs from where ``None``.

    Returns:
        ``None`` where the folder is no part of a checkout (an installed package), or without git.
    """
    folder = folder or Path(__file__).parent
    try:
        if not _git(folder, "ls-files", "--", "."):
            return None
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
        return _git(folder, "rev-parse", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def digest_of(names: Iterable[str]) -> str:
    """SHA-256 over names in order: tells whether two runs scored the same images."""
    return hashlib.sha256(json.dumps(list(names)).encode()).hexdigest()


def machine(device: str) -> dict[str, Any]:
    """What ran it, without naming it."""
    return {"device": device, "system": platform.system(), "processor": platform.machine()}


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(  # noqa: S603  (fixed program, arguments of our own)
        ["git", "-C", str(folder), *arguments],  # noqa: S607
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
