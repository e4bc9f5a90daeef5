"""CorLoc of one box per image and class, averaged over classes and pooled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.metrics import CorLoc
from wsolbench.scorers.base import FIXED, Scores, States, Targets, Task, Value, state_of
from wsolbench.scorers.single_box import COMPARISONS, Boxed, Found

if TYPE_CHECKING:
    from wsolbench.protocol import Protocol
    from wsolbench.scorers.maps import MapBatch


class CorLocScorer:
    """Whether the one box of a class fits any of its objects in the image."""

    reads_masks = False
    reads_predictions = False

    def __init__(self, protocol: Protocol, task: Task) -> None:
        self.protocol, self.task = protocol, task

    def prepare(self, targets: Targets) -> Boxed:
        """Boxes in the protocol's frame."""
        return Boxed.of(targets, self.protocol.size_wh)

    def score(self, maps: MapBatch, targets: Targets, prepared: Boxed) -> Scores:
        """See `wsolbench.scorers.base.Scorer.score`."""
        found = Found.of(maps, targets, prepared, self.protocol)
        compare = COMPARISONS[self.protocol.iou_comparison]
        hits = compare(found.ious, self.protocol.single_iou_threshold)
        labels = [targets.truths[i].label for i in prepared.indices]
        state = CorLoc.of(hits, labels, self.task.num_classes)
        return Scores({"corloc": state}, found.rows(len(targets), prepared))

    def report(self, states: States, calibration: States | None) -> list[Value]:  # noqa: ARG002
        """See `wsolbench.scorers.base.Scorer.report`; the one threshold is the protocol's."""
        if not states:
            return []
        state = state_of(states, "corloc", CorLoc)
        if not state.total:
            return []
        at = (self.protocol.fixed_threshold or 0.0,)
        per_class = tuple(state.per_class().tolist())
        return [
            Value("CorLoc", state.compute(), state.total, FIXED, at, per_class=per_class),
            Value("CorLoc (pooled)", state.pooled(), state.total, FIXED, at),
        ]
