import pytest
import torch
from reference.attention import attend
from reference.nets import TinyVit, real_net
from reference.passes import maps_of, noise

from wsolbench.errors import OptionError


@pytest.mark.parametrize("blocks", [0, 1])
def test_by_hand(blocks):
    net, images = TinyVit().eval(), noise(1)
    tokens = torch.cat([net.token, net.patch(images).flatten(2).transpose(1, 2)], 1)
    maps = []
    for block in net.blocks:
        weights, out = attend(block.attention, block.norm1(tokens))
        tokens = tokens + out
        tokens = tokens + block.mlp(block.norm2(tokens))
        score = net.head(net.norm(tokens.mean(1)))[0, 3]
        (gradients,) = torch.autograd.grad(score, weights, retain_graph=True)
        maps.append(gradients.relu().mean((1, 2))[0, 1:].reshape(8, 12))
    expected = torch.stack(maps[-blocks:]).mean(0)
    (ours,) = maps_of("legrad", net, images, [3], blocks=blocks)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-9)


def test_it_is_torchcams():
    library = pytest.importorskip("torchcam.methods")
    images, labels = noise(2, (32, 32)).double(), [4, 0]
    net = real_net("vit", images)
    with library.LeGrad(net, list(net.encoder.layers)) as extractor:
        scores = net(images)
        (theirs,) = extractor(labels, scores, normalized=False)
    ours = maps_of("legrad", net, images, labels)
    torch.testing.assert_close(ours, theirs.float(), rtol=1e-5, atol=0)


def test_more_blocks_than_there_are_are_refused():
    with pytest.raises(OptionError, match=r"blocks of legrad in 0\.\.2, but got 3"):
        maps_of("legrad", TinyVit(), noise(1), [0], blocks=3)
