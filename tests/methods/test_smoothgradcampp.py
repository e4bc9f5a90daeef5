import pytest
import torch
from reference.nets import FlatNet, GapNet, VggNet
from reference.passes import maps_of, noise

from wsolbench._target_table import TargetTable
from wsolbench.errors import OptionError

IMAGE = torch.tensor([[[1.0, 2], [3, 4]], [[0, -1], [5, 8]], [[7, 7], [7, 7]]])[None]


def test_by_hand():
    # a linear network has the same gradients 1, -1, 0, 2 for every image
    (maps,) = maps_of("smoothgradcampp", FlatNet(), IMAGE, [0])
    torch.testing.assert_close(maps, (1 / 12 + 2 / 22) * IMAGE[0, 0])


def test_without_noise_it_is_gradcampp():
    labels = [4, 0, 2]
    maps = maps_of("smoothgradcampp", GapNet(), noise(), labels, sigma=0.0)
    torch.testing.assert_close(maps, maps_of("gradcampp", GapNet(), noise(), labels))


def test_derivatives_are_averaged_over_noisy_passes():
    net, images = VggNet().eval(), noise(1)
    features, tail = net.features[:2], net.features[2:]

    (generator,) = TargetTable([0], [4], ["0"]).generators(3)
    gradients = []
    for _ in range(2):
        noisy = images + 0.5 * torch.randn(images.shape[1:], generator=generator)
        maps = features(noisy).detach().requires_grad_()
        score = net.classifier(net.pool(tail(maps * 1)).flatten(1))[0, 4]
        gradients.append(torch.autograd.grad(score, maps)[0])
    first, second, third = (torch.stack([g**p for g in gradients]).mean(0) for p in (1, 2, 3))
    maps = features(images).detach()
    denominator = 2 * second + maps.sum((2, 3), keepdim=True) * third
    alpha = torch.where(denominator == 0, 0, second / denominator)
    expected = ((alpha * first.relu()).sum((2, 3), keepdim=True) * maps).sum(1).relu()
    ours = maps_of("smoothgradcampp", VggNet(), images, [4], samples=2, sigma=0.5, seed=3)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)


def test_no_samples_are_refused():
    with pytest.raises(OptionError, match="samples of smoothgradcampp"):
        maps_of("smoothgradcampp", FlatNet(), IMAGE, [0], samples=0)
