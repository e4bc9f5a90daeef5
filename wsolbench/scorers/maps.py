"""The raw maps of a batch, with what several protocols want of them worked out once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from wsolbench import scoremap
from wsolbench.single_box import box_key, single_box

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from wsolbench.protocol import Protocol

    Box = NDArray[np.float64]  # [4]
    Maps = NDArray[np.float64]  # [T, H, W]


class MapBatch:
    """Raw maps of one method on a batch of targets.

    Args:
        raw: ``[T, h, w]``; the copies handed out are shared: do not write to them.

    Attributes:
        raw: float64.
    """

    def __init__(self, raw: ArrayLike) -> None:
        self.raw: Maps = np.ascontiguousarray(scoremap.as_maps(raw))
        self._resized: dict[tuple[tuple[int, int], str], Maps] = {}
        self._normalised: dict[tuple[tuple[int, int], str, str], Maps] = {}
        self._levels: dict[tuple[tuple[int, int], str, str], NDArray[np.uint8]] = {}

        self._boxes: dict[tuple[object, ...], Box | None] = {}

    def __len__(self) -> int:
        return len(self.raw)

    @cached_property
    def finite(self) -> NDArray[np.bool_]:
        """``[T]`` whether a map holds neither NaN nor infinity."""
        return np.asarray(np.isfinite(self.raw).all(axis=(1, 2)), dtype=np.bool_)

    def select(self, indices: NDArray[np.int64]) -> MapBatch:
        """The maps of some targets."""
        return MapBatch(self.raw[indices])

    def resized(self, size_wh: tuple[int, int], interpolation: str) -> Maps:
        """``[T, H, W]`` in one frame of ``size_wh`` pixels."""
        key = size_wh, interpolation
        if key not in self._resized:
            width, height = size_wh
            self._resized[key] = scoremap.resize(self.raw, (height, width), interpolation)
        return self._resized[key]

    def normalised(self, size_wh: tuple[int, int], interpolation: str, normaliser: str) -> Maps:
        """``[T, H, W]`` resized, then normalised to [0, 1]."""
        key = size_wh, interpolation, normaliser
        if key not in self._normalised:
            resized = self.resized(size_wh, interpolation)
            self._normalised[key] = scoremap.normalise(resized, normaliser)
        return self._normalised[key]

    def levels(
        self, size_wh: tuple[int, int], interpolation: str, normaliser: str
    ) -> NDArray[np.uint8]:
        """``[T, H, W]`` resized, normalised and quantised to 8 bits."""
        key = size_wh, interpolation, normaliser
        if key not in self._levels:
            self._levels[key] = scoremap.quantise(self.normalised(*key))
        return self._levels[key]

    def box(self, index: int, protocol: Protocol, size_wh: tuple[int, int]) -> Box | None:
        """The one box ``[4]`` of a map by a protocol's rule; see `wsolbench.single_box`."""
        key = index, size_wh, *box_key(protocol)
        if key not in self._boxes:
            self._boxes[key] = single_box(self.raw[index], protocol, size_wh)
        return self._boxes[key]
