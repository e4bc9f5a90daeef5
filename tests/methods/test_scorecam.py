import pytest
import torch
import torchvision
from reference import peer_passes, peers
from reference.nets import (
    ChannelsLastNet,
    ClassMapNet,
    GapNet,
    HandNet,
    NormHeadNet,
    TinyVit,
    VggNet,
)
from reference.passes import maps_of, noise

from wsolbench.errors import OptionError

LABELS = [4, 0, 2]
NETS = [GapNet, VggNet, NormHeadNet, ClassMapNet, ChannelsLastNet, TinyVit]
TORCHCAM = {"align_corners": False, "normalise": "before"}
# float32 sums of some hundred products in another order; peers sum in NumPy
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


def test_by_hand():
    """Masks: the first channel on a scale of 0 to 1, and nothing for the second, constant one."""
    image = torch.tensor([[[0.0, 3]], [[5, 5]], [[7, 7]]])[None]
    (saliency,) = maps_of("scorecam", HandNet(), image, [0])
    # seen through the first: red 0, 3 and green 0, 5: 2 * 1.5 - 2.5 + 10; through nothing: 10
    weights = torch.tensor([10.5, 10]).softmax(0)
    expected = weights[0] * torch.tensor([[0.0, 3]]) + weights[1] * 5
    torch.testing.assert_close(saliency, expected, **CLOSE)


@pytest.mark.parametrize("net", NETS[1:])
def test_raw_maps_are_those_of_pytorch_grad_cam(net):
    """Not GapNet, whose last ReLU runs twice: pytorch-grad-cam takes its first maps."""
    images = noise(hw=(32, 48))
    peer = peer_passes.pytorch_grad_cam("ScoreCAM", net(), images, LABELS)
    torch.testing.assert_close(maps_of("scorecam", net(), images, LABELS), peer, **CLOSE)


@pytest.mark.parametrize("net", NETS)
def test_raw_maps_are_those_of_torchcam(net):
    images = noise(hw=(32, 48))
    peer = peers.torchcam("ScoreCAM", net(), images, LABELS)
    torch.testing.assert_close(
        maps_of("scorecam", net(), images, LABELS, **TORCHCAM), peer, **CLOSE
    )


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1"])
def test_raw_maps_of_torchvisions_networks_are_those_of_the_peers(name):
    torch.manual_seed(0)
    net, images = getattr(torchvision.models, name)(num_classes=5), noise(1, hw=(48, 64))
    for peer, options in ((peer_passes.pytorch_grad_cam, {}), (peers.torchcam, TORCHCAM)):
        maps = maps_of("scorecam", net, images, [4], batch_size=32, **options)
        torch.testing.assert_close(maps, peer("ScoreCAM", net, images, [4]), **CLOSE)


def test_the_batch_size_changes_nothing():
    images = noise(hw=(32, 48))
    maps = [maps_of("scorecam", GapNet(), images, LABELS, batch_size=n) for n in (1, 3, 100)]
    torch.testing.assert_close(maps[0], maps[2], **CLOSE)
    torch.testing.assert_close(maps[1], maps[2], **CLOSE)


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"normalise": "never"}])
def test_other_options_are_refused(options):
    with pytest.raises(OptionError, match=next(iter(options))):
        maps_of("scorecam", GapNet(), noise(1), [0], **options)
