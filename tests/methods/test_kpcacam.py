import pytest
import torch
from reference.nets import GapNet, HandNet
from reference.passes import maps_of, noise
from sklearn.decomposition import KernelPCA

from wsolbench.errors import OptionError

RAMP = torch.tensor([[1.0, 2], [3, 4]])


def test_by_hand():
    image = torch.stack([RAMP, 2 * RAMP, RAMP])[None]
    (maps,) = maps_of("kpcacam", HandNet(), image, [0], kernel="linear")
    torch.testing.assert_close(maps, 5**0.5 * (RAMP - 2.5))


@pytest.mark.parametrize(("kernel", "gamma"), [("sigmoid", None), ("sigmoid", 0.01), ("rbf", None)])
def test_it_is_scikit_learns(kernel, gamma):
    net, images = GapNet().eval(), noise(1)
    features = net.stem(images)
    features = net.relu(net.conv(features) + features)[0].flatten(1).T.detach().double()
    features = features - features.mean(0)
    peer = KernelPCA(1, kernel=kernel, gamma=gamma).fit_transform(features.numpy())[:, 0]
    ours = maps_of("kpcacam", net, images, [0], kernel=kernel, gamma=gamma).flatten().double()
    peer = torch.from_numpy(peer)
    torch.testing.assert_close(ours * (ours @ peer).sign(), peer, rtol=1e-4, atol=1e-6)


def test_other_kernels_are_refused():
    with pytest.raises(OptionError, match="kernel of kpcacam"):
        maps_of("kpcacam", HandNet(), RAMP.expand(1, 3, 2, 2), [0], kernel="cosine")
