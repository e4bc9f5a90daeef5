import pytest
import torch
import torchvision
from reference.nets import GapNet, HandNet, TinyVit, VggNet
from reference.passes import maps_of, noise

from wsolbench.errors import OptionError

LABELS = [4, 0, 2]


def test_by_hand():
    """Every pixel alone: what it adds to the logit of weights 2 and -1 over 4 pixels."""
    image = torch.tensor([[[1.0, 2], [3, 4]], [[0, -1], [5, 8]], [[7, 7], [7, 7]]])[None]
    maps = maps_of("occlusion", HandNet(), image, [0], patch=0.5, stride=0.5)
    torch.testing.assert_close(maps, (2 * image[:, 0] - image[:, 1]) / 4)


def captum(net, images, labels, patch, stride):
    library = pytest.importorskip("captum.attr")
    maps = library.Occlusion(net.eval()).attribute(
        images, (3, *patch), strides=(3, *stride), target=labels, perturbations_per_eval=1
    )
    return maps[:, 0]


@pytest.mark.parametrize("net", [GapNet, VggNet, TinyVit])
def test_maps_are_those_of_captum(net):
    peer = captum(net(), noise(), LABELS, (16, 24), (8, 12))
    maps = maps_of("occlusion", net(), noise(), LABELS, patch=0.25, stride=0.125)
    torch.testing.assert_close(maps, peer, rtol=1e-5, atol=1e-5 * float(peer.abs().max()))


def test_patches_that_do_not_fit_are_cut_off_as_in_captum():
    images = noise(1, hw=(63, 80))
    peer = captum(GapNet(), images, [4], (25, 32), (19, 24))
    maps = maps_of("occlusion", GapNet(), images, [4], patch=0.4, stride=0.3)
    torch.testing.assert_close(maps, peer, rtol=1e-5, atol=1e-5 * float(peer.abs().max()))


def test_maps_of_a_resnet_are_those_of_captum():
    torch.manual_seed(0)
    net, images = torchvision.models.resnet18(num_classes=5), noise(1, hw=(64, 64))
    peer = captum(net, images, [4], (32, 32), (16, 16))
    maps = maps_of("occlusion", net, images, [4], patch=0.5, stride=0.25)
    torch.testing.assert_close(maps, peer, rtol=1e-5, atol=1e-5 * float(peer.abs().max()))


@pytest.mark.parametrize("options", [{"stride": 0.5}, {"patch": 2.0}, {"stride": 0.0}])
def test_other_options_are_refused(options):
    with pytest.raises(OptionError, match="0 < stride <= patch <= 1"):
        maps_of("occlusion", GapNet(), noise(1), [0], **options)
