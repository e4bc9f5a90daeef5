"""Scores of maps as a detector: the one box of a class, ranked by the classifier's probability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wsolbench.errors import InputError
from wsolbench.metrics import BoxAP
from wsolbench.scorers.base import FIXED, Scores, States, Targets, Task, Value, state_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from wsolbench.protocol import Protocol
    from wsolbench.scorers.maps import MapBatch

METRICS: dict[str, float | None] = {"Box AP": None, "Box AP50": 0.5, "Box AP75": 0.75}


class BoxAPScorer:
    """One detection per image and class: the box of the map, scored by the class's probability.

    With candidates "labels" the classes that an image shows bring a detection, with "predictions"
    the five that the network predicts, right or wrong.
    """

    reads_masks = False

    def __init__(self, protocol: Protocol, task: Task) -> None:  # noqa: ARG002
        self.protocol = protocol
        self.reads_predictions = protocol.candidates == "predictions"

    def prepare(self, targets: Targets) -> list[BoxAP | None]:
        """The ground truth of each target; ``None`` for a class without boxes that is shown."""
        return [
            BoxAP.of(
                truth.sample_id, truth.label, truth_xyxy=truth.boxes_xyxy, crowd=truth.difficult
            )
            if len(truth.boxes_xyxy) or not here
            else None
            for truth, here in zip(targets.truths, targets.is_shown, strict=True)
        ]

    def score(self, maps: MapBatch, targets: Targets, prepared: list[BoxAP | None]) -> Scores:
        """See `wsolbench.scorers.base.Scorer.score`."""
        if targets.probabilities is None:
            raise InputError(
                "expected the network's probability of every target, by which "
                f"{self.protocol.name} ranks boxes, but got none"
            )
        state = BoxAP()
        boxes: list[Any] = [None] * len(targets)
        for i, truths in enumerate(prepared):
            if truths is None:
                continue
            state += truths
            if not self.reads_predictions or targets.places[i] >= 0:
                truth = targets.truths[i]
                box = maps.box(i, self.protocol, truth.size_wh)
                if box is not None:
                    boxes[i] = box.tolist()
                    state += self._detection(truth.sample_id, truth.label, box, targets, i)
        return Scores({"boxes": state}, {"box": boxes})

    @staticmethod
    def _detection(
        image: str, label: int, box: NDArray[np.float64], targets: Targets, index: int
    ) -> BoxAP:
        scores = [] if targets.probabilities is None else [float(targets.probabilities[index])]
        return BoxAP.of(image, label, found_xyxy=box[None], scores=scores)

    def report(self, states: States, calibration: States | None) -> list[Value]:  # noqa: ARG002
        """See `wsolbench.scorers.base.Scorer.report`; the one threshold is the protocol's."""
        if not states:
            return []
        state = state_of(states, "boxes", BoxAP)
        at = (self.protocol.fixed_threshold or 0.0,)
        total = len(state.truths)
        return [
            Value(name, state.average_precision(iou_threshold), total, FIXED, at)
            for name, iou_threshold in METRICS.items()
            if total
        ]
