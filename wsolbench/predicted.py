"""The box that a protocol takes from a raw map at its fixed threshold, whatever its scorer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wsolbench import scoremap
from wsolbench.components import component_tree
from wsolbench.errors import OptionError
from wsolbench.single_box import RULES, single_box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wsolbench.protocol import Protocol


def predicted_box(
    score_map: NDArray[np.floating], protocol: Protocol, size_wh: tuple[int, int]
) -> NDArray[np.float64] | None:
    """One box ``[4]``, inclusive, in the protocol's frame; ``None`` where there is none.

    Of protocols that score every contour (`wsol2020`) it is the box of the largest one.

    Args:
        score_map: ``[h, w]``, raw.
        protocol: one with a fixed threshold.
        size_wh: of the image, which is the frame where the protocol has none of its own.

    Raises:
        OptionError: a protocol that takes no box at a fixed threshold.
    """
    if protocol.fixed_threshold is None:
        raise OptionError(f"protocol {protocol.label} has no fixed threshold to take a box at")
    raw = np.asarray(score_map, dtype=np.float64)
    if (protocol.threshold_rule, protocol.box_rule) in RULES:
        return single_box(raw, protocol, frame_of(protocol, size_wh))
    if protocol.scorer != "box-curve":
        raise OptionError(f"protocol {protocol.label} takes no single box from a map")
    width, height = frame_of(protocol, size_wh)
    resized = scoremap.resize(raw[None], (height, width), protocol.interpolation)
    levels = scoremap.quantise(scoremap.normalise(resized, protocol.normaliser))[0]
    box = component_tree(levels).single_box(int(protocol.fixed_threshold * int(levels.max())))
    return box.astype(np.float64)


def frame_of(protocol: Protocol, size_wh: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the frame that a protocol's boxes are in, for an image of this size."""
    return protocol.size_wh or size_wh
