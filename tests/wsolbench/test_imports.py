"""Who may import whom, read off the source; and what a quick verb may load."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = frozenset({"torch", "torchvision", "pandas", "sklearn", "matplotlib", "pyarrow", "cv2"})


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = ("wsolbench", *parts) if parts[0] in ("methods", "datasets") else parts
    return ".".join(part for part in parts if part != "__init__")


SOURCES = {
    module_name(path): path
    for folder in ("wsolbench", "methods", "datasets")
    for path in sorted((ROOT / folder).rglob("*.py"))
}
ENGINE = [
    name for name in SOURCES if not name.startswith(("wsolbench.methods", "wsolbench.datasets"))
]
ADAPTERS = [name for name in SOURCES if name not in ENGINE]


@functools.cache
def imports(module, *, deferred=False):
    """Absolute names that a module imports when it is imported, or (``deferred``) ever.

    What stands under ``if TYPE_CHECKING`` is never imported.
    """
    tree = ast.parse(SOURCES[module].read_text(encoding="utf-8"))
    package = module if SOURCES[module].name == "__init__.py" else module.rpartition(".")[0]
    found = set()

    def visit(node):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.FunctionDef | ast.Lambda) and not deferred:
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, *filter(None, [node.module])]) if node.level else node.module
            found.update(f"{base}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(tree)
    return frozenset(found)


def own(names):
    """The modules of the suite among imported names (which may be of things inside them)."""
    for name in names:
        while name and name not in SOURCES:
            name = name.rpartition(".")[0]
        if name:
            yield name


def reached(module):
    """Every module of the suite and every other top-level package that importing one loads."""
    seen, packages, waiting = set(), set(), [module]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        names = imports(name)
        packages |= {other.partition(".")[0] for other in names}
        parents = [name.rpartition(".")[0]] if "." in name else []
        waiting += [*own(names), *(parent for parent in parents if parent in SOURCES)]
    return seen, packages


def test_there_is_something_to_read():
    assert {"wsolbench.engine", "wsolbench.methods.cam", "wsolbench.datasets.voc2012"} <= set(
        SOURCES
    )


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_no_import_circle(module):
    chain = set()
    waiting = [other for other in own(imports(module)) if other != module]
    while waiting:
        name = waiting.pop()
        if name not in chain:
            chain.add(name)
            waiting += [other for other in own(imports(name)) if other != name]
    assert module not in chain


@pytest.mark.parametrize("module", ENGINE)
def test_the_engine_reaches_adapters_through_the_registry_alone(module):
    names = imports(module, deferred=True)
    assert not [name for name in own(names) if name in ADAPTERS]


@pytest.mark.parametrize("module", ADAPTERS)
def test_adapters_import_torch_only_when_they_run(module):
    _, packages = reached(module)
    assert not packages & {"torch", "torchvision"}


@pytest.mark.parametrize("module", ADAPTERS)
def test_methods_and_data_sets_keep_to_themselves(module):
    kind = ".".join(module.split(".")[:2])
    others = {name for name in own(imports(module, deferred=True)) if name in ADAPTERS}
    assert all(name.startswith(kind) for name in others)


@pytest.mark.parametrize(
    "module", [name for name in SOURCES if name.startswith("wsolbench.report")]
)
def test_reports_never_import_torch(module):
    names = imports(module, deferred=True)
    packages = {name.partition(".")[0] for name in names}
    for other in own(names):
        packages |= reached(other)[1]
    assert not packages & {"torch", "torchvision"}


FLOORS = [
    ("wsolbench.errors", ()),
    ("wsolbench.spec", ("wsolbench.errors",)),
    ("wsolbench.sample", ("wsolbench.errors",)),
    ("wsolbench.registry", ("wsolbench.errors",)),
    ("wsolbench.settings", ("wsolbench.errors", "wsolbench.spec")),
    ("wsolbench.store", ("wsolbench.errors", "wsolbench.mapfiles")),
]


@pytest.mark.parametrize(("module", "below"), FLOORS, ids=lambda value: value or "")
def test_the_ground_floors_import_from_below(module, below):
    assert set(own(imports(module))) <= set(below)


@pytest.mark.parametrize(
    "arguments",
    ["--help", "--version", "eval --help", "list methods", "list datasets", "list models",
     "list protocols"],
)  # fmt: skip
def test_quick_verbs_load_nothing_heavy(arguments):
    code = (
        "import sys, runpy\n"
        f"sys.argv = ['wsolbench', *{arguments.split()!r}]\n"
        "try:\n    runpy.run_module('wsolbench', run_name='__main__')\n"
        "except SystemExit:\n    pass\n"
        "tops = {name.partition('.')[0] for name in sys.modules}\n"
        f"print(sorted(tops & set({sorted(HEAVY)!r})), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"
