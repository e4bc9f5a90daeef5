import numpy as np
import pytest
import torch
from reference.nets import GapNet, HandNet, VggNet
from reference.passes import maps_of, noise
from torch.nn.functional import interpolate

from wsolbench.errors import OptionError
from wsolbench.smoothing import blur


@pytest.mark.parametrize("groups", [3, 50])
def test_it_is_a_loop_over_groups(groups):
    net, image = VggNet().eval(), noise(1)
    features = net.features[:2](image).detach().requires_grad_()
    logits = net.classifier(net.pool(net.features[2](features)).flatten(1))
    (gradient,) = torch.autograd.grad(logits[0, 2], features)
    weighted = (gradient.mean((2, 3), keepdim=True) * features).detach()
    reach = round(25 / 224 * 96)
    blurred, expected = blur(image, 2.0 * reach, reach), 0
    with torch.no_grad():
        baseline = net(blurred).softmax(1)[0, 2]
        for group in weighted.chunk(groups, 1):
            saliency = group.sum(1, keepdim=True).relu()
            limit = float(np.percentile(saliency.numpy(), 70))
            saliency = interpolate(saliency * (saliency > limit), (64, 96), mode="bilinear")
            if saliency.max() > 0:
                mask = (saliency - saliency.min()) / (saliency.max() - saliency.min())
                gain = net(image * mask + blurred * (1 - mask)).softmax(1)[0, 2] - baseline
                expected = expected + gain * mask[0]
    maps = maps_of("groupcam", VggNet(), image, [2], groups=groups)
    torch.testing.assert_close(maps, expected.relu(), rtol=1e-4, atol=1e-6)


def test_the_batch_size_changes_nothing():
    one, many = (maps_of("groupcam", GapNet(), noise(), [4, 0, 2], batch_size=n) for n in (1, 9))
    torch.testing.assert_close(one, many, rtol=1e-4, atol=1e-7)


def test_a_network_that_says_nothing_gives_zeros():
    assert maps_of("groupcam", HandNet(), torch.zeros(1, 3, 8, 8), [0]).eq(0).all()


@pytest.mark.parametrize("options", [{"groups": 0}, {"percentile": 101.0}])
def test_other_options_are_refused(options):
    with pytest.raises(OptionError, match="groups of groupcam"):
        maps_of("groupcam", GapNet(), noise(1), [0], **options)
