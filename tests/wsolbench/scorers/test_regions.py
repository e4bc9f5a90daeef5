"""The scorers that look at regions: pointing game, energy, CorLoc, soft masks."""

from __future__ import annotations

import numpy as np
import pytest
from reference.targets import evaluate, numbers, targets, truth
from reference.wsol2020 import score_map, small_mask

from wsolbench.metrics import SoftMask
from wsolbench.scoremap import normalise, resize


def point(x, y, size_wh=(40, 30)):
    score = np.zeros(size_wh[::-1])
    score[y, x] = 1.0
    return score


class TestPointing:
    def test_hit_within_the_radius_of_a_box(self):
        one = truth("a", 0, [[0, 0, 5, 5]])
        far = truth("b", 1, [[0, 0, 5, 5]])
        found = numbers(evaluate("pointing-game", targets(one, far), [point(19, 5), point(20, 5)]))
        assert found["Pointing game", None] == 0.5

    def test_radius_is_an_option(self):
        one = targets(truth("a", 0, [[0, 0, 5, 5]]))
        assert (
            numbers(evaluate("pointing-game(radius=10)", one, [point(19, 5)]))[
                "Pointing game", None
            ]
            == 0.0
        )

    def test_mean_over_classes(self):
        truths = [truth(i, label, [[0, 0, 5, 5]]) for i, label in enumerate([0, 0, 0, 1])]
        maps = [point(0, 0)] * 3 + [point(39, 29)]
        assert (
            numbers(evaluate("pointing-game", targets(*truths), maps))["Pointing game", None] == 0.5
        )

    def test_difficult_objects_are_places_to_hit_but_not_alone(self):
        alone = truth("a", 0, [[0, 0, 5, 5]], difficult=[True])
        mixed = truth("b", 0, [[0, 0, 5, 5], [30, 20, 39, 29]], difficult=[True, False])
        evaluation = evaluate("pointing-game", targets(alone, mixed), [point(0, 0)] * 2)
        assert [row["pointing-game.hit"] for row in evaluation.rows] == [None, True]

    def test_the_difficult_subset_is_small_with_a_distractor(self):
        small = [[0, 0, 19, 13]]  # 280 of 1200 pixels, below a quarter
        quarter = [[0, 0, 19, 14]]  # 300, not below
        truths = [
            truth("a", 0, small, others=[1]),
            truth("b", 0, small),
            truth("c", 0, quarter, others=[1]),
        ]
        states = evaluate("pointing-game", targets(*truths), [point(0, 0)] * 3).states
        assert states["m", "pointing-game"]["difficult"].total == 1
        assert states["m", "pointing-game"]["all"].total == 3

    def test_masks_where_the_data_set_is_pointed_at_by_masks(self):
        mask = np.zeros((30, 40), bool)
        mask[0, 0] = True
        one = truth("a", 0, [[0, 0, 39, 29]], mask=mask)
        empty = truth("b", 0, [[0, 0, 39, 29]], mask=np.zeros((30, 40), bool))
        evaluation = evaluate(
            "pointing-game", targets(one, empty), [point(39, 29)] * 2, pointing_region="masks"
        )
        assert [row["pointing-game.hit"] for row in evaluation.rows] == [False, None]
        assert numbers(evaluate("pointing-game", targets(one), [point(39, 29)])) == {
            ("Pointing game", None): 1.0
        }

    def test_nan_maps_miss(self):
        nan = np.full((4, 4), np.nan)
        found = numbers(evaluate("pointing-game", targets(truth("a", 0, [[0, 0, 39, 29]])), [nan]))
        assert found["Pointing game", None] == 0.0

    def test_first_of_equal_maxima(self):
        flat = evaluate(
            "pointing-game",
            targets(truth("a", 0, [[0, 0, 1, 1]]), truth("b", 0, [[38, 28, 39, 29]])),
            np.ones((2, 4, 4)),
        )
        assert [row["pointing-game.hit"] for row in flat.rows] == [True, False]


class TestEnergy:
    def test_share_inside_the_boxes(self):
        one = truth("a", 0, [[0, 0, 19, 29]])
        raw = np.zeros((30, 40))
        raw[:, 10:30] = 2.0
        raw[:, 35:] = -9.0
        found = numbers(evaluate("energy-pointing", targets(one), [raw]))
        assert found == {("Energy-based pointing game", None): 0.5}

    def test_equals_the_resized_map(self):
        raw = np.random.default_rng(0).normal(size=(7, 7))
        one = truth("a", 0, [[3, 4, 20, 21], [15, 2, 39, 12]])
        inside = np.zeros((30, 40), bool)
        inside[4:22, 3:21] = inside[2:13, 15:40] = True
        large = resize(np.maximum(raw, 0)[None], (30, 40), "linear")[0]
        row = evaluate("energy-pointing", targets(one), [raw]).rows[0]
        assert row["energy-pointing.share"] == pytest.approx(large[inside].sum() / large.sum())

    def test_skips_and_misses(self):
        batch = targets(
            truth("a", 0, [[0, 0, 5, 5]], difficult=[True]),
            truth("b", 0),
            truth("c", 0, [[0, 0, 5, 5]]),
            truth("d", 0, [[0, 0, 5, 5]]),
        )
        maps = [np.ones((2, 2))] * 2 + [np.full((2, 2), np.nan), -np.ones((2, 2))]
        evaluation = evaluate("energy-pointing", batch, maps)
        assert [row["energy-pointing.share"] for row in evaluation.rows] == [None, None, 0.0, 0.0]
        assert numbers(evaluation)["Energy-based pointing game", None] == 0.0


class TestCorLoc:
    def test_per_class_and_pooled(self):
        good, bad = np.zeros((30, 40)), np.zeros((30, 40))
        good[:10, :10], bad[20:, 30:] = 1, 1
        truths = [truth(i, label, [[0, 0, 9, 9]]) for i, label in enumerate([0, 0, 0, 1])]
        found = numbers(evaluate("corloc", targets(*truths), [good, good, good, bad]))
        assert found == {("CorLoc", "fixed"): 0.5, ("CorLoc (pooled)", "fixed"): 0.75}

    def test_any_box_of_the_class_will_do(self):
        score = np.zeros((30, 40))
        score[:10, :10] = 1
        one = truth("a", 0, [[30, 20, 39, 29], [0, 0, 9, 9]])
        assert numbers(evaluate("corloc", targets(one), [score]))["CorLoc", "fixed"] == 1.0


class TestSoftMask:
    def mask(self):
        mask = np.zeros((30, 40), bool)
        mask[5:20, 10:30] = True
        return mask

    def test_equals_the_metric_on_the_resized_map(self):
        raw = np.random.default_rng(0).normal(size=(7, 7))
        ignore = np.zeros((30, 40), bool)
        ignore[:, :12] = True
        one = truth("a", 0, mask=self.mask(), ignore=ignore)
        row = evaluate("soft-mask(top_pixels=50)", targets(one), [raw]).rows[0]
        large = resize(raw[None], (224, 224))
        scores = normalise(large, "max")[0]
        inside, ignored = small_mask(self.mask()), small_mask(ignore)
        counted = inside | ~ignored
        expected = SoftMask.of(scores[counted], inside[counted], 50)
        for name in ("mass", "rank", "top_k", "auc"):
            assert row[f"soft-mask(top_pixels=50).{name}"] == getattr(expected, name)

    def test_boxes_stand_in_where_there_are_no_masks_under_another_name(self):
        masked = truth("a", 0, [[0, 0, 3, 3]], mask=self.mask())
        boxed = truth("b", 0, [[10, 5, 29, 19]])
        nothing = truth("c", 0)
        raw = np.random.default_rng(1).random((7, 7))
        evaluation = evaluate("soft-mask", targets(masked, boxed, nothing), [raw] * 3)
        names = {metric for metric, _ in numbers(evaluation)}
        assert {"Relevance mass accuracy", "Relevance mass accuracy (boxes)"} <= names
        states = evaluation.states["m", "soft-mask"]
        assert (states["masks.mass"].total, states["boxes.mass"].total) == (1, 1)
        assert evaluation.rows[2]["soft-mask.mass"] is None

    def test_empty_masks_are_counted_and_never_a_hit(self):
        empty = truth("a", 0, mask=np.zeros((30, 40), bool))
        evaluation = evaluate("soft-mask", targets(empty), [np.ones((4, 4))])
        assert evaluation.states["m", "soft-mask"]["masks.mass"].undefined == 1
        assert numbers(evaluation) == {}
        assert evaluation.rows[0]["soft-mask.rank"] is None

    def test_nan_maps_score_zero(self):
        one = targets(truth("a", 0, mask=self.mask()))
        found = numbers(evaluate("soft-mask", one, [np.full((4, 4), np.nan)]))
        assert set(found.values()) == {0.0}

    def test_normaliser_is_an_option(self):
        raw = score_map(np.random.default_rng(3).normal(size=(7, 7))) - 2
        one = targets(truth("a", 0, mask=self.mask()))
        assert numbers(evaluate("soft-mask", one, [raw]))["Relevance mass accuracy", None] == 0.0
        other = numbers(evaluate("soft-mask(normaliser=minmax)", one, [raw]))
        assert other["Relevance mass accuracy", None] > 0.1
