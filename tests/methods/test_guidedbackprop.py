"""Guided backpropagation and the deconvnet: one rule each, tested side by side."""

import warnings

import pytest
import torch
import torchvision
from reference import peer_passes
from reference.nets import ClassMapNet, GapNet, HandNet, InplaceReluNet, VggNet
from reference.passes import maps_of, noise
from torch import nn
from torch.nn import functional

from wsolbench.errors import UnsupportedError

LABELS = [4, 0, 2]
PEERS = {"guidedbackprop": "GuidedBackprop", "deconvnet": "Deconvolution"}
RELUS = {
    "module": nn.ReLU(),
    "in place": nn.ReLU(inplace=True),
    "function": functional.relu,
    "function in place": lambda x: functional.relu(x, inplace=True),
    "torch": torch.relu,
    "method": lambda x: x.relu(),
    "method in place": lambda x: x.relu_(),
    "in place, result dropped": lambda x: (functional.relu_(x), x)[1],
    "6": nn.ReLU6(),
    "6 in place": nn.ReLU6(inplace=True),
    "function 6": functional.relu6,
}


class ReluNet(nn.Module):
    """Logits are sums of ``ReLU(red - green)`` and ``-ReLU(red - green)``."""

    def __init__(self, relu) -> None:
        super().__init__()
        self.relu, self.fc = relu, nn.Linear(1, 2, bias=False)
        self.pick = nn.Conv2d(3, 1, 1, bias=False)
        self.pick.weight.data = torch.tensor([1.0, -1, 0]).reshape(1, 3, 1, 1)
        self.fc.weight.data = torch.tensor([[4.0], [-4.0]])

    def forward(self, images):
        return self.fc(self.relu(self.pick(images)).mean((2, 3)))


@pytest.mark.parametrize("relu", RELUS.values(), ids=RELUS)
def test_every_kind_of_relu_by_hand(relu):
    image = torch.zeros(1, 3, 2, 2)
    image[0, 0] = torch.tensor([[1.0, 2], [-1, -2]])  # the ReLU is open in the upper row
    expected = {
        ("guidedbackprop", 0): [[1, 1], [0, 0]],
        ("guidedbackprop", 1): [[0, 0], [0, 0]],
        ("deconvnet", 0): [[1, 1], [1, 1]],
        ("deconvnet", 1): [[0, 0], [0, 0]],
        ("saliency", 1): [[1, 1], [0, 0]],
    }
    for (name, label), saliency in expected.items():
        assert maps_of(name, ReluNet(relu), image, [label]).tolist() == [saliency]


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("net", [VggNet, ClassMapNet])
def test_maps_are_those_of_captum(name, net):
    peer = captum(name, net(), noise(), LABELS)
    maps = maps_of(name, net(), noise(), LABELS)
    torch.testing.assert_close(maps, peer, rtol=1e-5, atol=1e-5 * float(peer.max() + 1e-6))


def captum(name, net, images, labels):
    return peer_passes.captum(PEERS[name], net, images, labels).abs().amax(1)


@pytest.mark.parametrize("net", [VggNet, ClassMapNet])
def test_guided_maps_are_those_of_pytorch_grad_cam(net):
    """Only for ReLUs that are modules and not in place."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library = pytest.importorskip("pytorch_grad_cam.guided_backprop")
    image = noise(1)
    peer = library.GuidedBackpropReLUModel(net(), device="cpu")(image.clone(), target_category=2)
    expected = torch.from_numpy(peer).abs().amax(2)[None]
    maps = maps_of("guidedbackprop", net(), image, [2])
    torch.testing.assert_close(maps, expected, rtol=1e-5, atol=1e-5 * float(expected.max() + 1e-6))


@pytest.mark.parametrize("name", PEERS)
def test_maps_of_squeezenet_are_those_of_captum(name):
    torch.manual_seed(0)
    net, image = torchvision.models.squeezenet1_1(num_classes=5), noise(1, hw=(64, 64))
    label = [int(net.eval()(image).argmax())]
    maps, peer = maps_of(name, net, image, label), captum(name, net, image, label)
    torch.testing.assert_close(maps, peer, rtol=1e-5, atol=1e-5 * float(peer.max()))


class Guided(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.relu()

    @staticmethod
    def backward(ctx, gradient):
        return gradient.relu() * (ctx.saved_tensors[0] > 0)


class Deconvnet(torch.autograd.Function):
    @staticmethod
    def forward(_, x):
        return x.relu()

    @staticmethod
    def backward(_, gradient):
        return gradient.relu()


@pytest.mark.parametrize(("name", "relu"), [("guidedbackprop", Guided), ("deconvnet", Deconvnet)])
@pytest.mark.parametrize("net", [GapNet, InplaceReluNet])
def test_functions_and_modules_used_twice_follow_the_rule(name, relu, net):
    """Written out; captum asks for ReLUs that are modules, each used once."""
    inner, images = net().eval(), noise().requires_grad_()
    if net is GapNet:
        convolution, norm, _ = inner.stem
        features = relu.apply(relu.apply(norm(convolution(images))))
        maps = relu.apply(inner.conv(features) + features)
        logits = inner.fc(maps.mean((2, 3)))
    else:
        (convolution, norm, _), *rest = inner.features
        features = nn.Sequential(*rest)(relu.apply(norm(convolution(images))))
        logits = inner.classifier(relu.apply(features).mean((2, 3)))
    (gradient,) = torch.autograd.grad(logits[range(3), LABELS].sum(), images)
    expected = gradient.abs().amax(1)
    maps = maps_of(name, net(), noise(), LABELS)
    torch.testing.assert_close(maps, expected, rtol=1e-5, atol=1e-5 * float(expected.max()))


@pytest.mark.parametrize("name", PEERS)
def test_without_relu_it_is_saliency(name):
    maps = maps_of(name, HandNet(), noise(), [0, 1, 1])
    assert maps.equal(maps_of("saliency", HandNet(), noise(), [0, 1, 1]))


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_networks_with_compiled_parts_are_refused(name):
    net = VggNet().eval()
    net.features = torch.jit.trace(net.features, noise(2))
    with pytest.raises(UnsupportedError, match="is compiled by torch"):
        maps_of(name, net, noise(2), [0, 1])
