import pytest
import torch
from reference.nets import HandNet
from reference.passes import maps_of

from wsolbench.errors import OptionError

IMAGES = torch.zeros(2, 3, 8, 8)


def test_the_noise_is_pinned():
    maps = maps_of("random", HandNet(), IMAGES[:1], [0], grid=2)
    assert maps.flatten().tolist() == pytest.approx([0.4244, 0.6986, 0.6402, 0.5026], abs=1e-4)


def test_every_target_and_seed_has_its_own_noise():
    first = maps_of("random", HandNet(), IMAGES, [0, 0])
    second = maps_of("random", HandNet(), IMAGES, [0, 0], seed=1)
    assert first.shape == (2, 14, 14)
    assert 0 <= first.min() < 0.05
    assert 0.95 < first.max() < 1
    assert not first[0].equal(first[1])
    assert not first[0].equal(second[0])


def test_a_grid_without_cells_is_refused():
    with pytest.raises(OptionError, match="grid of random to be at least 1, but got 0"):
        maps_of("random", HandNet(), IMAGES, [0, 0], grid=0)
