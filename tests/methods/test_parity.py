"""Raw maps against those of the peers, on the networks of torchvision with random weights."""

from functools import cache

import pytest
import torch
from reference import peers
from reference.nets import VggNet, real_net
from reference.passes import maps_of, noise
from torch import nn

LABELS = [4, 0]
NETS = ["resnet18", "vgg11_bn", "densenet121", "mobilenet_v2", "squeezenet1_1", "vit", "swin"]
SIGN_LEFT_OPEN = {"eigencam", "eigengradcam", "kpcacam"}
# What ours and theirs are called, our options, theirs, and how loud the logits are: epsilons of the
# peers must not count.
TABLE = [
    ("gradcam", "GradCAM", {}, {}, 1),
    ("gradcampp", "GradCAMPlusPlus", {}, {}, 1e4),
    ("xgradcam", "XGradCAM", {}, {}, 1),
    ("hirescam", "HiResCAM", {}, {}, 1),
    ("gradcam-elementwise", "GradCAMElementWise", {}, {}, 1),
    ("layercam", "LayerCAM", {}, {}, 1),
    ("eigencam", "EigenCAM", {"centered": True}, {}, 1),
    ("eigengradcam", "EigenGradCAM", {}, {}, 1),
    ("kpcacam", "KPCA_CAM", {}, {}, 1),
    ("fem", "FEM", {}, {}, 1),
]
# Ours read DenseNet's maps behind the ReLU that belongs to its head; theirs average gradients that
# this ReLU has masked. Where gradients are multiplied by the maps pixel by pixel it is the same.
BEYOND_RELU = {"gradcam", "gradcampp"}


class Loud(nn.Module):
    def __init__(self, net, factor):
        super().__init__()
        self.net, self.factor = net, factor

    def forward(self, images):
        return self.net(images) * self.factor


@cache
def images():
    return noise(2, (96, 96)).double()


@cache
def net_of(name):
    return real_net(name, images())


def assert_same(ours, theirs, sign_left_open=False):
    theirs = theirs.to(ours)
    if sign_left_open:
        ours = ours * (ours * theirs).sum((1, 2), keepdim=True).sign()
    assert theirs.abs().max() > 0
    # sums of some thousand products in another order, maps of float32
    assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize(("ours", "theirs", "options", "their_options", "factor"), TABLE)
def test_pytorch_grad_cam(net, ours, theirs, options, their_options, factor):
    if net == "densenet121" and ours in BEYOND_RELU:
        pytest.skip("theirs are masked by a ReLU there")
    loud, open_sign = Loud(net_of(net), factor), ours in SIGN_LEFT_OPEN
    signed = open_sign or ours == "fem"
    maps = maps_of(ours, loud, images(), LABELS, **options)
    peer = peers.pytorch_grad_cam(theirs, loud, images(), LABELS, signed=signed, **their_options)
    assert_same(maps, peer, open_sign)


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize(
    ("ours", "theirs"), [("gradcam", "GradCAM"), ("xgradcam", "XGradCAM"), ("layercam", "LayerCAM")]
)
def test_torchcam(net, ours, theirs):
    if net == "densenet121" and ours in BEYOND_RELU:
        pytest.skip("theirs are masked by a ReLU there")
    maps = maps_of(ours, net_of(net), images(), LABELS)
    assert_same(maps, peers.torchcam(theirs, net_of(net), images(), LABELS))


def test_gradcampp_of_torchcam_loses_its_denominators():
    """It divides a copy, so that its weights are sums of cubed gradients: none to agree with."""
    net = net_of("resnet18")
    kept = []
    handle = net.layer4.register_forward_hook(lambda *a: kept.append(a[2]))
    scores = net(images())
    handle.remove()
    (gradients,) = torch.autograd.grad(scores[range(2), LABELS].sum(), kept)
    weights = gradients.relu().pow(3).sum((2, 3), keepdim=True)
    theirs = peers.torchcam("GradCAMpp", net, images(), LABELS)
    assert_same((weights * kept[0]).sum(1).relu().detach(), theirs)


@pytest.mark.parametrize("net", ["resnet18", "vgg11_bn", "mobilenet_v2", "squeezenet1_1"])
def test_shapleycam_of_pytorch_grad_cam(net):
    """On transformers theirs fails (it detaches views in place)."""
    maps = maps_of("shapleycam", net_of(net), images(), LABELS)
    assert_same(maps, peers.pytorch_grad_cam("ShapleyCAM", net_of(net), images(), LABELS))


def test_shapleycam_of_pytorch_grad_cam_where_there_is_curvature():
    net = VggNet().double()
    net.classifier[1] = nn.GELU()
    maps = maps_of("shapleycam", net, images(), LABELS)
    assert_same(maps, peers.pytorch_grad_cam("ShapleyCAM", net, images(), LABELS))
    with pytest.raises(AssertionError):
        assert_same(maps, maps_of("gradcam", net, images(), LABELS))


@pytest.mark.parametrize("net", NETS)
def test_finercam_of_torchcam(net):
    if net == "densenet121":
        pytest.skip("theirs are masked by a ReLU there")
    maps = maps_of("finercam", net_of(net), images(), LABELS)
    assert_same(maps, peers.finercam(net_of(net), images(), LABELS))


@pytest.mark.parametrize("net", NETS)
def test_fullgrad_of_pytorch_grad_cam(net):
    maps = maps_of("fullgrad", net_of(net), images(), LABELS, scale="channel")
    assert_same(maps, peers.fullgrad(net_of(net), images().clone(), LABELS))
