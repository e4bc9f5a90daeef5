"""Registries: the names under which methods, data sets and other parts are found.

A built-in adapter is one file of a folder that registers under the file's own name (``_`` in the
file is ``-`` in the name); third parties use an entry-point group of the same dotted name, or
``load_plugin("mine.py")``. The engine knows adapters only through ``METHODS`` and ``DATASETS``.
Names with a prefix (`grad-cam:GradCAM`) are resolved when they are asked for and are not iterated.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from wsolbench.errors import UnknownNameError, UsageError, WsolbenchError

if TYPE_CHECKING:
    from wsolbench.dataset import Dataset
    from wsolbench.method import Method

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class Registry(Mapping[str, T], Generic[T]):
    """A read-only mapping from name to adapter, filled by decorators.

    Args:
        kind: what it holds, for error messages ("method").
        package: the package whose modules are the built-in adapters; also the entry-point group.
        make: builds the entry from the name, the decorated function and the decorator's keywords.
        resolvers: prefix -> module whose ``resolve(rest)`` makes the entry of ``prefix:rest``.
    """

    def __init__(
        self,
        kind: str,
        package: str,
        make: Callable[..., T],
        resolvers: Mapping[str, str] | None = None,
    ) -> None:
        self.kind, self.package, self._make = kind, package, make
        self.resolvers = dict(resolvers or {})
        self._entries: dict[str, T] = {}
        self._resolved: dict[str, T] = {}
        self._scanned = False

    def register(self, name: str, **card: Any) -> Callable[[F], F]:
        """Decorator: file the function under ``name`` with its card; a taken name is refused."""

        def file_under_name(function: F) -> F:
            if name in self._entries:
                taken_by = getattr(self._entries[name], "source", "another module")
                raise UsageError(
                    f"{self.kind} {name!r} is registered already, by {taken_by}; "
                    "choose another name"
                )
            self._entries[name] = self._make(name, function, **card)
            return function

        return file_under_name

    def __getitem__(self, name: str) -> T:
        self._scan()
        if name in self._entries:
            return self._entries[name]
        prefix, colon, rest = name.partition(":")
        if colon and prefix in self.resolvers:
            return self._resolve(name, prefix, rest)
        hint = f"`wsolbench list {self.kind}s` shows them all."
        raise UnknownNameError(self.kind, name, self._entries, hint)

    def _resolve(self, name: str, prefix: str, rest: str) -> T:
        if name not in self._resolved:
            resolver = importlib.import_module(self.resolvers[prefix])
            self._resolved[name] = resolver.resolve(rest)
        return self._resolved[name]

    def __iter__(self) -> Iterator[str]:
        self._scan()
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        self._scan()
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        try:
            return isinstance(name, str) and self[name] is not None
        except UsageError:  # no such name, or its library is not installed
            return False

    def _scan(self) -> None:
        """Import every built-in adapter and every installed plug-in, once."""
        if self._scanned:
            return
        self._scanned = True
        for module in pkgutil.iter_modules(_package_path(self.package)):
            if not module.name.startswith("_"):
                importlib.import_module(f"{self.package}.{module.name}")
        for point in entry_points(group=self.package):
            point.load()


def _package_path(package: str) -> list[str]:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise UsageError(
            f"the package {package} is not installed: in a checkout of wsolbench run "
            "`pip install -e .` first"
        )
    return list(spec.submodule_search_locations)


def load_plugin(path: Path) -> None:
    """Run a Python file so that the adapters in it register themselves.

    Raises:
        UsageError: there is no such file, or running it fails.
    """
    if not path.is_file():
        raise UsageError(f"expected a Python file for --plugin, but {path} is no file")
    name = f"wsolbench_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"expected a Python file (.py) for --plugin, but got {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:  # without bytecode, which would hide an edit within the same second
        spec.loader.exec_module(module)
    except WsolbenchError:
        raise
    except Exception as error:
        raise UsageError(f"the plug-in {path} failed: {type(error).__name__}: {error}") from error
    finally:
        sys.dont_write_bytecode = writes_bytecode


def _make_method(name: str, function: Callable[..., Any], **card: Any) -> Method:
    from wsolbench.method import Method

    return Method(name=name, function=function, **card)


def _make_dataset(name: str, function: Callable[..., Any], **card: Any) -> Dataset:
    from wsolbench.dataset import Dataset

    return Dataset(name=name, function=function, **card)


PEERS = {
    "captum": "wsolbench.peers.captum",
    "grad-cam": "wsolbench.peers.gradcam",
    "torchcam": "wsolbench.peers.torchcam",
}
METHODS: Registry[Method] = Registry("method", "wsolbench.methods", _make_method, PEERS)
DATASETS: Registry[Dataset] = Registry("dataset", "wsolbench.datasets", _make_dataset)
