"""wsolbench: the benchmark suite for weakly supervised object localization.

    record = wsolbench.evaluate(model, "ilsvrc-animals", methods=["cam", "gradcam"], data_root=DIR)
    record.frame()

Nothing here imports torch until `evaluate` is asked for.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from wsolbench.registry import DATASETS, METHODS

if TYPE_CHECKING:
    from wsolbench.engine import evaluate
    from wsolbench.store import Record

try:
    __version__ = version("wsolbench")
except PackageNotFoundError:  # a checkout on the path that nobody installed
    __version__ = "not installed"

__all__ = ["DATASETS", "METHODS", "Record", "__version__", "evaluate"]

_LAZY = {"evaluate": "wsolbench.engine", "Record": "wsolbench.store"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'wsolbench' has no attribute {name!r}")
