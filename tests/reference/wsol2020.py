"""wsol2020 from the raw map to the numbers, the slow and obvious way: OpenCV, loop by loop."""

from __future__ import annotations

import cv2
import numpy as np
from reference.contours import best_iou_per_threshold

THRESHOLDS = np.arange(0, 1, 0.001)


def score_map(raw, size_wh=(224, 224)):
    """A raw map at the size of the frame, in [0, 1]."""
    resized = cv2.resize(raw.astype(np.float64), size_wh, interpolation=cv2.INTER_CUBIC)
    if np.isnan(resized).any() or resized.min() == resized.max():
        return np.zeros_like(resized)
    return (resized - resized.min()) / (resized.max() - resized.min())


def scaled_boxes(boxes_xyxy, from_wh, to_wh=(224, 224)):
    """Boxes in the frame, every coordinate truncated."""
    return np.array(
        [[int(c * to_wh[i % 2] / from_wh[i % 2]) for i, c in enumerate(box)] for box in boxes_xyxy]
    )


def correct_boxes(raws, boxes_xyxy, ious=(0.3, 0.5, 0.7), *, single=False, size_wh=(224, 224)):
    """How many images are right at each IoU and each map threshold, [D, 1000]."""
    correct = np.zeros((len(ious), len(THRESHOLDS)), np.int64)
    for raw, boxes in zip(raws, boxes_xyxy, strict=True):
        best = best_iou_per_threshold(score_map(raw, size_wh), boxes, THRESHOLDS, single)
        for d, iou in enumerate(ious):
            correct[d] += best >= iou
    return correct


def max_box_acc_v2(correct, images):
    return np.mean([row.max() / images for row in correct])


def small_mask(mask, size_wh=(224, 224)):
    """A mask at the size of the frame."""
    return cv2.resize(mask.astype(np.float64), size_wh, interpolation=cv2.INTER_NEAREST) > 0.5


def pixel_histograms(scores, masks, ignores):
    """Foreground and background pixels of all maps per bin, [1002] each."""
    edges = [*THRESHOLDS, 1.0, 2.0, 3.0]
    foreground = np.zeros(len(edges) - 1, np.int64)
    background = np.zeros(len(edges) - 1, np.int64)
    for score, mask, ignore in zip(scores, masks, ignores, strict=True):
        out = ~mask & ~ignore
        foreground += np.histogram(score[mask], edges)[0]
        background += np.histogram(score[out], edges)[0]
    return foreground, background


def pxap(foreground, background):
    """Area under precision and recall, from the top bin down."""
    area, true, false, recall_before = 0.0, 0, 0, 0.0
    total = foreground.sum()
    for here, elsewhere in zip(foreground[::-1], background[::-1], strict=True):
        true, false = true + here, false + elsewhere
        if true + false == 0:
            continue
        recall = true / total
        area += true / (true + false) * (recall - recall_before)
        recall_before = recall
    return area
