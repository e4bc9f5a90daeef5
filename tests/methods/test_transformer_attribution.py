import torch
from reference.attention import weights_and_gradients
from reference.nets import TinyVit
from reference.passes import maps_of, noise


def test_by_hand():
    net, images, labels = TinyVit().eval(), noise(2), [3, 1]
    maps = maps_of("transformer-attribution", net, images, labels)
    for row, image, label in zip(maps, images, labels, strict=True):
        relevance = torch.eye(97)
        for weights, gradients in zip(*weights_and_gradients(net, image, label), strict=True):
            relevance = relevance + (weights * gradients).relu().mean(0) @ relevance
        expected = relevance[0, 1:].reshape(8, 12)
        torch.testing.assert_close(row, expected, rtol=1e-4, atol=1e-7)
