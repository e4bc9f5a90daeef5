"""Whether an annotated box fits its image."""

from __future__ import annotations

import math

from wsolbench.errors import SampleError
from wsolbench.sample import Box


def fit_box(box_xyxy: Box, size_wh: tuple[int, int] | None) -> Box:
    """Clip a box that leaves its image by at most one pixel; refuse one that is no box of it.

    Args:
        box_xyxy: 0-based inclusive box: equal ends are one pixel.
        size_wh: size of the image; ``None`` where it is not known.

    Raises:
        SampleError: an end is no number, or the box is inverted or reaches more than one pixel
            outside of the image.
    """
    if not all(map(math.isfinite, box_xyxy)):
        raise SampleError(f"the box {_show(box_xyxy)} holds an end that is no number")
    x0, y0, x1, y1 = box_xyxy
    if size_wh is not None:
        width, height = size_wh
        if min(x0, y0) < -1 or x1 > width or y1 > height:
            raise SampleError(
                f"the box {_show(box_xyxy)} reaches outside of the image, {width} x {height} pixels"
            )
        x0, y0, x1, y1 = max(x0, 0.0), max(y0, 0.0), min(x1, width - 1.0), min(y1, height - 1.0)
    if x1 < x0 or y1 < y0:
        raise SampleError(f"the box {_show(box_xyxy)} holds no pixel of the image")
    return float(x0), float(y0), float(x1), float(y1)


def _show(box_xyxy: Box) -> str:
    return "(" + ", ".join(f"{end:g}" for end in box_xyxy) + ")"
