import pytest
import torch
from reference.nets import HandNet
from reference.passes import maps_of


def test_the_peak_is_where_the_golden_rows_have_it():
    (gaussian,) = maps_of("center", HandNet(), torch.zeros(1, 3, 224, 224), [0])
    assert divmod(int(gaussian.argmax()), 224) == (112, 112)
    assert gaussian[112, 112] == 1


def test_by_hand():
    (gaussian,) = maps_of("center", HandNet(), torch.zeros(1, 3, 2, 4), [0], sigma=0.5)
    # distances of half a side: exp(-.5); of a quarter: exp(-.125)
    row = torch.exp(torch.tensor([-0.5, -0.125, 0, -0.125]))
    torch.testing.assert_close(gaussian, torch.stack([row * torch.exp(torch.tensor(-0.5)), row]))


@pytest.mark.parametrize("hw", [(31, 64), (8, 8)])
def test_it_has_the_size_of_the_input(hw):
    assert maps_of("center", HandNet(), torch.zeros(3, 3, *hw), [0, 1, 0]).shape == (3, *hw)
