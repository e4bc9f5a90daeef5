from __future__ import annotations

import contextlib
import io
import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from wsolbench.errors import InputError
from wsolbench.metrics import BoxAP


def test_one_perfect_detection():
    state = BoxAP.of("a", 3, found_xyxy=[[0, 0, 9, 9]], scores=[0.4], truth_xyxy=[[0, 0, 9, 9]])
    assert state.compute() == pytest.approx(1.0)


def test_iou_of_pixel_boxes_counts_the_last_pixel():
    # 10x10 and 10x6: IoU .6 exactly, right at .50, .55 and .60
    state = BoxAP.of("a", 0, found_xyxy=[[0, 0, 9, 5]], scores=[1], truth_xyxy=[[0, 0, 9, 9]])
    assert [state.average_precision(t) for t in (0.5, 0.6, 0.65)] == pytest.approx([1, 1, 0])
    assert state.compute() == pytest.approx(0.3)


def test_a_higher_scored_wrong_box_halves_the_precision():
    state = BoxAP.of("a", 0, found_xyxy=[[0, 0, 9, 9]], scores=[0.2], truth_xyxy=[[0, 0, 9, 9]])
    state += BoxAP.of("b", 0, found_xyxy=[[0, 0, 9, 9]], scores=[0.9])
    assert state.compute() == pytest.approx(0.5)


def test_classes_are_averaged_and_missed_truths_count():
    state = BoxAP.of("a", 0, found_xyxy=[[0, 0, 9, 9]], scores=[0.2], truth_xyxy=[[0, 0, 9, 9]])
    state += BoxAP.of("a", 1, truth_xyxy=[[0, 0, 9, 9]])
    assert state.compute() == pytest.approx(0.5)


def test_a_crowd_is_neither_right_nor_wrong():
    state = BoxAP.of("a", 0, found_xyxy=[[0, 0, 9, 9]], scores=[0.2], truth_xyxy=[[0, 0, 9, 9]])
    state += BoxAP.of(
        "b", 0, found_xyxy=[[0, 0, 9, 9]], scores=[0.9], truth_xyxy=[[0, 0, 19, 9]], crowd=[True]
    )
    assert state.compute() == pytest.approx(1.0)


def test_without_truth_there_is_no_number():
    assert np.isnan(BoxAP().compute())
    assert np.isnan(BoxAP.of("a", 0, found_xyxy=[[0, 0, 1, 1]], scores=[1]).compute())


def test_truth_without_any_detection_is_zero():
    assert BoxAP.of("a", 0, truth_xyxy=[[0, 0, 9, 9]]).compute() == 0.0


def test_equals_pycocotools_on_files(tmp_path):
    rng = np.random.default_rng(0)
    state = BoxAP()
    annotations, results = [], []
    for image in range(12):
        for label in range(3):
            true = _boxes(rng, int(rng.integers(0, 4)))
            found = _boxes(rng, int(rng.integers(0, 4)))
            found[: len(true)] = true[: len(found)] + rng.integers(-1, 2, 4)[None]
            found[:, 2:] = np.maximum(found[:, :2], found[:, 2:])
            scores = rng.random(len(found))
            state += BoxAP.of(str(image), label, found_xyxy=found, scores=scores, truth_xyxy=true)
            annotations += [_entry(image, label, box) for box in true]
            results += [
                {**_entry(image, label, box), "score": score}
                for box, score in zip(found, scores.tolist(), strict=True)
            ]
    truth = {
        "info": {},
        "images": [{"id": i + 1} for i in range(12)],
        "categories": [{"id": i} for i in range(3)],
        "annotations": [{**one, "id": i + 1} for i, one in enumerate(annotations)],
    }
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "found.json").write_text(json.dumps(results))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(tmp_path / "truth.json"))
        evaluation = COCOeval(coco, coco.loadRes(str(tmp_path / "found.json")), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert state.compute() == pytest.approx(evaluation.stats[0], abs=1e-12)
    assert state.average_precision(0.5) == pytest.approx(evaluation.stats[1], abs=1e-12)
    assert state.average_precision(0.75) == pytest.approx(evaluation.stats[2], abs=1e-12)


def _boxes(rng, n):
    return np.sort(rng.integers(0, 40, (n, 2, 2)), axis=1).reshape(n, 4) + np.array([0, 0, 5, 5])


def _entry(image, label, box):
    x0, y0, x1, y1 = box.tolist()
    width, height = x1 - x0 + 1, y1 - y0 + 1
    return {
        "image_id": image + 1,
        "category_id": label,
        "bbox": [x0, y0, width, height],
        "area": width * height,
        "iscrowd": 0,
    }


def test_nothing_is_printed(capsys):
    BoxAP.of("a", 0, truth_xyxy=[[0, 0, 9, 9]]).compute()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"found_xyxy": [[0, 0, 1, 1]], "scores": []}, "one score per detection"),
        ({"truth_xyxy": [[0, 0, 1, 1]], "crowd": []}, "one crowd flag per truth"),
        ({"found_xyxy": [[0, 0, 1, 1]], "scores": [np.nan]}, "finite scores"),
        ({"truth_xyxy": [[2, 0, 1, 1]]}, "x0 <= x1"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(InputError, match=message):
        BoxAP.of("a", 0, **arguments)


def test_only_cocos_iou_thresholds():
    with pytest.raises(InputError, match="expected an IoU threshold"):
        BoxAP.of("a", 0, truth_xyxy=[[0, 0, 9, 9]]).average_precision(0.52)
