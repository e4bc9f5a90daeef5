import pytest
import torch
from reference import peer_passes
from reference.nets import ALL_NETS, GapNet, HandNet, TinyVit
from reference.passes import maps_of, noise

from wsolbench.errors import OptionError
from wsolbench.models import as_classifier

LABELS = [4, 0, 2]


def test_by_hand():
    """A linear network: image times gradient, whatever the steps."""
    image = torch.tensor([[[1.0, 2], [3, 4]], [[0, -1], [5, 8]], [[7, 7], [7, 7]]])[None]
    expected = ((2 * image[:, 0] - image[:, 1]) / 4).abs()
    maps = maps_of("integratedgradients", HandNet(), image, [0], steps=2)
    torch.testing.assert_close(maps, expected)


@pytest.mark.parametrize("net", ALL_NETS)
def test_maps_are_those_of_captum(net):
    image, label = noise(1, hw=(32, 48)), [2]
    peer = peer_passes.captum("IntegratedGradients", net(), image, label, n_steps=16).sum(1)
    maps = maps_of("integratedgradients", net(), image, label, steps=16, reduction="sum")
    torch.testing.assert_close(maps, peer, rtol=1e-5, atol=1e-5 * float(peer.abs().max()))


@pytest.mark.parametrize("baseline", ["mean", "black"])
def test_the_sum_over_pixels_is_the_gain_over_the_blank_image(baseline):
    net = TinyVit().eval()
    classifier = as_classifier(net, input_hw=(64, 96))
    blank = torch.zeros_like(noise())
    if baseline == "black":
        blank -= (torch.tensor(classifier.mean) / torch.tensor(classifier.std))[:, None, None]
    gain = (net(noise()) - net(blank)).detach()[range(3), LABELS]
    options = {"steps": 50, "reduction": "sum", "baseline": baseline}
    maps = maps_of("integratedgradients", net, noise(), LABELS, **options)
    torch.testing.assert_close(maps.sum((1, 2)), gain, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("options", [{"steps": 0}, {"baseline": "white"}])
def test_other_options_are_refused(options):
    with pytest.raises(OptionError, match="steps of integratedgradients"):
        maps_of("integratedgradients", GapNet(), noise(1), [0], **options)
