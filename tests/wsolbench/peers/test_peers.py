"""Methods of other libraries: found by prefix, well behaved, and with the maps that they make."""

import sys

import pytest
import torch
from reference.nets import ChannelsLastNet, ClassMapNet, GapNet, TinyVit, VggNet
from reference.passes import maps_of, noise

from wsolbench._method_checks import _behaviour_findings
from wsolbench.errors import OptionError, UnknownNameError, UnsupportedError, UsageError
from wsolbench.forward import run_forward
from wsolbench.models import as_classifier
from wsolbench.peers import base, captum, gradcam, torchcam
from wsolbench.peers.counterparts import COUNTERPARTS
from wsolbench.registry import METHODS
from wsolbench.spec import Spec

LIBRARIES = (gradcam, torchcam, captum)
NAMES = [f"{one.PREFIX}:{name}" for one in LIBRARIES for name in one.names()]
TOKENS = ("torchcam:LeGrad",)
SLOW = ("grad-cam:SESS",)


def test_they_are_found_by_prefix_and_are_no_part_of_all():
    assert METHODS["grad-cam:GradCAM"] is METHODS["grad-cam:GradCAM"]
    assert "torchcam:LayerCAM" in METHODS
    assert not [name for name in METHODS if ":" in name]


@pytest.mark.parametrize("name", ["grad-cam:GradCam", "torchcam:Layercam", "captum:Salience"])
def test_unknown_ones_are_refused_with_close_matches(name):
    prefix = name.partition(":")[0]
    with pytest.raises(UnknownNameError, match=rf"unknown method of {prefix} .* Did you mean"):
        METHODS[name]
    assert name not in METHODS


def test_unknown_prefixes_are_plain_unknown_names():
    with pytest.raises(UnknownNameError, match="unknown method 'grad-com:GradCAM'"):
        METHODS["grad-com:GradCAM"]


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda one: one.PREFIX)
def test_library_that_is_not_installed_says_what_to_do(library, monkeypatch):
    for name in list(sys.modules):
        if name.partition(".")[0] in ("pytorch_grad_cam", "torchcam", "captum"):
            monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=r"not installed .* run `pip install wsolbench\[peers\]`"):
        library.resolve("GradCAM")


def test_cards_name_package_version_and_options():
    method = METHODS["torchcam:SmoothGradCAMpp"]
    assert (method.family, method.paper, method.cost) == ("peer", None, "backward")
    assert method.source.startswith("torchcam 0.")
    assert method.options == {"layers": None, "seed": 0, "num_samples": 4, "std": 0.3}
    spec = Spec.parse("torchcam:SmoothGradCAMpp(num_samples=2)")
    assert str(method.spec(spec.options)) == str(spec)
    with pytest.raises(OptionError, match="has no option 'samples'"):
        method.resolve({"samples": 2})


@pytest.mark.parametrize("name", [n for n in NAMES if n not in TOKENS + SLOW])
def test_each_behaves(name):
    """No hook, flag, gradient or random state left; neither batch nor order changes a map."""
    classifier = as_classifier(ClassMapNet().train(), input_hw=(32, 48))
    assert list(_behaviour_findings(METHODS[name], classifier, known=False)) == []


@pytest.mark.parametrize("name", TOKENS)
def test_each_behaves_on_tokens(name):
    net = _TorchvisionLike()
    classifier = as_classifier(net, input_hw=(32, 48))
    assert list(_behaviour_findings(METHODS[name], classifier, known=False)) == []


class _TorchvisionLike(torch.nn.Module):
    """What torch-cam asks of a vision transformer: encoder.ln, heads, blocks' self_attention."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        inner = TinyVit()
        self.patch, self.token, self.heads = inner.patch, inner.token, inner.head
        self.encoder = torch.nn.Module()
        self.encoder.layers, self.encoder.ln = inner.blocks, inner.norm
        for block in self.encoder.layers:
            block.self_attention = block.attention
            del block.attention
            block.__class__ = _Block

    def forward(self, images):
        patches = self.patch(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(images), -1, -1), patches], 1)
        return self.heads(self.encoder.ln(self.encoder.layers(tokens))[:, 0])


class _Block(torch.nn.Module):
    def forward(self, tokens):
        normed = self.norm1(tokens)
        tokens = tokens + self.self_attention(normed, normed, normed, need_weights=False)[0]
        return tokens + self.mlp(self.norm2(tokens))


@pytest.mark.parametrize(
    "name", ["grad-cam:GradCAM", "torchcam:GradCAM", "grad-cam:LayerCAM", "torchcam:LayerCAM"]
)
@pytest.mark.parametrize("net", [ClassMapNet, VggNet, ChannelsLastNet, TinyVit])
def test_raw_maps_are_ours_on_every_layout(name, net):
    images, ours = noise(), name.partition(":")[2].lower()
    theirs = maps_of(name, net(), images, [0, 3, 1])
    torch.testing.assert_close(theirs, maps_of(ours, net(), images, [0, 3, 1]))


def test_captum_grad_cam_is_ours_and_refuses_tokens():
    images = noise()
    ours = maps_of("gradcam", GapNet(), images, [0, 3, 1])
    torch.testing.assert_close(maps_of("captum:LayerGradCam", GapNet(), images, [0, 3, 1]), ours)
    with pytest.raises(UnsupportedError, match="not height and width"):
        maps_of("captum:LayerGradCam", TinyVit(), images, [0, 3, 1])


def test_a_layer_can_be_named_but_only_one():
    images = noise()
    maps = maps_of("torchcam:GradCAM", GapNet(), images, [0, 3, 1], layers="stem")
    assert not torch.equal(maps, maps_of("torchcam:GradCAM", GapNet(), images, [0, 3, 1]))
    with pytest.raises(OptionError, match="one layer here, but got 2: stem, relu"):
        maps_of("torchcam:GradCAM", GapNet(), images, [0, 3, 1], layers="stem+relu")


def test_networks_that_a_peer_cannot_serve_are_named():
    for name in ("torchcam:CAM", "torchcam:LeGrad"):
        with pytest.raises(UnsupportedError, match=f"^{name} needs"):
            maps_of(name, VggNet(), noise(), [0, 3, 1])


def test_noise_follows_the_seed_of_each_target():
    images = noise()
    once = maps_of("torchcam:SmoothGradCAMpp", GapNet(), images, [0, 3, 1])
    again = maps_of("torchcam:SmoothGradCAMpp", GapNet(), images, [0, 3, 1])
    other = maps_of("torchcam:SmoothGradCAMpp", GapNet(), images, [0, 3, 1], seed=1)
    assert once.equal(again)
    assert not once.equal(other)


def test_several_classes_of_an_image_are_repeated_images():
    classifier, images = as_classifier(GapNet(), input_hw=(64, 96)), noise(2)
    forward = run_forward(
        classifier, images, image_index=[0, 1, 1], labels=[0, 1, 2], keys=["a", "b", "c"]
    )
    maps = METHODS["grad-cam:GradCAM"].maps(forward)
    singly = maps_of("grad-cam:GradCAM", GapNet(), images[[0, 1, 1]], [0, 1, 2])
    torch.testing.assert_close(maps, singly)


def test_no_targets_give_no_maps():
    classifier = as_classifier(GapNet(), input_hw=(64, 96))
    forward = run_forward(classifier, noise(2), image_index=[], labels=[], keys=[])
    assert METHODS["grad-cam:GradCAM"].maps(forward).shape == (0, 1, 1)


def test_the_borrowed_network_shares_weights_and_nothing_else():
    net = GapNet().train()
    with base.borrowed(net) as other:
        assert other.fc.weight.data_ptr() == net.fc.weight.data_ptr()
        other(noise()).sum().backward()
        other.fc.register_forward_hook(lambda *_: None)
        other.relu = torch.nn.Identity()
        assert not other.training
    assert net.fc.weight.grad is None
    assert not net.fc._forward_hooks
    assert isinstance(net.relu, torch.nn.ReLU)
    assert net.relu.inplace
    assert net.training


def test_counterparts_name_peers_that_exist():
    for pair in COUNTERPARTS:
        spec = Spec.parse(pair.theirs)
        METHODS[spec.name].resolve(spec.options)
