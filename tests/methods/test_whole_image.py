import numpy as np
import pytest
import torch
from reference.nets import HandNet
from reference.passes import maps_of

from wsolbench.components import component_tree
from wsolbench.scoremap import normalise, quantise, resize


def whole(hw=(224, 224)):
    return maps_of("whole-image", HandNet(), torch.zeros(2, 3, *hw), [0, 1]).double().numpy()


def test_every_threshold_gives_the_box_of_the_whole_image():
    (levels, _) = quantise(normalise(whole()))
    tree = component_tree(levels)
    for level in range(255):
        assert tree.multi_boxes(level).tolist() == [[0, 0, 223, 223]]
        assert tree.single_box(level).tolist() == [0, 0, 223, 223]


@pytest.mark.parametrize("interpolation", ["cubic", "linear"])
@pytest.mark.parametrize("size_hw", [(40, 60), (375, 500)])
@pytest.mark.parametrize("normaliser", ["minmax", "max", "pas", "sigmoid", "tanh"])
def test_resizing_and_normalising_keep_it(size_hw, interpolation, normaliser):
    (levels, _) = quantise(normalise(resize(whole(), size_hw, interpolation), normaliser))
    boxes = component_tree(levels).multi_boxes(int(0.8 * levels.max()))
    assert boxes.tolist() == [[0, 0, size_hw[1] - 1, size_hw[0] - 1]]


def test_by_hand():
    (first, second) = whole((2, 3))
    assert first.tolist() == [[1, 1, 1], [1, 1, 0]]
    assert np.array_equal(first, second)
