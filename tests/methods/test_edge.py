import pytest
import torch
from reference.nets import HandNet
from reference.passes import maps_of

from wsolbench.errors import OptionError
from wsolbench.models import as_classifier


def test_by_hand():
    """A red step of 0.5 between two columns: 4 * .299 * .5 on either side, zero elsewhere."""
    classifier = as_classifier(HandNet(), input_hw=(4, 6))
    image = torch.zeros(1, 3, 4, 6)
    image[:, 0, :, 3:] = 0.5 / classifier.std[0]
    (edges,) = maps_of("edge", HandNet(), image, [0])
    row = torch.tensor([0, 0, 0.598, 0.598, 0, 0])
    torch.testing.assert_close(edges, row.expand(4, 6), rtol=1e-4, atol=1e-5)


def test_smoothing_keeps_the_sum_of_a_map_far_from_the_border():
    image = torch.zeros(1, 3, 33, 33)
    image[:, :, 16, 16] = 1
    sharp, smooth = (maps_of("edge", HandNet(), image, [0], sigma=s) for s in (0.0, 0.03))
    torch.testing.assert_close(sharp.sum(), smooth.sum(), rtol=1e-4, atol=0)
    assert smooth.max() < sharp.max()


def test_a_negative_sigma_is_refused():
    with pytest.raises(OptionError, match="sigma of at least 0"):
        maps_of("edge", HandNet(), torch.zeros(1, 3, 8, 8), [0], sigma=-1.0)
