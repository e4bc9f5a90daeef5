"""Excitation backprop, plain and contrastive."""

import pytest
import torch
from reference.nets import GapNet, NormHeadNet, TinyVit, VggNet
from reference.passes import maps_of, noise
from torch import nn

from wsolbench.errors import UnsupportedError
from wsolbench.excitation import finer_layer
from wsolbench.models import as_classifier, load_classifier

LABELS = [4, 0, 2]


class TwoLayers(nn.Module):
    """Colours, two positive units of them at every pixel, the mean, two classes."""

    def __init__(self) -> None:
        super().__init__()
        self.colours, self.relu = nn.Identity(), nn.ReLU(inplace=True)
        self.units, self.fc = nn.Conv2d(3, 2, 1), nn.Linear(2, 2)
        weight = torch.tensor([[1.0, 1, -1], [-1, 0, 2]])
        self.units.weight.data, self.units.bias.data = weight[..., None, None], torch.ones(2)
        self.fc.weight.data = torch.tensor([[1.0, 1], [-2.0, 0]])

    def forward(self, images):
        return self.fc(self.relu(self.units(self.colours(images))).mean((2, 3)))


IMAGE = torch.tensor([[[2.0, 0]], [[4, 0]], [[0, 3]]])[None]  # two pixels: orange and blue


def test_by_hand():
    """Units after ReLU: (7, 0) at the first pixel and (0, 7) at the second; means 3.5 and 3.5."""
    (maps,) = maps_of("ebp", TwoLayers(), IMAGE, [0], layers="units")
    assert maps.tolist() == [[0.5, 0.5]]
    (maps,) = maps_of("ebp", TwoLayers(), IMAGE, [1], layers="units")
    assert maps.tolist() == [[0, 0]]  # nothing excites the second class
    (maps,) = maps_of("contrastive-ebp", TwoLayers(), IMAGE, [0], layers="units")
    assert maps.tolist() == [[0.5, 0.5]]  # nothing excites its opposite


def test_contrast_by_hand():
    """The opposite of weights 3 and 1 wins nothing; that of 1 and -1 the second pixel."""
    net = TwoLayers()
    net.fc.weight.data = torch.tensor([[3.0, 1], [1, -1]])
    for name in ("ebp", "contrastive-ebp"):
        for label, expected in ((0, [0.75, 0.25]), (1, [1, 0])):
            (maps,) = maps_of(name, net, IMAGE, [label], layers="units")
            assert maps[0].tolist() == pytest.approx(expected)
    net.fc.weight.data = torch.tensor([[3.0, -1], [1, 1]])
    (maps,) = maps_of("contrastive-ebp", net, IMAGE, [0], layers="units")
    assert maps[0].tolist() == pytest.approx([1, 0])  # (1, 0) less (0, 1), cut off at zero


def by_loops(net, image, label):
    """Winning probabilities below the stem's ReLU of GapNet, by the definition."""
    with torch.no_grad():
        net = net.eval()
        below = net.stem(image)[0]
        out = net.conv(below[None])[0]
        top = (out + below).relu()
        fc = net.fc.weight[label].clamp(min=0)
        share = fc[:, None, None] * top
        share = share / share.sum()
        branch, skip = out.clamp(min=0), below
        through = share * torch.where(branch + skip > 0, branch / (branch + skip), 0)
        found = share * torch.where(branch + skip > 0, skip / (branch + skip), 0)
        weight = net.conv.weight.clamp(min=0)
        channels, height, width = below.shape
        for c in range(channels):
            for y in range(height):
                for x in range(width):
                    near = [
                        (i, y + dy, x + dx, weight[c, i, dy + 1, dx + 1] * below[i, y + dy, x + dx])
                        for i in range(channels)
                        for dy in (-1, 0, 1)
                        for dx in (-1, 0, 1)
                        if 0 <= y + dy < height and 0 <= x + dx < width
                    ]
                    total = sum(term for *_, term in near)
                    for i, yy, xx, term in near:
                        if total > 0:
                            found[i, yy, xx] += through[c, y, x] * term / total
        return found.sum(0)


def test_a_residual_network_is_what_the_definition_gives():
    image = noise(1, hw=(16, 24))
    (maps,) = maps_of("ebp", GapNet(), image, [2], layers="stem")
    torch.testing.assert_close(maps, by_loops(GapNet(), image, 2), rtol=1e-4, atol=1e-6)


def test_batch_normalisation_is_one_with_its_convolution():
    """The same network with folded weights gives the same shares."""
    net = VggNet().eval()
    features = nn.Sequential(net.features[:2], nn.Conv2d(8, 8, 3, bias=False), nn.BatchNorm2d(8))
    features[2].running_mean.normal_(), features[2].running_var.uniform_(0.5, 2)
    features[2].weight.data.normal_()
    net.features = nn.Sequential(*features, nn.ReLU(), nn.MaxPool2d(2))
    net.eval().requires_grad_(False)
    before = maps_of("ebp", net, noise(), LABELS, layers="features.0")
    fused = nn.utils.fuse_conv_bn_eval(net.features[1], net.features[2])
    net.features = nn.Sequential(net.features[0], fused, nn.ReLU(), nn.MaxPool2d(2))
    after = maps_of("ebp", net, noise(), LABELS, layers="features.0")
    torch.testing.assert_close(before, after, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["ebp", "contrastive-ebp"])
def test_in_place_sums_and_relus_are_the_same(name):
    class Apart(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = GapNet()

        def forward(self, images):
            features = self.net.stem(images).relu()
            maps = (self.net.conv(features) + features).relu()
            return self.net.fc(maps.mean((2, 3)))

    one = maps_of(name, GapNet(), noise(), LABELS, layers="stem")
    other = maps_of(name, Apart(), noise(), LABELS, layers="net.stem")
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ["resnet18", "vgg11", "squeezenet1_1", "densenet121", "digit-net"])
def test_real_networks_hand_down_probabilities(name):
    classifier = load_classifier(name, num_classes=5, weights="none", input_hw=(64, 64))
    target = classifier.layer(classifier.target_layer).grid_hw
    assert classifier.layer(finer_layer(classifier)).grid_hw[0] > target[0]
    maps = maps_of("ebp", classifier.module, noise(1, hw=(64, 64)), [2])
    assert maps.min() >= 0
    assert 0 < float(maps.sum()) <= 1 + 1e-4


@pytest.mark.parametrize("net", [NormHeadNet, TinyVit])
def test_networks_without_rules_are_refused(net):
    as_classifier(net(), input_hw=(64, 96))
    with pytest.raises(UnsupportedError, match="no rule for layer_norm"):
        maps_of("ebp", net(), noise(), LABELS)
