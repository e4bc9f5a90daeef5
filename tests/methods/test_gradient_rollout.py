import torch
from reference.attention import weights_and_gradients
from reference.nets import TinyVit
from reference.passes import maps_of, noise


def test_by_hand():
    net, images, labels = TinyVit().eval(), noise(2), [3, 1]
    maps = maps_of("gradient-rollout", net, images, labels)
    for row, image, label in zip(maps, images, labels, strict=True):
        steps = []
        for weights, gradients in zip(*weights_and_gradients(net, image, label), strict=True):
            step = (weights * gradients).relu().mean(0) + torch.eye(97)
            steps.append(step / step.sum(1, keepdim=True))
        expected = (steps[1] @ steps[0])[0, 1:].reshape(8, 12)
        torch.testing.assert_close(row, expected, rtol=1e-4, atol=1e-7)
