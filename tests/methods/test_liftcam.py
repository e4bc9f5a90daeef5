import pytest
import torch
from reference.nets import GapNet, HandNet, InplaceReluNet, VggNet
from reference.passes import maps_of, noise
from torch import nn

IMAGE = torch.tensor([[[1.0, 2], [3, 4]], [[0, -1], [5, 8]], [[7, 7], [7, 7]]])[None]


class CutNet(HandNet):
    """A ReLU of the mean of the first channel less 1, and of the second less 5."""

    def __init__(self) -> None:
        super().__init__()
        self.less = nn.Linear(2, 2)
        self.less.weight.data, self.less.bias.data = torch.eye(2), torch.tensor([-1.0, -5])
        self.relu = nn.ReLU(inplace=True)

    def forward(self, images):
        return self.fc(self.relu(self.less(self.pick(images).mean((2, 3)))))


@pytest.mark.parametrize("closed_form", [True, False])
def test_by_hand(closed_form):
    # weights 2 * 2.5 and -1 * 3
    (maps,) = maps_of("liftcam", HandNet(), IMAGE, [0], closed_form=closed_form)
    torch.testing.assert_close(maps, (5 * IMAGE[0, 0] - 3 * IMAGE[0, 1]).relu())


def test_a_relu_has_the_slope_of_its_secant():
    # 2.5 becomes 1.5, and 0 was 0; 3 becomes 0: weights 2 * 1.5 and 0
    (maps,) = maps_of("liftcam", CutNet(), IMAGE, [0])
    torch.testing.assert_close(maps, 3 * IMAGE[0, 0])


def test_the_shares_sum_to_the_difference_of_logits():
    from wsolbench.forward import run_forward
    from wsolbench.models import as_classifier
    from wsolbench.surrogate import secant_gradients

    net = VggNet().eval()
    classifier = as_classifier(net, input_hw=(64, 96))
    layer = classifier.target_layer
    forward = run_forward(
        classifier,
        noise(),
        image_index=range(3),
        labels=[4, 0, 2],
        keys="abc",
        layers=(layer,),
    )
    shares = (secant_gradients(forward, layer) * forward.activations(layer)).sum((1, 2, 3))
    zero = net.classifier(torch.zeros(1, 32))[0, [4, 0, 2]].detach()
    torch.testing.assert_close(shares, forward.scores - zero, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("net", [GapNet, InplaceReluNet])
def test_the_closed_form_is_what_the_passes_give(net):
    fast = maps_of("liftcam", net(), noise(), [4, 0, 2])
    slow = maps_of("liftcam", net(), noise(), [4, 0, 2], closed_form=False)
    torch.testing.assert_close(fast, slow, rtol=1e-4, atol=1e-6)
