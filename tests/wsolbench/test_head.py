import pytest
import torch
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

from wsolbench.head import LinearHead, find_head
from wsolbench.layers import trace


@pytest.mark.parametrize(
    ("net", "layer", "relu_before", "relu_after"),
    [
        (GapNet(), "relu", False, False),
        (InplaceReluNet(), "features", True, False),
        (ClassMapNet(), "features", False, True),
        (ClassMapNet(relu=False), "features", False, False),
        (ChannelsLastNet(), "block", False, False),
    ],
    ids=["gap", "relu-before", "relu-after", "class-maps", "channels-last"],
)
def test_linear_heads_are_found(net, layer, relu_before, relu_after):
    head = find_head(net, trace(net, (64, 96)))
    assert (head.layer, head.relu_before, head.relu_after) == (layer, relu_before, relu_after)


@pytest.mark.parametrize(
    "net", [VggNet(), NormHeadNet(), TinyVit()], ids=lambda n: type(n).__name__
)
def test_other_heads_are_not_taken_for_linear_ones(net):
    assert find_head(net, trace(net, (64, 96))) is None


@pytest.mark.parametrize("after", [False, True])
def test_gradients_of_the_head_by_hand(after):
    head = LinearHead("x", torch.tensor([[2.0], [-1.0]]), torch.ones(2), relu_after=after)
    activations = torch.tensor([-2.0, 4.0]).reshape(1, 1, 1, 2)
    # class maps (-3, 9) and (3, -3), of which a ReLU lets through one pixel each
    expected = [-1 * 4 / 2, 3 * 2 / 2] if after else [1, 1]
    gradient = head.pull_back(activations, torch.tensor([[3.0, 4.0]]))
    assert gradient.flatten().tolist() == expected


def test_the_head_is_the_networks_own_weights():
    net = HandNet()
    head = find_head(net, trace(net, (4, 4)))
    assert head.weight.tolist() == [[2, -1], [-3, 0]]
    assert head.bias.tolist() == [10, 20]


def test_class_maps_of_a_larger_convolution_are_their_own_head():
    net = ClassMapNet(classes=3, kernel=3)
    head = find_head(net, trace(net, (64, 64)))
    assert head.layer == "classifier.2"
    assert head.weight.equal(torch.eye(3))


def test_weights_of_zero_measure_nothing():
    net = GapNet()
    net.fc.weight.data.zero_()
    assert find_head(net, trace(net, (64, 64))) is None


def test_a_head_beside_a_large_bias_is_still_measured():
    net = NormHeadNet()
    net.fc.bias.data += 1e3
    assert find_head(net, trace(net, (64, 64))) is None


@pytest.mark.parametrize(
    ("before", "after", "logits"),
    [
        (False, False, [2 * 1 + 1, -2 * 1 + 1]),  # mean of (-2, 4) is 1
        (True, False, [2 * 2 + 1, -2 * 2 + 1]),  # mean of (0, 4) is 2
        (False, True, [9 / 2, 5 / 2]),  # class maps (-3, 9) and (5, -7)
    ],
)
def test_logits_by_hand(before, after, logits):
    head = LinearHead(
        "x", torch.tensor([[2.0], [-2.0]]), torch.ones(2), relu_before=before, relu_after=after
    )
    activations = torch.tensor([-2.0, 4.0]).reshape(1, 1, 1, 2)
    assert head.logits(activations.relu() if before else activations).tolist() == [logits]
