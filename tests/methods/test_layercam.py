import pytest
import torch
import torchvision
from reference import peers
from reference.nets import (
    ChannelsLastNet,
    ClassMapNet,
    HandNet,
    InplaceReluNet,
    NormHeadNet,
    TinyVit,
    VggNet,
)
from reference.passes import maps_of, noise

from wsolbench.errors import OptionError

LABELS = [4, 0, 2]
NETS = [VggNet, NormHeadNet, ClassMapNet, ChannelsLastNet, TinyVit]
# float32 sums of some hundred products in another order; peers sum in NumPy
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


def test_by_hand():
    image = torch.tensor([[[1.0, 2], [3, 4]], [[0, -1], [5, 8]], [[7, 7], [7, 7]]])[None]
    # only the first channel has a positive weight, 2 over 4 pixels
    assert maps_of("layercam", HandNet(), image, [0]).tolist() == [[[0.5, 1], [1.5, 2]]]
    assert maps_of("layercam", HandNet(), image, [1]).tolist() == [[[0, 0], [0, 0]]]


@pytest.mark.parametrize("net", [*NETS, InplaceReluNet])
@pytest.mark.parametrize("peer", [peers.pytorch_grad_cam, peers.torchcam])
def test_raw_maps_are_those_of_the_peers(net, peer):
    maps = maps_of("layercam", net(), noise(), LABELS)
    torch.testing.assert_close(maps, peer("LayerCAM", net(), noise(), LABELS), **CLOSE)


@pytest.mark.parametrize("peer", [peers.pytorch_grad_cam, peers.torchcam])
def test_raw_maps_of_a_resnet_are_those_of_the_peers(peer):
    torch.manual_seed(0)
    net, images = torchvision.models.resnet18(num_classes=5), noise(hw=(96, 64))
    maps = maps_of("layercam", net, images, LABELS)
    torch.testing.assert_close(maps, peer("LayerCAM", net, images, LABELS), **CLOSE)


@pytest.mark.parametrize("fusion", ["max", "mean"])
def test_several_layers_are_fused_at_the_finest(fusion):
    torch.manual_seed(0)
    net, images = torchvision.models.resnet18(num_classes=5), noise(hw=(96, 64))
    singly = [
        maps_of("layercam", net, images, LABELS, layers=layer) for layer in ("layer3", "layer4")
    ]
    scaled = [maps / maps.amax((1, 2), keepdim=True) for maps in singly]
    coarse = torch.nn.functional.interpolate(scaled[1][:, None], (6, 4), mode="bilinear")[:, 0]
    stack = torch.stack([scaled[0], coarse])
    expected = stack.amax(0) if fusion == "max" else stack.mean(0)
    fused = maps_of("layercam", net, images, LABELS, layers="layer3+layer4", fusion=fusion)
    torch.testing.assert_close(fused, expected, **CLOSE)


def test_maps_of_zeros_stay_zeros_when_fused():
    image = torch.ones(1, 3, 2, 2)
    fused = maps_of("layercam", HandNet(), image, [1], layers="pick+pick")
    assert fused.tolist() == [[[0, 0], [0, 0]]]


def test_other_fusions_are_refused():
    with pytest.raises(OptionError, match="'max' or 'mean', but got 'sum'"):
        maps_of("layercam", HandNet(), torch.ones(1, 3, 2, 2), [1], fusion="sum")


def test_the_flower_study_can_be_expressed():
    torch.manual_seed(0)
    net, images = torchvision.models.resnet18(num_classes=5), noise(hw=(96, 64))
    layers = ("layer2", "layer3", "layer4")
    singly = [maps_of("layercam", net, images, LABELS, layers=layer) for layer in layers]
    resized = [
        torch.nn.functional.interpolate(
            (maps / maps.amax((1, 2), keepdim=True))[:, None], (12, 8), mode="bilinear"
        )[:, 0]
        for maps in singly
    ]
    options = {"layers": "+".join(layers), "fusion": "mean", "weights": "0.4+0.4+0.2"}
    fused = maps_of("layercam", net, images, LABELS, **options)
    expected = 0.4 * resized[0] + 0.4 * resized[1] + 0.2 * resized[2]
    torch.testing.assert_close(fused, expected, **CLOSE)


def test_tanh_scales_each_map():
    image = torch.tensor([[[1.0, 2], [3, 4]], [[0, -1], [5, 8]], [[7, 7], [7, 7]]])[None]
    (maps,) = maps_of("layercam", HandNet(), image, [0], tanh=2.0)
    torch.testing.assert_close(maps, (image[0, 0] / 2).tanh())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": "1+1", "fusion": "mean"}, "to be 1 numbers joined by"),
        ({"weights": "-1", "fusion": "mean"}, "not negative, but got '-1'"),
        ({"weights": "much", "fusion": "mean"}, "but got 'much'"),
        ({"weights": "1"}, "go with fusion=mean"),
    ],
)
def test_wrong_weights_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        maps_of("layercam", HandNet(), torch.ones(1, 3, 2, 2), [1], **options)
