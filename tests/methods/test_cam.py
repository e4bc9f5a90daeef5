import pytest
import torch
from reference.nets import LINEAR_NETS, ClassMapNet, HandNet, InplaceReluNet
from reference.passes import maps_of, noise

from wsolbench.models import as_classifier


def test_by_hand():
    image = torch.tensor([[[1.0, 2], [3, 4]], [[0, -1], [5, 8]], [[7, 7], [7, 7]]])[None]
    assert maps_of("cam", HandNet(), image, [0]).tolist() == [[[2, 5], [1, 0]]]
    assert maps_of("cam", HandNet(), image, [1]).tolist() == [[[-3, -6], [-9, -12]]]


@pytest.mark.parametrize("net", [net for net in LINEAR_NETS if net is not ClassMapNet])
def test_the_mean_of_the_map_is_the_logit_without_bias(net):
    net, labels = net().eval(), [4, 0, 2]
    head = as_classifier(net, input_hw=(64, 96)).head
    maps = maps_of("cam", net, noise(), labels)
    logits = net(noise()).detach()[range(3), labels]
    torch.testing.assert_close(maps.mean((1, 2)) + head.bias[labels], logits, rtol=1e-5, atol=1e-6)


def test_the_relu_of_the_head_is_applied():
    net, labels = InplaceReluNet().eval(), [4, 0, 2]
    features = net.features(noise()).relu()
    expected = (net.classifier.weight[labels][:, :, None, None] * features).sum(1)
    maps = maps_of("cam", net, noise(), labels)
    torch.testing.assert_close(maps, expected.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kernel", [1, 3])
def test_the_class_maps_of_a_network_are_its_cams(kernel):
    net, labels = ClassMapNet(kernel=kernel).eval(), [4, 0, 2]
    convolution = net.classifier[1]
    class_maps = convolution(net.features(noise()))[range(3), labels].detach()
    if kernel == 1:
        expected = class_maps - convolution.bias[labels][:, None, None].detach()
    else:
        expected = class_maps.relu()
    maps = maps_of("cam", net, noise(), labels)
    torch.testing.assert_close(maps, expected, rtol=1e-5, atol=1e-6)
