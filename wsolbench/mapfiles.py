"""Score maps on disk, in the layout of wsolevaluation: ``<image id>.npy`` below a folder.

Where an image has several targets, the label joins the name: ``<image id>#<label>.npy``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wsolbench.errors import SampleError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wsolbench.sample import Sample


MAPS = "maps"  # the folder of a run that kept its raw maps, with a folder per method


def method_folder(maps: Path, label: str) -> Path:
    """Where the maps of a method belong below the maps of a run."""
    return maps / label.replace("/", "_")


def map_path(folder: Path, sample: Sample, label: int) -> Path:
    """Where the map of a target belongs."""
    name = sample.id if len(sample.labels) == 1 else f"{sample.id}#{label}"
    return folder / f"{name}.npy"


def write_map(folder: Path, sample: Sample, label: int, score_map: NDArray[np.floating]) -> None:
    """Save the raw map ``[h, w]`` of a target as float32."""
    path = map_path(folder, sample, label)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, score_map.astype(np.float32), allow_pickle=False)


def read_map(folder: Path, sample: Sample, label: int) -> NDArray[np.floating]:
    """Load the map ``[h, w]`` of a target; it may hold NaN.

    Raises:
        SampleError: no such file, no array, or not two-dimensional numbers.
    """
    path = map_path(folder, sample, label)
    try:
        score_map = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise SampleError(f"there is no score map {path}") from None
    except (OSError, ValueError, EOFError) as error:
        raise SampleError(f"the score map {path} cannot be read: {error}") from error
    if (
        not isinstance(score_map, np.ndarray)
        or score_map.ndim != 2
        or not score_map.size
        or score_map.dtype.kind not in "fiu"
    ):
        got = (
            f"shape {score_map.shape} and dtype {score_map.dtype}"
            if isinstance(score_map, np.ndarray)
            else "an archive of several arrays"
        )
        raise SampleError(f"expected a score map [h, w] of numbers in {path}, but got {got}")
    return score_map
