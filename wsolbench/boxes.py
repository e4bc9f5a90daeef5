"""Boxes: ``xyxy`` conventions, resizing, intersection over union.

A box is four numbers x0, y0, x1, y1; the inclusive convention counts the last pixel in, so its
width is ``x1 - x0 + 1``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wsolbench.errors import InputError, OptionError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Boxes = NDArray[np.float64]

IOU_CONVENTIONS = {"inclusive": 1, "exclusive": 0}


def as_boxes(boxes: ArrayLike, *, name: str = "boxes") -> Boxes:
    """Check boxes and return them as float64 ``[n, 4]``.

    Raises:
        InputError: not numbers ``[n, 4]``, not finite, or with x1 < x0 or y1 < y0.
    """
    try:
        array = np.asarray(boxes, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"expected {name} of shape [n, 4] with numbers (x0, y0, x1, y1), but got {boxes!r}"
        ) from error
    if array.size == 0:
        return np.zeros((0, 4))
    if array.ndim != 2 or array.shape[1] != 4:
        raise InputError(
            f"expected {name} of shape [n, 4] (x0, y0, x1, y1), but got shape {array.shape}"
        )
    if not np.isfinite(array).all():
        raise InputError(f"expected finite {name}, but got {array[~np.isfinite(array).all(1)][0]}")
    inverted = (array[:, 2] < array[:, 0]) | (array[:, 3] < array[:, 1])
    if inverted.any():
        raise InputError(
            f"expected {name} as x0, y0, x1, y1 with x0 <= x1 and y0 <= y1, but got "
            f"{array[inverted][0].tolist()}; boxes given as x, y, width, height must be converted"
        )
    return array


def check_inside(boxes_xyxy: Boxes, size_wh: tuple[int, int], *, name: str = "boxes") -> None:
    """Refuse boxes that reach outside an image of ``size_wh`` pixels.

    The far edge may lie on the border (``x1 == width``): annotations with exclusive ends do that.
    A box that begins there holds no pixel of the image.

    Raises:
        InputError: a box lies outside.
    """
    width, height = size_wh
    x0, y0, x1, y1 = boxes_xyxy.T
    beyond = (x0 >= width) | (y0 >= height) | (x1 > width) | (y1 > height)
    outside = (boxes_xyxy < 0).any(1) | beyond
    if outside.any():
        raise InputError(
            f"expected {name} inside the image of {width}x{height} pixels, but got "
            f"{boxes_xyxy[outside][0].tolist()}"
        )


def scale_boxes(
    boxes_xyxy: ArrayLike, from_wh: tuple[int, int], to_wh: tuple[int, int]
) -> NDArray[np.int64]:
    """Carry boxes from one frame to another, each coordinate ``int(c * to / from)``, truncated.

    >>> scale_boxes([[1, 2, 4, 3]], (10, 20), (35, 10)).tolist()
    [[3, 1, 14, 1]]
    """
    boxes = as_boxes(boxes_xyxy)
    to = np.array([*to_wh, *to_wh], dtype=np.float64)
    return (boxes * to / np.array([*from_wh, *from_wh], dtype=np.float64)).astype(np.int64)


def iou(a_xyxy: ArrayLike, b_xyxy: ArrayLike, convention: str = "inclusive") -> Boxes:
    """Intersection over union of every box of ``a`` ``[m, 4]`` with every box of ``b`` ``[n, 4]``.

    Args:
        a_xyxy: boxes.
        b_xyxy: boxes.
        convention: "inclusive" (+1 on every side, as wsol2020 and ILSVRC) or "exclusive".

    Returns:
        ``[m, n]``; 0 where the union is empty.

    >>> iou([[1, 2, 5, 6]], [[3, 1, 4, 5]]).item() == 8 / 27
    True
    """
    if convention not in IOU_CONVENTIONS:
        raise OptionError(
            f"expected an IoU convention of {', '.join(IOU_CONVENTIONS)}, but got {convention!r}"
        )
    edge = IOU_CONVENTIONS[convention]
    a = as_boxes(a_xyxy)[:, None]
    b = as_boxes(b_xyxy)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]) + edge
    intersection = np.maximum(sides, 0).prod(-1)
    union = (a[..., 2:] - a[..., :2] + edge).prod(-1) + (b[..., 2:] - b[..., :2] + edge).prod(-1)
    union = union - intersection
    ratio = np.zeros(intersection.shape)
    np.divide(intersection, union, out=ratio, where=union > 0)
    return ratio
