"""Registries: names, plug-ins and errors."""

from dataclasses import dataclass
from importlib.metadata import EntryPoint

import pytest

from wsolbench import registry
from wsolbench.errors import DataError, UnknownNameError, UsageError
from wsolbench.registry import DATASETS, Registry, load_plugin


@dataclass
class Entry:
    name: str
    function: object
    paper: str = ""

    @property
    def source(self):
        return self.function.__module__


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An importable package with two adapters and a private module."""
    folder = tmp_path / "kitchen_of_tests"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from wsolbench.registry import Registry\n"
        "POTS = Registry('pot', __name__, lambda name, function, **card: (name, card))\n"
    )
    for name in ("copper", "iron"):
        (folder / f"{name}.py").write_text(
            f"from . import POTS\n@POTS.register({name!r}, litres=3)\ndef pot(): ...\n"
        )
    (folder / "_broken.py").write_text("raise RuntimeError('private modules are not imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import kitchen_of_tests

    yield kitchen_of_tests
    for name in ("", ".copper", ".iron"):
        registry.sys.modules.pop(f"kitchen_of_tests{name}", None)


def empty_registry():
    return Registry("pot", "wsolbench.methods_of_nobody", Entry)


def test_folder_is_scanned_once_and_private_modules_are_left_alone(package):
    assert list(package.POTS) == ["copper", "iron"]
    assert package.POTS["iron"] == ("iron", {"litres": 3})
    assert len(package.POTS) == 2
    assert "copper" in package.POTS
    assert "tin" not in package.POTS


def test_unknown_name_tells_close_matches(package):
    with pytest.raises(UnknownNameError, match=r"unknown pot 'cooper'\. Did you mean copper\?"):
        package.POTS["cooper"]


def test_taken_name_is_refused():
    pots = empty_registry()
    pots.register("mine", paper="x")(lambda: None)
    with pytest.raises(UsageError, match=r"pot 'mine' is registered already, by .*test_registry"):
        pots.register("mine")(lambda: None)


def test_decorator_gives_the_function_back():
    def pot():
        return 7

    assert empty_registry().register("mine")(pot) is pot


def test_package_that_is_not_installed_says_what_to_do():
    with pytest.raises(UsageError, match=r"pip install -e \."):
        list(empty_registry())


def test_third_parties_register_through_entry_points(package, monkeypatch, tmp_path):
    (tmp_path / "pots_of_others.py").write_text(
        "from kitchen_of_tests import POTS\n@POTS.register('clay')\ndef pot(): ...\n"
    )
    point = EntryPoint("clay", "pots_of_others", "kitchen_of_tests")
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] * (group == point.group))
    assert list(package.POTS) == ["clay", "copper", "iron"]


PLUGIN = """
from pathlib import Path
from wsolbench.registry import DATASETS
from wsolbench.sample import Sample

@DATASETS.register(
    "mine", title="Mine", classes=("cat",), splits={"test": 1}, annotations=("labels",),
    licence="CC0", citation="@misc{me}", homepage="https://example.org", layout="DIR",
)
def mine(root, split):
    yield Sample("a", root / "a.jpg", None, (0,))
"""


@pytest.fixture
def plugin(tmp_path):
    path = tmp_path / "my_plugin.py"
    yield path
    DATASETS._entries.pop("mine", None)
    registry.sys.modules.pop("wsolbench_plugin_my_plugin", None)


def test_plugin_file_registers_its_adapters(plugin, tmp_path):
    plugin.write_text(PLUGIN)
    load_plugin(plugin)
    assert DATASETS["mine"].load("test", tmp_path).samples[0].id == "a"
    assert DATASETS["mine"].source == "wsolbench_plugin_my_plugin"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "is no file"),
        ("import nothing_of_that_name", "failed: ModuleNotFoundError: No module named"),
        ("def (", "failed: SyntaxError"),
    ],
)
def test_plugin_that_cannot_be_run_is_refused(plugin, text, message):
    if text is not None:
        plugin.write_text(text)
    with pytest.raises(UsageError, match=message):
        load_plugin(plugin)


def test_own_errors_of_a_plugin_pass_through(plugin):
    plugin.write_text("from wsolbench.errors import DataError\nraise DataError('no data')")
    with pytest.raises(DataError, match=r"^no data$"):
        load_plugin(plugin)


def test_built_in_data_sets_are_found():
    assert {"digit-scenes", "ilsvrc", "ilsvrc-animals", "voc2007", "voc2012"} <= set(DATASETS)
