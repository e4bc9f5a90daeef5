"""The wsol2020 box rule the slow and obvious way: OpenCV, one threshold at a time."""

from __future__ import annotations

import cv2
import numpy as np


def contour_boxes(levels, level, largest_only=False):
    """The boxes [n, 4] of the contours of the mask ``levels > level``, one pixel too large."""
    mask = (levels > level).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return np.zeros((1, 4), np.int64)
    if largest_only:
        contours = [max(contours, key=cv2.contourArea)]
    height, width = levels.shape
    boxes = []
    for x, y, w, h in map(cv2.boundingRect, contours):
        boxes.append([x, y, min(x + w, width - 1), min(y + h, height - 1)])
    return np.array(boxes, np.int64)


def inclusive_iou(predicted_xyxy, true_xyxy):
    """IoU [n, G] of two sets of boxes whose borders both belong to them."""
    a, b = predicted_xyxy[:, None, :], true_xyxy[None, :, :]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]) + 1
    intersection = sides.clip(min=0).prod(-1)
    union = _area(a) + _area(b) - intersection
    return np.where(union > 0, intersection / np.where(union > 0, union, 1), 0.0)


def best_iou_at(levels, level, true_xyxy, largest_only=False):
    """The best IoU of any contour box of ``levels > level`` with any true box."""
    return inclusive_iou(contour_boxes(levels, level, largest_only), true_xyxy).max()


def best_iou_per_threshold(score_map, true_xyxy, thresholds, largest_only=False):
    """The best IoU at each threshold of a map in [0, 1]: the field's loop as it is published."""
    levels = (score_map * 255).astype(np.uint8)
    cuts = [int(threshold * levels.max()) for threshold in thresholds]
    return np.array([best_iou_at(levels, cut, true_xyxy, largest_only) for cut in cuts])


def _area(boxes_xyxy):
    return (boxes_xyxy[..., 2:] - boxes_xyxy[..., :2] + 1).prod(-1)
