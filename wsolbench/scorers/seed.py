"""Scores of segmentation seeds: the maps of all classes of an image against its class masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wsolbench import scoremap
from wsolbench.errors import InputError
from wsolbench.metrics import SeedIoU
from wsolbench.metrics.seed import IGNORED
from wsolbench.scorers.base import (
    CALIBRATED,
    FIXED,
    ORACLE,
    Scores,
    States,
    Targets,
    Task,
    Value,
    state_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wsolbench.protocol import Protocol
    from wsolbench.scorers.maps import MapBatch

METRIC, EPSILON = "Seed mIoU", 1e-5


@dataclass(frozen=True)
class Image:
    """An image with the masks of all its classes.

    Attributes:
        indices: its targets, labels ascending.
        labels: of those.
        truth: ``[H, W]`` int16: 0 background, label + 1, -1 ignored.
    """

    indices: list[int]
    labels: list[int]
    truth: NDArray[np.int16]


class SeedScorer:
    """The argmax of all maps of an image and a constant background, for a sweep of backgrounds.

    Only classes that the image shows bring a map (this uses its labels). Images of which a class
    has no mask are not scored.
    """

    reads_masks = True
    reads_predictions = False

    def __init__(self, protocol: Protocol, task: Task) -> None:
        self.protocol, self.task = protocol, task
        self.backgrounds = tuple(protocol.threshold_grid.tolist())

    def prepare(self, targets: Targets) -> list[Image]:
        """The class masks of every image that has all of them."""
        images = []
        for indices in targets.by_image():
            ordered = sorted(indices, key=lambda i: targets.truths[i].label)
            image = _image(targets, ordered)
            if image is not None:
                images.append(image)
        return images

    def score(self, maps: MapBatch, targets: Targets, prepared: list[Image]) -> Scores:  # noqa: ARG002
        """See `wsolbench.scorers.base.Scorer.score`."""
        state = SeedIoU.empty(self.backgrounds, self.task.num_classes)
        for image in prepared:
            raw = maps.raw[image.indices] * 1.0
            raw[~maps.finite[image.indices]] = 0.0
            height, width = image.truth.shape
            resized = scoremap.resize(
                np.maximum(raw, 0.0), (height, width), self.protocol.interpolation
            )
            scores = resized / (resized.max((1, 2), keepdims=True) + EPSILON)
            state = state.plus(scores, image.labels, image.truth)
        return Scores({"seed": state})

    def report(self, states: States, calibration: States | None) -> list[Value]:
        """See `wsolbench.scorers.base.Scorer.report`."""
        if not states:
            return []
        state = state_of(states, "seed", SeedIoU)
        if not state.actual.any():
            return []
        chosen: dict[str, int] = {ORACLE: state.best()}
        if calibration:
            calibrating = state_of(calibration, "seed", SeedIoU)
            if calibrating.actual.any():
                chosen[CALIBRATED] = calibrating.best()
        chosen[FIXED] = self._index(self.protocol.fixed_threshold or 0.0)
        values = [self._value(METRIC, state, index, policy) for policy, index in chosen.items()]
        for name, background in self.protocol.named_thresholds:
            values.append(self._value(f"{METRIC} ({name})", state, self._index(background), FIXED))
        return values

    def _index(self, background: float) -> int:
        return int(np.abs(np.array(self.backgrounds) - background).argmin())

    def _value(self, metric: str, state: SeedIoU, index: int, policy: str) -> Value:
        return Value(
            metric,
            float(state.curve()[index]),
            int(state.actual.sum()),
            policy,
            (self.backgrounds[index],),
            per_class=tuple(state.per_class()[index].tolist()),
        )


def _image(targets: Targets, indices: list[int]) -> Image | None:
    truths = [targets.truths[i] for i in indices]
    labels = [truth.label for truth in truths]
    expected = sorted({truths[0].label, *truths[0].others})
    if labels != expected:
        raise InputError(
            f"expected all classes {expected} of {truths[0].sample_id} in one batch, but got "
            f"{labels}; segmentation seeds compare the maps of all classes of an image"
        )
    width, height = truths[0].size_wh
    pixels = np.zeros((height, width), dtype=np.int16)
    for truth in truths:
        if truth.mask is None:
            return None
        if truth.ignore is not None:
            pixels[truth.ignore & (pixels == 0)] = IGNORED
        pixels[truth.mask & (pixels <= 0)] = truth.label + 1
    return Image(indices, labels, pixels)
