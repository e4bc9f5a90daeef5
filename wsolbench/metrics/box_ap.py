"""Box AP of COCO, by pycocotools, from detections that merge like any other counts."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from wsolbench.boxes import as_boxes
from wsolbench.errors import InputError
from wsolbench.metrics.state import State, rows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Rows = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BoxAP(State):
    """Detections and ground-truth boxes.

    Average precision ranks the detections of a whole data set, so no sum can stand for them: the
    state keeps a row for each and grows with the number of targets as the rows of a run do. An
    image is named by two halves of a 64-bit digest of its id.

    Attributes:
        detections: ``[n, 8]`` image (2), label, score, x, y, width, height.
        truths: ``[m, 8]`` image (2), label, crowd (0 or 1), x, y, width, height.
    """

    detections: Rows = rows(8)  # noqa: RUF009
    truths: Rows = rows(8)  # noqa: RUF009

    @classmethod
    def of(
        cls,
        image: str,
        label: int,
        *,
        found_xyxy: ArrayLike = (),
        scores: Sequence[float] = (),
        truth_xyxy: ArrayLike = (),
        crowd: ArrayLike | None = None,
    ) -> Self:
        """Note one image and class.

        Args:
            image: its id.
            label: class of all boxes.
            found_xyxy: detections ``[n, 4]``, inclusive.
            scores: ``[n]`` confidence of each.
            truth_xyxy: ground truth ``[m, 4]``, inclusive.
            crowd: ``[m]`` bool; such a box is matched without being right or wrong.

        Raises:
            InputError: shapes that do not fit, or scores that are not finite.
        """
        found = as_boxes(found_xyxy, name="detections")
        true = as_boxes(truth_xyxy, name="ground-truth boxes")
        crowds = np.zeros(len(true)) if crowd is None else np.asarray(crowd, dtype=np.float64)
        confidence = np.asarray(scores, dtype=np.float64)
        if confidence.shape != (len(found),) or crowds.shape != (len(true),):
            raise InputError(
                f"expected one score per detection and one crowd flag per truth, but got "
                f"{len(found)} detections, {len(confidence)} scores, {len(true)} truths and "
                f"{len(crowds)} flags"
            )
        if not np.isfinite(confidence).all():
            raise InputError(f"expected finite scores of detections, but got {confidence}")
        named = _Named(image, label)
        return cls() + cls(named.rows(confidence, found), named.rows(crowds, true))

    def compute(self) -> float:
        """AP averaged over IoU .50:.05:.95 and over classes; NaN without ground truth."""
        return self.average_precision()

    def average_precision(self, iou_threshold: float | None = None) -> float:
        """AP at one IoU threshold of .50:.05:.95, or averaged over all; NaN without truth.

        Raises:
            InputError: no such IoU threshold.
        """
        if not (self.truths[:, 3] == 0).any():
            return float("nan")
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
            evaluated = self._evaluated()
        thresholds = evaluated.params.iouThrs
        chosen = np.full(len(thresholds), True)
        if iou_threshold is not None:
            chosen = np.isclose(thresholds, iou_threshold)
        if not chosen.any():
            raise InputError(f"expected an IoU threshold of {thresholds}, but got {iou_threshold}")
        precision = evaluated.eval["precision"][chosen, :, :, 0, -1]  # all areas, most detections
        return float(precision[precision > -1].mean())

    def _evaluated(self) -> Any:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval

        rows = self.counts()
        both = np.concatenate([rows["truths"], rows["detections"]])
        number = {(a, b): i + 1 for i, (a, b) in enumerate(np.unique(both[:, :2], axis=0).tolist())}
        labels = np.unique(both[:, 2])
        truth = COCO()
        truth.dataset = {
            "info": {},
            "images": [{"id": i} for i in number.values()],
            "categories": [{"id": int(label)} for label in labels],
            "annotations": [
                _entry(row, number) | {"id": i + 1, "iscrowd": int(row[3]), "area": row[6] * row[7]}
                for i, row in enumerate(rows["truths"].tolist())
            ],
        }
        truth.createIndex()
        entries = [_entry(row, number) | {"score": row[3]} for row in rows["detections"].tolist()]
        found = truth.loadRes(entries) if entries else COCO()
        if not entries:
            found.dataset = {**truth.dataset, "annotations": []}
            found.createIndex()
        evaluation = COCOeval(truth, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        return evaluation


@dataclass(frozen=True)
class _Named:
    """What every row of one image and class begins with."""

    image: str
    label: int

    def rows(self, third: Rows, boxes_xyxy: Rows) -> Rows:
        digest = hashlib.sha256(self.image.encode()).digest()
        halves = [int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:8], "big")]
        start = np.tile([*halves, float(self.label)], (len(boxes_xyxy), 1))
        sides = boxes_xyxy[:, 2:] - boxes_xyxy[:, :2] + 1
        return np.concatenate([start, third[:, None], boxes_xyxy[:, :2], sides], axis=1)


def _entry(row: list[float], number: dict[tuple[float, float], int]) -> dict[str, Any]:
    return {
        "image_id": number[row[0], row[1]],
        "category_id": int(row[2]),
        "bbox": row[4:],
    }
