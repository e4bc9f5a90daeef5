import pytest
import torch
from reference.nets import GapNet, HandNet
from reference.passes import maps_of, noise
from torch import nn

from wsolbench.errors import OptionError

IMAGE = torch.tensor([[[1.0, 2], [3, 4]], [[0, -1], [5, 8]], [[7, 7], [7, 7]]])[None]


class BiasNet(HandNet):
    """The second channel reads nothing and adds 3."""

    def __init__(self) -> None:
        super().__init__()
        self.pick = nn.Conv2d(3, 2, 1)
        self.pick.weight.data = torch.tensor([[1.0, 0, 0], [0, 0, 0]]).reshape(2, 3, 1, 1)
        self.pick.bias.data = torch.tensor([0.0, 3])


def test_by_hand():
    # input: .5 times the first channel, in [0, 1] over all three channels: a quarter of it;
    # biases: shares 0 and 3/4 at every pixel, in [0, 1]: 0 and 1
    (maps,) = maps_of("fullgrad", BiasNet(), IMAGE, [0])
    torch.testing.assert_close(maps, IMAGE[0, 0] / 4 + 1, rtol=1e-5, atol=1e-5)


def test_every_channel_by_itself():
    # constant channels vanish, the first one goes from 0 to 1
    (maps,) = maps_of("fullgrad", BiasNet(), IMAGE, [0], scale="channel")
    torch.testing.assert_close(maps, (IMAGE[0, 0] - 1) / 3, rtol=1e-5, atol=1e-5)


def test_input_and_biases_are_the_whole_logit():
    from wsolbench.forward import run_forward
    from wsolbench.models import as_classifier

    net = GapNet().eval()
    net.stem[1].running_mean.normal_(generator=torch.Generator().manual_seed(0))
    forward = run_forward(
        as_classifier(net, input_hw=(64, 96)),
        noise(),
        image_index=[0, 1, 2, 1],
        labels=[0, 1, 2, 3],
        keys="abcd",
        needs={"bias-gradients"},
    )
    biases = forward.fold_biases(lambda g, bias: (g * bias[:, None, None]).sum((1, 2, 3)))
    inputs = (forward.images[forward.image_index] * forward.input_gradients()).sum((1, 2, 3))
    whole = inputs + torch.stack(biases).sum(0) + net.fc.bias[forward.labels].detach()
    torch.testing.assert_close(whole, forward.scores, rtol=1e-4, atol=1e-5)


def test_other_scales_are_refused():
    with pytest.raises(OptionError, match="'layer' or 'channel', got 'image'"):
        maps_of("fullgrad", HandNet(), IMAGE, [0], scale="image")
