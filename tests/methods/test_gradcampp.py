import pytest
import torch
from reference.nets import FlatNet, HandNet
from reference.passes import maps_of

IMAGE = torch.tensor([[[1.0, 2], [3, 4]], [[0, -1], [5, 8]], [[7, 7], [7, 7]]])[None]


def test_by_hand():
    # gradients of 1/2 and -1/4, the first map sums to 10: 4 * .5 / (2 + 10 * .5)
    (maps,) = maps_of("gradcampp", HandNet(), IMAGE, [0])
    torch.testing.assert_close(maps, 2 / 7 * IMAGE[0, 0])
    assert maps_of("gradcampp", HandNet(), IMAGE, [1]).tolist() == [[[0, 0], [0, 0]]]


def test_every_pixel_has_its_own_coefficient():
    # gradients 1, -1, 0, 2: 1 / (2 + 10) + 2 / (2 + 20)
    (maps,) = maps_of("gradcampp", FlatNet(), IMAGE, [0])
    torch.testing.assert_close(maps, (1 / 12 + 2 / 22) * IMAGE[0, 0])


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_no_epsilon_drowns_small_gradients(factor):
    net = FlatNet()
    net.fc.weight.data *= factor
    (maps,) = maps_of("gradcampp", net, IMAGE, [0])
    weight = factor / (2 + 10 * factor) + 2 * factor / (2 + 20 * factor)
    torch.testing.assert_close(maps, weight * IMAGE[0, 0])
