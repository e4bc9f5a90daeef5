import pytest
import torch
from reference.nets import GapNet, HandNet
from reference.passes import maps_of, noise

from wsolbench.errors import OptionError

IMAGE = torch.tensor([[[1.0, 2], [3, 4]], [[0, -1], [5, 8]], [[7, 7], [7, 7]]])[None]


def test_by_hand():
    # weights (2, -1) - .5 (-3, 0) over 4 pixels
    (maps,) = maps_of("finercam", HandNet(), IMAGE, [0], gamma=0.5)
    torch.testing.assert_close(maps, (3.5 * IMAGE[0, 0] - IMAGE[0, 1]).relu() / 4)


def test_without_subtraction_it_is_gradcam():
    labels = [4, 0, 2]
    maps = maps_of("finercam", GapNet(), noise(), labels, gamma=0.0)
    torch.testing.assert_close(maps, maps_of("gradcam", GapNet(), noise(), labels))


@pytest.mark.parametrize("weights", ["mean", "softmax"])
def test_it_is_gradcam_of_the_closest_classes(weights):
    net, images = GapNet().eval(), noise()
    logits = net(images).detach()
    maps = maps_of("finercam", net, images, [0, 0, 0], references=2, weights=weights)
    for image, row in enumerate(logits):
        others = (row - row[0]).abs().argsort()[1:3]
        share = row[others].softmax(0) if weights == "softmax" else torch.full((2,), 0.5)
        features = net.relu(net.conv(f := net.stem(images[image : image + 1])) + f)
        rows = net.fc.weight[0] - 0.6 * share @ net.fc.weight[others]
        expected = torch.einsum("c,chw->hw", rows, features[0]).relu() / features[0, 0].numel()
        torch.testing.assert_close(maps[image], expected.detach(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("wrong", [{"references": 0}, {"weights": "sum"}])
def test_wrong_options_are_refused(wrong):
    with pytest.raises(OptionError, match="of finercam"):
        maps_of("finercam", HandNet(), IMAGE, [0], **wrong)
