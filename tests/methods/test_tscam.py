import torch
from reference.attention import weights_and_gradients
from reference.nets import TinyVit
from reference.passes import maps_of, noise


def test_by_hand():
    net, images = TinyVit().eval(), noise(1)
    patches = net.patch(images).flatten(2).transpose(1, 2)
    tokens = net.blocks(torch.cat([net.token, patches], 1))
    semantic = net.head(net.norm(tokens))[0, 1:, 2].reshape(8, 12).detach()
    (logits,) = maps_of("tscam", net, images, [2], attention=False)
    torch.testing.assert_close(logits, semantic, rtol=1e-4, atol=1e-5)

    weights, _ = weights_and_gradients(net, images[0], 2)
    looks = torch.stack([w.mean(0) for w in weights]).mean(0)[0, 1:].reshape(8, 12)
    scaled = (semantic - semantic.min()) / (semantic.max() - semantic.min())
    (maps,) = maps_of("tscam", net, images, [2])
    torch.testing.assert_close(maps, looks * scaled, rtol=1e-4, atol=1e-6)
