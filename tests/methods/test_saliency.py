import pytest
import torch
import torchvision
from reference import peer_passes
from reference.nets import ALL_NETS, HandNet
from reference.passes import maps_of, noise

from wsolbench.errors import OptionError

LABELS = [4, 0, 2]


def test_by_hand():
    """Weights 2 and -1 over 4 pixels; blue counts for nothing."""
    maps = {
        reduction: maps_of("saliency", HandNet(), torch.ones(1, 3, 2, 2), [0], reduction=reduction)
        for reduction in ("max-abs", "sum-abs", "abs-sum", "max", "sum", "positive-sum")
    }
    values = {reduction: saliency.unique().tolist() for reduction, saliency in maps.items()}
    assert values == {
        "max-abs": [0.5], "sum-abs": [0.75], "abs-sum": [0.25], "max": [0.5], "sum": [0.25],
        "positive-sum": [0.25],
    }  # fmt: skip


def captum(net, images, labels):
    return peer_passes.captum("Saliency", net, images, labels).amax(1)


@pytest.mark.parametrize("net", ALL_NETS)
def test_maps_are_those_of_captum(net):
    peer = captum(net(), noise(), LABELS)
    maps = maps_of("saliency", net(), noise(), LABELS)
    torch.testing.assert_close(maps, peer, rtol=1e-5, atol=1e-5 * float(peer.max()))


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1"])
def test_maps_of_torchvisions_networks_are_those_of_captum(name):
    torch.manual_seed(0)
    net, images = getattr(torchvision.models, name)(num_classes=5), noise(1, hw=(64, 64))
    label = [int(net.eval()(images).argmax())]
    peer = captum(net, images, label)
    maps = maps_of("saliency", net, images, label)
    torch.testing.assert_close(maps, peer, rtol=1e-5, atol=1e-5 * float(peer.max()))


def test_smoothing_is_a_gaussian_of_a_fraction_of_the_longer_side():
    ndimage = pytest.importorskip("scipy.ndimage")
    sharp = maps_of("saliency", ALL_NETS[0](), noise(), LABELS)
    smooth = maps_of("saliency", ALL_NETS[0](), noise(), LABELS, sigma=0.02)
    expected = ndimage.gaussian_filter(sharp.numpy(), (0, 1.92, 1.92), mode="nearest")
    torch.testing.assert_close(smooth, torch.from_numpy(expected), rtol=1e-4, atol=1e-6)


def test_other_reductions_are_refused():
    with pytest.raises(OptionError, match=r"expected a reduction of max-abs, .*but got 'mean'"):
        maps_of("saliency", HandNet(), torch.ones(1, 3, 2, 2), [0], reduction="mean")
