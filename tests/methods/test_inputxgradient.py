import pytest
import torch
from reference import peer_passes
from reference.nets import ALL_NETS, HandNet
from reference.passes import maps_of, noise


def test_by_hand():
    image = torch.tensor([[[1.0, 2], [3, 4]], [[0, -1], [5, 8]], [[7, 7], [7, 7]]])[None]
    expected = ((2 * image[:, 0] - image[:, 1]) / 4).abs()
    torch.testing.assert_close(maps_of("inputxgradient", HandNet(), image, [0]), expected)


@pytest.mark.parametrize("net", ALL_NETS)
def test_maps_are_those_of_captum(net):
    peer = peer_passes.captum("InputXGradient", net(), noise(), [4, 0, 2]).sum(1)
    maps = maps_of("inputxgradient", net(), noise(), [4, 0, 2], reduction="sum")
    torch.testing.assert_close(maps, peer, rtol=1e-5, atol=1e-5 * float(peer.abs().max()))
