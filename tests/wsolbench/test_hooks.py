import pytest
import torch
from reference.nets import GapNet, InplaceReluNet
from torch import nn

from wsolbench.errors import ModelError
from wsolbench.hooks import check_logits, freeze, keep_outputs


def _flags(net):
    training = {name: module.training for name, module in net.named_modules()}
    return training, {name: p.requires_grad for name, p in net.named_parameters()}


@pytest.fixture
def mixed_net():
    """Some parts in training mode, some parameters frozen."""
    net = GapNet().train()
    net.stem.eval()
    net.conv.bias.requires_grad_(False)
    return net


def test_freeze_gives_every_flag_back(mixed_net):
    before = _flags(mixed_net)
    with freeze(mixed_net):
        training, learning = _flags(mixed_net)
        assert not any(training.values())
        assert not any(learning.values())
    assert _flags(mixed_net) == before


def test_freeze_gives_every_flag_back_when_something_raises(mixed_net):
    before = _flags(mixed_net)
    with pytest.raises(ZeroDivisionError), freeze(mixed_net):
        raise ZeroDivisionError
    assert _flags(mixed_net) == before


def test_what_is_kept_does_not_change_in_place():
    net, images = InplaceReluNet().eval(), torch.randn(2, 3, 16, 16)
    expected = net.features(images)
    with keep_outputs(net, ("features",)) as outputs:
        net(images)
    assert outputs["features"].equal(expected)
    assert outputs["features"].min() < 0


def test_rectified_outputs_change_nothing_but_what_is_kept():
    net, images = InplaceReluNet().eval(), torch.randn(2, 3, 16, 16)
    features, logits = net.features(images), net(images)
    with keep_outputs(net, ("features",), rectified={"features"}) as outputs:
        assert net(images).equal(logits)
    assert outputs["features"].equal(features.relu())


def test_what_a_module_returns_unchanged_is_copied():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.same = nn.Identity()

        def forward(self, images):
            self.same(images)
            return images.mul_(0)

    net = Net()
    with keep_outputs(net, ("same",)) as outputs:
        net(torch.ones(1, 2))
    assert outputs["same"].tolist() == [[1, 1]]


def test_of_a_repeated_module_the_last_output_is_kept():
    net, images = GapNet().eval(), torch.randn(2, 3, 16, 16)
    with keep_outputs(net, ("relu",)) as outputs:
        logits = net(images)
    torch.testing.assert_close(net.fc(outputs["relu"].mean((2, 3))), logits)


def test_leaves_start_the_graph():
    net, images = GapNet().eval(), torch.randn(2, 3, 16, 16)
    with freeze(net), keep_outputs(net, ("stem", "conv"), leaf=True) as outputs:
        logits = net(images)
    assert outputs["stem"].is_leaf
    assert not outputs["conv"].is_leaf
    assert logits.requires_grad
    with freeze(net), keep_outputs(net, ("stem",)):
        assert not net(images).requires_grad


def test_hooks_are_gone_also_when_something_raises():
    net = GapNet()
    with pytest.raises(ZeroDivisionError), keep_outputs(net, ("stem", "conv")):
        raise ZeroDivisionError
    assert not any(module._forward_hooks for module in net.modules())


@pytest.mark.parametrize("output", [torch.zeros(3, 5), torch.zeros(2, 5, 1), (torch.zeros(2, 5),)])
def test_other_outputs_than_logits_are_refused(output):
    with pytest.raises(ModelError, match=r"expected the network to return logits .* batch of 2"):
        check_logits(output, 2)


def test_logits_pass_through():
    logits = torch.zeros(2, 5)
    assert check_logits(logits, 2) is logits
