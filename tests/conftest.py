"""Fixtures for all tests."""

import os
import sys
from pathlib import Path

import pytest

import wsolbench  # noqa: F401  (now: once tests/ is on the path, tests/wsolbench would hide it)

sys.path.append(str(Path(__file__).parent))  # for tests/reference

_DATA = os.environ.get("WSOLBENCH_DATA")
_DATA_FOLDER = Path(_DATA).resolve() if _DATA else None  # before any test changes folder


def pytest_configure(config):
    # pycocotools 2.0.11 decodes masks in a way that NumPy 2 warns of; warnings are errors here
    config.addinivalue_line(
        "filterwarnings",
        "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning",
    )


@pytest.fixture(scope="session")
def wsolbench_data() -> Path:
    """The folder of real samples that WSOLBENCH_DATA names."""
    if _DATA_FOLDER is None:
        pytest.skip("WSOLBENCH_DATA is not set: it names the folder of real sample data")
    if not _DATA_FOLDER.is_dir():
        pytest.fail(f"WSOLBENCH_DATA names {_DATA_FOLDER}, which is no folder")
    return _DATA_FOLDER


@pytest.fixture(scope="session", autouse=True)
def wsolbench_cache(tmp_path_factory, worker_id_or_master):
    """Keep the tests out of the user's cache; the processes of one test run share a folder."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id_or_master == "master" else base.parent
    with pytest.MonkeyPatch.context() as patch:
        if "WSOLBENCH_CACHE" not in os.environ:
            patch.setenv("WSOLBENCH_CACHE", str(shared / "wsolbench-cache"))
        yield Path(os.environ["WSOLBENCH_CACHE"])


@pytest.fixture(scope="session")
def worker_id_or_master() -> str:
    """Name of this process under pytest-xdist, "master" without it."""
    return os.environ.get("PYTEST_XDIST_WORKER", "master")
