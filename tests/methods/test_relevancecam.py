import pytest
import torch
from reference.nets import GapNet, HandNet, InplaceReluNet
from reference.passes import maps_of, noise
from torch.nn import functional

IMAGE = torch.tensor([[[1.0, 2], [3, 4]], [[0, 1], [5, 8]], [[7, 7], [7, 7]]])[None]


def test_by_hand():
    # logit 5 - 3.5 + 10; only the first channel has a positive weight to the class and takes it all
    (maps,) = maps_of("relevancecam", HandNet(), IMAGE, [0])
    torch.testing.assert_close(maps, 11.5 * IMAGE[0, 0])
    # the second class has no positive weight: the contrast -12.5 falls on the first channel
    assert maps_of("relevancecam", HandNet(), IMAGE, [1]).tolist() == [[[0, 0], [0, 0]]]


@pytest.mark.parametrize("net", [GapNet, InplaceReluNet])
def test_it_is_the_z_plus_rule_of_the_head(net):
    net, images, labels = net().eval(), noise(), [4, 0, 2]
    logits = net(images).detach()
    last, head = ("relu", "fc") if isinstance(net, GapNet) else ("features", "classifier")
    kept = []
    handle = net.get_submodule(last).register_forward_hook(lambda *a: kept.append(a[2].clone()))
    net(images)
    handle.remove()
    features = kept[-1].relu().detach()
    pooled = functional.adaptive_avg_pool2d(features, 1).flatten(1)
    positive = net.get_submodule(head).weight.detach().clamp(min=0)
    scores = logits[range(3), labels][:, None]
    relevances = (-scores / 4).expand(-1, 5).clone()
    relevances[range(3), labels] = scores[:, 0]
    weights = pooled * ((relevances / (pooled @ positive.T)) @ positive)
    expected = (weights[:, :, None, None] * features).sum(1).relu()
    maps = maps_of("relevancecam", net, images, labels)
    torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-6)


def test_relevance_is_conserved_through_convolutions():
    from wsolbench.forward import run_forward
    from wsolbench.models import as_classifier
    from wsolbench.surrogate import relevance

    forward = run_forward(
        as_classifier(GapNet(), input_hw=(64, 96)),
        noise(),
        image_index=range(3),
        labels=[4, 0, 2],
        keys="abc",
        layers=("stem", "relu"),
    )
    given = torch.rand(3, 5, generator=torch.Generator().manual_seed(0))
    at_relu, at_stem = (relevance(forward, layer, given) for layer in ("relu", "stem"))
    sums = given.sum(1)
    torch.testing.assert_close(at_relu.sum((1, 2, 3)), sums, rtol=1e-4, atol=1e-5)
    assert at_stem.shape == (3, 8, 16, 24)
