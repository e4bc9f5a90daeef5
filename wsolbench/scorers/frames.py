"""Ground truth in the frame of a protocol: boxes, masks, and which targets can be scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wsolbench.boxes import as_boxes, check_inside, scale_boxes
from wsolbench.errors import InputError
from wsolbench.metrics.pointing import boxes_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wsolbench.protocol import Protocol
    from wsolbench.sample import Truth
    from wsolbench.scorers.base import Targets


def check_truth(truth: Truth) -> None:
    """Refuse a truth that no protocol can score.

    Raises:
        InputError: a box that is inverted, not finite or outside the image, or a mask of another
            size than the image; names the target.
    """
    name = f"boxes of {truth.key}"
    check_inside(as_boxes(truth.boxes_xyxy, name=name), truth.size_wh, name=name)
    expected = (truth.size_wh[1], truth.size_wh[0])
    for kind, mask in (("mask", truth.mask), ("ignore mask", truth.ignore)):
        if mask is not None and (mask.shape != expected or mask.dtype != np.bool_):
            raise InputError(
                f"expected a bool {kind} of {truth.key} of the image's size {expected} (height, "
                f"width), but got {mask.dtype} of shape {mask.shape}"
            )


def fixed_frame(protocol: Protocol) -> tuple[int, int]:
    """Width and height of the protocol's frame.

    Raises:
        InputError: every image has its own.
    """
    if protocol.size_wh is None:
        raise InputError(f"expected protocol {protocol.name} to have one frame for all images")
    return protocol.size_wh


def boxed_targets(targets: Targets) -> list[int]:
    """Indices of the targets with a box that is not difficult."""
    return [i for i, truth in enumerate(targets.truths) if len(truth.scored_boxes_xyxy)]


def framed_boxes(truth: Truth, size_wh: tuple[int, int] | None) -> NDArray[np.float64]:
    """The boxes that are not difficult, truncated to pixels of a frame; as they are in their own.

    Args:
        truth: the target.
        size_wh: the frame, ``None`` for the official one.
    """
    if size_wh is None:
        return truth.scored_boxes_xyxy
    return scale_boxes(truth.scored_boxes_xyxy, truth.size_wh, size_wh).astype(np.float64)


def pointing_region(truth: Truth, *, masks: bool) -> NDArray[np.bool_] | None:
    """Where a target may be hit, ``[H, W]`` in the official frame; ``None`` where it is skipped.

    A target is skipped if all its objects are difficult; otherwise difficult objects are places to
    hit. One without a single pixel is skipped too.
    """
    if len(truth.difficult) and truth.difficult.all():
        return None
    mask = truth.mask if masks else boxes_mask(truth.boxes_xyxy, truth.size_wh)
    return mask if mask is not None and mask.any() else None


def nearest(mask: NDArray[np.bool_] | None, size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask resized as by OpenCV's INTER_NEAREST: source index ``floor(i * scale)``.

    ``None``, nothing to ignore, becomes a mask without a pixel.
    """
    if mask is None:
        return np.zeros((size_wh[1], size_wh[0]), dtype=np.bool_)
    rows = _nearest_index(mask.shape[0], size_wh[1])
    columns = _nearest_index(mask.shape[1], size_wh[0])
    return mask.take(rows, axis=0).take(columns, axis=1)


def _nearest_index(source: int, target: int) -> NDArray[np.int64]:
    scale = 1.0 / (target / source)
    return np.minimum((np.arange(target) * scale).astype(np.int64), source - 1)
