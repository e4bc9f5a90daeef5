"""MATLAB files of version 5, as many data sets carry their annotations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wsolbench.errors import DataError


def read_mat(path: Path, *names: str) -> list[Any]:
    """Some variables of a MATLAB file, with dimensions of length one removed.

    Raises:
        DataError: the file is missing, is no MATLAB file of version 5 or lacks a variable.
    """
    from scipy.io import loadmat  # takes a third of a second to import
    from scipy.io.matlab import MatReadError

    try:
        variables = loadmat(path, variable_names=names, squeeze_me=True)
        return [variables[name] for name in names]
    except KeyError as error:
        raise DataError(f"the file {path.name} holds no variable {error}") from error
    except (OSError, ValueError, TypeError, IndexError, NotImplementedError, MatReadError) as error:
        raise DataError(f"the file {path} cannot be read as MATLAB file: {error}") from error
