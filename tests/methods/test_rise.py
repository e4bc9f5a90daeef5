import pytest
import torch
from reference.nets import GapNet, HandNet
from reference.passes import maps_of, noise

from wsolbench.errors import OptionError


def test_by_hand():
    """Where every cell stays, every mask is 1 and the map is the probability everywhere."""
    image = torch.tensor([[[1.0, 2], [3, 4]], [[0, -1], [5, 8]], [[7, 7], [7, 7]]])[None]
    probability = torch.tensor([12, 12.5]).softmax(0)[0]
    (saliency,) = maps_of("rise", HandNet(), image, [0], masks=3, probability=1.0, cells=2)
    torch.testing.assert_close(saliency, probability.expand(2, 2), rtol=1e-5, atol=0)


def test_it_finds_the_pixels_that_count():
    """A single bright cell makes class 0: the map is highest there."""
    image = torch.zeros(1, 3, 28, 28)
    image[:, 0, 8:12, 16:20] = 400
    image[:, 1] = 5.0
    (saliency,) = maps_of("rise", HandNet(), image, [0], masks=300)
    y, x = divmod(int(saliency.argmax()), 28)
    assert 6 <= y < 14
    assert 14 <= x < 22


def test_neither_seed_nor_batch_size_is_ignored_or_mixed_up():
    first, other, single = (
        maps_of("rise", GapNet(), noise(2, hw=(33, 48)), [4, 0], masks=8, **options)
        for options in ({}, {"seed": 1}, {"batch_size": 1})
    )
    assert first.shape == (2, 33, 48)
    assert not first.equal(other)
    torch.testing.assert_close(first, single, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("options", [{"masks": 0}, {"cells": 0}, {"probability": 0.0}])
def test_other_options_are_refused(options):
    with pytest.raises(OptionError, match="masks and cells of rise"):
        maps_of("rise", GapNet(), noise(1), [0], **options)
