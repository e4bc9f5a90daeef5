import pytest
import torch
from reference.nets import GapNet, HandNet
from reference.passes import maps_of, noise

RAMP = torch.tensor([[1.0, 2], [3, 4]])


def image_of(*channels):
    return torch.stack([*channels, RAMP])[None]


def test_by_hand():
    # one direction only, (1, 2): the projection is the ramp times the root of 5
    (maps,) = maps_of("eigencam", HandNet(), image_of(RAMP, 2 * RAMP), [0])
    torch.testing.assert_close(maps, 5**0.5 * RAMP)
    (maps,) = maps_of("eigencam", HandNet(), image_of(RAMP, 2 * RAMP), [0], centered=True)
    torch.testing.assert_close(maps, 5**0.5 * (RAMP - 2.5))


@pytest.mark.parametrize("centered", [False, True])
def test_the_sign_is_that_of_the_mean_map(centered):
    (maps,) = maps_of("eigencam", HandNet(), image_of(-RAMP, RAMP / 2), [0], centered=centered)
    expected = -(1.25**0.5) * (RAMP - 2.5 * centered)
    torch.testing.assert_close(maps, expected)


@pytest.mark.parametrize("layer", ["stem", "relu"])  # more pixels than channels, and fewer
def test_it_is_the_first_part_of_a_singular_value_decomposition(layer):
    net, images = GapNet().eval(), noise(hw=(8, 12) if layer == "relu" else (64, 96))
    kept = []
    net.get_submodule(layer).register_forward_hook(lambda *a: kept.append(a[2].detach().clone()))
    net(images)
    pixels = kept[-1].flatten(2).mT
    u, s, _ = torch.linalg.svd(pixels, full_matrices=False)
    expected = (u[..., 0] * s[:, :1]).abs()
    net = GapNet()
    maps = maps_of("eigencam", net, images, [4, 0, 2], layers=layer)
    torch.testing.assert_close(maps.flatten(1), expected, rtol=1e-4, atol=1e-5)
    assert maps.min() >= 0  # behind a ReLU
