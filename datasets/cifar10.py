"""CIFAR-10: 60,000 tiny images of ten classes; labels only."""

from __future__ import annotations

import hashlib
import pickle
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from wsolbench.dataset import TEST, TRAIN_WEAKSUP, Download, cache_folder, not_found
from wsolbench.errors import DataError
from wsolbench.registry import DATASETS
from wsolbench.sample import Problem, Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
_BATCHES = {
    TRAIN_WEAKSUP: tuple(f"data_batch_{number}" for number in range(1, 6)),
    TEST: ("test_batch",),
}
_HOMES = ("cifar-10-batches-py", "cifar-10-batches-bin", "cifar10/cifar-10-batches-py",
          "cifar10/cifar-10-batches-bin", ".")  # fmt: skip
_SIDE = 32
_PIXELS = 3 * _SIDE * _SIDE


@DATASETS.register(
    "cifar10",
    title="CIFAR-10: 60,000 tiny images of ten classes, labels only",
    classes=_CLASSES,
    splits={TRAIN_WEAKSUP: 50_000, TEST: 10_000},
    annotations=("labels",),
    revision="2009",
    licence="not stated by its authors; made for research",
    citation=(
        "@techreport{krizhevsky2009learning, author = {Krizhevsky, Alex}, title = {Learning "
        "Multiple Layers of Features from Tiny Images}, institution = {University of Toronto}, "
        "year = {2009}}"
    ),
    homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
    layout=(
        "DIR/cifar-10-batches-py/{data_batch_1..5,test_batch} (Python) or "
        "DIR/cifar-10-batches-bin/{data_batch_1..5,test_batch}.bin (binary), also in DIR/cifar10 "
        "or DIR itself."
    ),
    notes=(
        "Nothing tells where the objects are: maps, classification metrics and pictures, but no "
        "localization. The images are written once as PNG files to the cache folder (WSOLBENCH_"
        "CACHE), by content. The Python files are opened by an unpickler that makes nothing but "
        "arrays."
    ),
    downloads=(
        Download(
            "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            "md5:c58f30108f718f92721af3b95e74349a",
        ),
    ),
)
def cifar10(root: Path, split: str) -> Iterator[Sample | Problem]:
    """Read one split."""
    for name in _BATCHES[split]:
        path = _find(root, name)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error}") from error
        batch = _binary(content, path) if path.suffix == ".bin" else _pickled(content, path)
        folder = _extracted(batch, name, hashlib.sha256(content).hexdigest()[:16])
        for position, label in enumerate(batch.labels):
            sample_id = f"{name}/{position:05d}.png"
            if label in range(len(_CLASSES)):
                path = folder / f"{position:05d}.png"
                yield Sample(sample_id, path, (_SIDE, _SIDE), (int(label),))
            else:
                yield Problem(sample_id, f"the label {label} is not one of 0..9")


@dataclass(frozen=True)
class _Batch:
    """``[n, 3, 32, 32]`` uint8 pixels and n labels."""

    pixels: NDArray[np.uint8]
    labels: list[int]


def _find(root: Path, name: str) -> Path:
    candidates = [root / home / f"{name}{suffix}" for home in _HOMES for suffix in ("", ".bin")]
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        looked_for = (f"cifar-10-batches-py/{name}", f"cifar-10-batches-bin/{name}.bin")
        raise not_found(root, looked_for, what="batch of CIFAR-10")
    return found


def _binary(content: bytes, path: Path) -> _Batch:
    """Records of a label and the pixels."""
    if not content or len(content) % (_PIXELS + 1):
        raise DataError(f"expected records of {_PIXELS + 1} bytes in {path}, got {len(content)}")
    rows = np.frombuffer(content, dtype=np.uint8).reshape(-1, _PIXELS + 1)
    return _Batch(rows[:, 1:].reshape(-1, 3, _SIDE, _SIDE), rows[:, 0].tolist())


def _pickled(content: bytes, path: Path) -> _Batch:
    """The dictionary of the Python version: data and labels."""
    import io

    try:
        batch = _ArrayUnpickler(io.BytesIO(content), encoding="bytes").load()
        pixels, labels = np.asarray(batch[b"data"]), [int(label) for label in batch[b"labels"]]
        shaped = pixels.reshape(len(labels), 3, _SIDE, _SIDE)
    except Exception as error:
        raise DataError(f"{path} is no batch of CIFAR-10: {error}") from error
    if shaped.dtype != np.uint8:
        raise DataError(f"expected pixels of uint8 in {path}, but got {shaped.dtype}")
    return _Batch(shaped, labels)


class _ArrayUnpickler(pickle.Unpickler):
    """Makes arrays of numbers and plain values; refuses every other class or function."""

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle of an array may call."""
        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return np.empty(0).__reduce__()[0]
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        if (module, name) == ("_codecs", "encode"):  # bytes of pickles that Python 3 wrote
            return _to_bytes
        raise pickle.UnpicklingError(f"refused to make {module}.{name}")


def _to_bytes(text: str, encoding: str) -> bytes:
    return text.encode("latin-1" if encoding == "latin1" else "utf-8")


def _extracted(batch: _Batch, name: str, digest: str) -> Path:
    """The folder of the batch's images in the cache; it is there whole or not at all."""
    folder = cache_folder() / "cifar10" / f"{name}-{digest}"
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".writing-") as work:
            images = Path(work) / "images"
            images.mkdir()
            for position, pixels in enumerate(batch.pixels):
                picture = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
                picture.save(images / f"{position:05d}.png")
            _move(images, folder)
    except OSError as error:
        raise DataError(
            f"the images of CIFAR-10 cannot be written to {folder}: {error}; choose another cache "
            "folder with the environment variable WSOLBENCH_CACHE"
        ) from error
    return folder


def _move(source: Path, folder: Path) -> None:
    """Put a finished folder in its place, unless another process was faster."""
    try:
        source.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
