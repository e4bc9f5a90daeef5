import pytest
import torch
from reference.nets import (
    ChannelsLastNet,
    ClassMapNet,
    GapNet,
    InplaceReluNet,
    NormHeadNet,
    TinyVit,
    VggNet,
)
from torch import nn

from wsolbench.errors import ModelError
from wsolbench.layers import Layer, find_target, trace


@pytest.mark.parametrize(
    ("net", "name", "layout", "grid_hw"),
    [
        (GapNet(), "relu", "maps", (16, 24)),
        (InplaceReluNet(), "features", "maps", (16, 24)),
        (ClassMapNet(), "features", "maps", (16, 24)),
        (ClassMapNet(kernel=3), "features", "maps", (16, 24)),
        (VggNet(), "features.1", "maps", (16, 24)),
        (NormHeadNet(), "features", "maps", (16, 24)),
        (ChannelsLastNet(), "block", "channels-last", (8, 12)),
        (TinyVit(), "blocks.1.norm1", "tokens", (8, 12)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_the_target_layer_is_found_from_shapes_and_order(net, name, layout, grid_hw):
    layer, _ = find_target(trace(net, (64, 96)))
    assert (layer.name, layer.layout, layer.grid_hw) == (name, layout, grid_hw)


def test_a_class_token_is_counted_as_prefix():
    assert find_target(trace(TinyVit(), (64, 96)))[0].prefix == 1


def test_a_container_that_ends_in_pooling_is_pooling():
    assert "features" not in [output.name for output in trace(VggNet(), (64, 64)).targets]


def test_pooled_and_flat_outputs_have_no_maps():
    assert set(trace(GapNet(), (64, 64)).layers) == {
        "stem.0",
        "stem.1",
        "stem.2",
        "stem",
        "conv",
        "relu",
    }


def test_a_network_without_maps_is_refused():
    with pytest.raises(ModelError, match="no layer of the network returns maps"):
        find_target(trace(nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2)), (8, 8)))


def test_a_network_that_fails_on_the_size_is_refused():
    with pytest.raises(ModelError, match="fails on images of 8x8"):
        trace(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), (8, 8))


@pytest.mark.parametrize("output", [lambda x: (x, x), lambda x: x[:, :, 0], lambda _: None])
def test_a_network_that_returns_no_logits_is_refused(output):
    class Odd(nn.Module):
        def forward(self, images):
            return output(images)

    with pytest.raises(ModelError, match=r"expected the network to return logits \[B, K\]"):
        trace(Odd(), (8, 8))


def test_tokens_become_maps_row_by_row_without_the_class_token():
    layer = Layer("x", "tokens", 1, (2, 3), (16, 24), prefix=1)
    tokens = torch.tensor([9.0, 0, 1, 2, 3, 4, 5]).reshape(1, 7, 1)
    assert layer.to_maps(tokens, (16, 24)).tolist() == [[[[0, 1, 2], [3, 4, 5]]]]


def test_the_token_grid_scales_with_the_image():
    layer = Layer("x", "tokens", 1, (2, 3), (16, 24), prefix=0)
    assert layer.to_maps(torch.zeros(1, 24, 1), (32, 48)).shape == (1, 1, 4, 6)
    with pytest.raises(ModelError, match="expected 0 \\+ 4 x 6 tokens"):
        layer.to_maps(torch.zeros(1, 6, 1), (32, 48))


def test_channels_last_become_maps():
    layer = Layer("x", "channels-last", 5, (2, 3), (16, 24))
    assert layer.to_maps(torch.zeros(1, 2, 3, 5), (16, 24)).shape == (1, 5, 2, 3)


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


@pytest.mark.parametrize("size", [(64, 64), (1, 1)], ids=["works", "fails"])
def test_a_trace_leaves_nothing_behind(mixed_net, size):
    mixed_net.norm = nn.LayerNorm((8, 16, 16))  # fails on other sizes
    mixed_net.stem.append(mixed_net.norm)
    before = _flags(mixed_net)
    try:
        trace(mixed_net, size)
    except ModelError:
        assert size == (1, 1)
    assert _flags(mixed_net) == before
    assert not any(module._forward_hooks for module in mixed_net.modules())
