"""The box rules of single papers and the devkit's error, the slow and obvious way."""

from __future__ import annotations

import cv2
import numpy as np
from reference.contours import inclusive_iou
from scipy import ndimage


def resized(raw, size_wh, interpolation=cv2.INTER_LINEAR):
    return cv2.resize(raw.astype(np.float64), size_wh, interpolation=interpolation)


def component_box(score, threshold):
    """Largest 8-connected component above a share of the maximum, by its number of pixels."""
    positive = np.maximum(score, 0)
    labels, count = ndimage.label(positive > threshold * positive.max(), np.ones((3, 3)))
    if count == 0:
        return None
    sizes = np.bincount(labels.ravel())[1:]
    rows, columns = ndimage.find_objects(labels)[int(sizes.argmax())]
    return [columns.start, rows.start, columns.stop - 1, rows.stop - 1]


def layercam_box(raw, size_wh, threshold=0.15):
    positive = np.maximum(raw, 0)
    levels = (positive / (positive.max() + 1e-8) * 255).astype(np.uint8)
    large = cv2.resize(levels, size_wh, interpolation=cv2.INTER_CUBIC)
    _, mask = cv2.threshold(large, threshold * 255, 255, cv2.THRESH_BINARY)
    contours, _ = cv2.findContours(mask, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    best, most = [0, 0, 1, 1], 0
    for x, y, w, h in map(cv2.boundingRect, contours):
        if w * h > most:
            best, most = [x, y, x + w, y + h], w * h
    return best


def tscam_box(score, threshold=0.12):
    """Of a map in [0, 1]."""
    levels = (score * 255).astype(np.uint8)
    _, kept = cv2.threshold(levels, int(threshold * levels.max()), 255, cv2.THRESH_TOZERO)
    contours, _ = cv2.findContours(kept, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return [0, 0, 1, 1]
    x, y, w, h = cv2.boundingRect(max(contours, key=cv2.contourArea))
    return [x, y, x + w, y + h]


def devkit_error(predictions, boxes_of_label):
    """min over predictions (label, box) of max(label wrong, box wrong)."""
    errors = []
    for label, box in predictions:
        label_wrong = label not in boxes_of_label
        truths = np.array(boxes_of_label.get(label, [[-9, -9, -9, -9]]), float)
        box_wrong = box is None or inclusive_iou(np.array([box], float), truths).max() < 0.5
        errors.append(max(label_wrong, box_wrong))
    return min(errors)
