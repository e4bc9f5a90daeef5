import pytest
import torch
import torchvision
from reference import peer_passes
from reference.nets import (
    ALL_NETS,
    LINEAR_NETS,
    ClassMapNet,
    GapNet,
    HandNet,
    NormHeadNet,
    VggNet,
)
from reference.passes import maps_of, noise

from wsolbench.models import as_classifier

LABELS = [4, 0, 2]
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


def test_by_hand():
    """Means 2.5 and 3 (weights 2, -1, bias 10): logit 12; 5 and -3 are lost with the channels."""
    image = torch.tensor([[[1.0, 2], [3, 4]], [[0, -1], [5, 8]], [[7, 7], [7, 7]]])[None]
    expected = (5 * image[:, 0] - 3 * image[:, 1]).relu() / 12
    maps = maps_of("ablationcam", HandNet(), image, [0])
    torch.testing.assert_close(maps, expected, **CLOSE)


@pytest.mark.parametrize("net", LINEAR_NETS)
def test_the_closed_form_is_what_passes_give(net):
    closed, passes = (
        maps_of("ablationcam", net(), noise(), LABELS, closed_form=c) for c in (True, False)
    )
    torch.testing.assert_close(closed, passes, rtol=2e-5, atol=2e-5 * float(passes.max()))


@pytest.mark.parametrize("net", [net for net in ALL_NETS if net is not GapNet])
def test_passes_are_a_loop_over_channels(net):
    """The same weights from a hook that zeroes one channel at a time (GapNet: above)."""
    module, image = net().eval(), noise(1)
    classifier = as_classifier(module, input_hw=(64, 96))
    layer, logit = classifier.layer(classifier.target_layer), module(image)[0, 2].item()
    axis, lost = 1 if layer.layout == "maps" else -1, []
    for channel in range(layer.channels):

        def zero(_, __, output, channel=channel):
            output = output.relu() if layer.rectified else output.clone()
            output.select(axis, channel).zero_()
            return output

        part = module.get_submodule(layer.name)
        hook = part.register_forward_hook(zero)
        lost.append(logit - module(image)[0, 2].item())
        hook.remove()
    kept = {}
    part.register_forward_hook(lambda _, __, output: kept.update(maps=output.detach().clone()))
    module(image)
    maps = layer.to_maps(kept["maps"].relu() if layer.rectified else kept["maps"], (64, 96))
    expected = torch.einsum("c,chw->hw", torch.tensor(lost) / logit, maps[0]).relu()
    (ours,) = maps_of("ablationcam", net(), image, [2], closed_form=False, batch_size=3)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5 * float(expected.max() + 1e-6))


@pytest.mark.parametrize("net", [VggNet, NormHeadNet, ClassMapNet])
def test_raw_maps_are_those_of_pytorch_grad_cam(net):
    peer = peer_passes.pytorch_grad_cam("AblationCAM", net(), noise(), LABELS)
    torch.testing.assert_close(
        maps_of("ablationcam", net(), noise(), LABELS, closed_form=False),
        peer,
        rtol=1e-5,
        atol=1e-5 * float(peer.max()),
    )


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1"])
@pytest.mark.parametrize("closed_form", [True, False])
def test_raw_maps_of_torchvisions_networks_are_those_of_pytorch_grad_cam(name, closed_form):
    torch.manual_seed(0)
    net, images = getattr(torchvision.models, name)(num_classes=5), noise(1, hw=(48, 64))
    label = int(net.eval()(images)[0].argmax())  # of others SqueezeNet's logit may be zero
    maps = maps_of("ablationcam", net, images, [label], closed_form=closed_form)
    peer = peer_passes.pytorch_grad_cam("AblationCAM", net, images, [label])
    torch.testing.assert_close(maps, peer, rtol=1e-4, atol=2e-5 * float(peer.max()))
