import pytest
import torch
import torchvision
from reference import peers
from reference.nets import (
    ChannelsLastNet,
    ClassMapNet,
    GapNet,
    HandNet,
    InplaceReluNet,
    NormHeadNet,
    TinyVit,
    VggNet,
)
from reference.passes import maps_of, noise

LABELS = [4, 0, 2]
NETS = [VggNet, NormHeadNet, ClassMapNet, ChannelsLastNet, TinyVit]
# float32 sums of some hundred products in another order; peers sum in NumPy
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


def test_by_hand():
    image = torch.tensor([[[1.0, 2], [3, 4]], [[0, -1], [5, 8]], [[7, 7], [7, 7]]])[None]
    assert maps_of("gradcam", HandNet(), image, [0]).tolist() == [[[0.5, 1.25], [0.25, 0]]]
    assert maps_of("gradcam", HandNet(), image, [1]).tolist() == [[[0, 0], [0, 0]]]


@pytest.mark.parametrize("net", [GapNet, ChannelsLastNet, InplaceReluNet, HandNet])
def test_on_gap_nets_it_is_cam_over_the_number_of_pixels(net):
    labels = [0, 1, 1]
    cam = maps_of("cam", net(), noise(), labels)
    maps = maps_of("gradcam", net(), noise(), labels)
    pixels = cam.shape[1] * cam.shape[2]
    torch.testing.assert_close(maps * pixels, cam.relu(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("peer", [peers.pytorch_grad_cam, peers.torchcam])
def test_raw_maps_are_those_of_the_peers(net, peer):
    maps = maps_of("gradcam", net(), noise(), LABELS)
    torch.testing.assert_close(maps, peer("GradCAM", net(), noise(), LABELS), **CLOSE)


def test_behind_an_in_place_relu_it_is_torchcams():
    """pytorch-grad-cam averages gradients that the ReLU has masked, so its maps are no CAM here."""
    maps = maps_of("gradcam", InplaceReluNet(), noise(), LABELS)
    peer = peers.torchcam("GradCAM", InplaceReluNet(), noise(), LABELS)
    torch.testing.assert_close(maps, peer, **CLOSE)


def test_raw_maps_are_those_of_captum():
    maps = maps_of("gradcam", VggNet(), noise(), LABELS)
    torch.testing.assert_close(maps, peers.captum(VggNet(), noise(), LABELS), **CLOSE)


@pytest.mark.parametrize("peer", [peers.pytorch_grad_cam, peers.torchcam])
def test_raw_maps_of_a_resnet_are_those_of_the_peers(peer):
    torch.manual_seed(0)
    net, images = torchvision.models.resnet18(num_classes=5), noise(hw=(96, 64))
    maps = maps_of("gradcam", net, images, LABELS)
    torch.testing.assert_close(maps, peer("GradCAM", net, images, LABELS), **CLOSE)


def test_another_layer_can_be_named():
    assert maps_of("gradcam", GapNet(), noise(), LABELS, layers="stem").shape == (3, 16, 24)
