"""Examining one image with all that is annotated on it, in this process or in several."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from wsolbench.decode import read_image
from wsolbench.errors import DataError, SampleError
from wsolbench.registry import load_plugin
from wsolbench.sample import Sample

_CHUNK = 16
_FEW = 64


@dataclass(frozen=True, slots=True)
class Examined:
    """What was seen of one image.

    Attributes:
        faults: what is wrong with it, one sentence each.
        remarks: what is odd, but can be used.
        file_wh: size of the file's image; ``None`` where it cannot be read.
        official_wh: size that the annotations speak of.
        bytes_hash: of the file.
        pixels_hash: of size and decoded pixels; empty where it cannot be read.
    """

    faults: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    file_wh: tuple[int, int] | None = None
    official_wh: tuple[int, int] | None = None
    bytes_hash: str = ""
    pixels_hash: str = ""


@dataclass
class _Findings:
    faults: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def examine(sample: Sample, *, masks: bool = True) -> Examined:
    """Decode an image and its masks, and check its boxes against its size."""
    findings = _Findings()
    try:
        bytes_hash = _hash_file(sample.path)
        pixels = np.asarray(read_image(sample.path, size_wh=sample.size_wh))
    except (SampleError, OSError) as error:
        return Examined(faults=(str(error),))
    height, width = pixels.shape[:2]
    official_wh = sample.size_wh or (width, height)
    _check_boxes(sample, official_wh, findings)
    if masks:
        _check_masks(sample, official_wh, findings)
    digest = hashlib.blake2b(f"{width}x{height}".encode(), digest_size=16)
    digest.update(pixels.tobytes())
    return Examined(
        faults=tuple(findings.faults),
        remarks=tuple(findings.remarks),
        file_wh=(width, height),
        official_wh=official_wh,
        bytes_hash=bytes_hash,
        pixels_hash=digest.hexdigest(),
    )


def examine_all(
    samples: Sequence[Sample], *, masks: bool, workers: int, plugins: Iterable[Path] = ()
) -> Iterator[Examined]:
    """Examine many, in order; in ``workers`` processes where there are many.

    Raises:
        DataError: a process died, for example for want of memory.
    """
    look = partial(examine, masks=masks)
    if workers < 2 or len(samples) < _FEW:
        yield from map(look, samples)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=_start, initargs=(tuple(plugins),))
    try:
        yield from pool.map(look, samples, chunksize=_CHUNK)
    except BrokenProcessPool as error:
        raise DataError(
            "a process that read images died, perhaps for want of memory; use fewer --workers"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def available_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _start(plugins: tuple[Path, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that waits for them tells it
    for plugin in plugins:
        load_plugin(plugin)


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _check_boxes(sample: Sample, official_wh: tuple[int, int], findings: _Findings) -> None:
    width, height = official_wh
    for instance in sample.instances:
        x0, y0, x1, y1 = instance.box_xyxy
        if not (0 <= x0 <= x1 <= width - 1 and 0 <= y0 <= y1 <= height - 1):
            findings.faults.append(
                f"the box {instance.box_xyxy} is no box inside of {width} x {height}"
            )
        elif x1 - x0 < 1 or y1 - y0 < 1:
            findings.remarks.append(
                f"the box {instance.box_xyxy} is at most one pixel wide or high"
            )


def _check_masks(sample: Sample, official_wh: tuple[int, int], findings: _Findings) -> None:
    if sample.masks is None:
        return
    expected = official_wh[::-1]
    for label in sample.labels:
        try:
            mask, ignore = sample.masks.read(label)
        except SampleError as error:
            findings.faults.append(str(error))
            return
        for kind, array in (("mask", mask), ("ignore mask", ignore)):
            if array.shape != expected or array.dtype != np.bool_:
                findings.faults.append(
                    f"the {kind} of label {label} is {array.dtype} {array.shape}, "
                    f"expected bool {expected} (height, width)"
                )
        if not mask.any():
            findings.remarks.append(f"the mask of label {label} is empty")
