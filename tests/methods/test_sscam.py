import pytest
import torch
from reference import peers
from reference.nets import ChannelsLastNet, ClassMapNet, GapNet, NormHeadNet, TinyVit, VggNet
from reference.passes import maps_of, noise

from wsolbench.errors import OptionError
from wsolbench.forward import Forward

NETS = [GapNet, VggNet, NormHeadNet, ClassMapNet, ChannelsLastNet, TinyVit]


@pytest.mark.parametrize("net", NETS)
def test_with_the_same_noise_raw_maps_are_those_of_torchcam(net, monkeypatch):
    images, torchcam = noise(1, hw=(32, 48)), net()
    with torch.random.fork_rng():
        library = pytest.importorskip("torchcam.methods")
        monkeypatch.setattr(
            library.SSCAM.__init__, "__defaults__", (None, 32, 3, 2.0, (3, 224, 224))
        )
        torch.manual_seed(5)
        peer = peers.torchcam("SSCAM", torchcam, images, [4])
    monkeypatch.setattr(Forward, "generators", lambda *_: [torch.Generator().manual_seed(5)])
    maps = maps_of("sscam", net(), images, [4], samples=3)
    torch.testing.assert_close(maps, peer, rtol=1e-5, atol=1e-6)


def test_without_noise_it_is_scorecam():
    images, torchcam = noise(2, hw=(32, 48)), {"align_corners": False, "normalise": "before"}
    expected = maps_of("scorecam", GapNet(), images, [4, 0], **torchcam)
    maps = maps_of("sscam", GapNet(), images, [4, 0], samples=2, std=0.0)
    torch.testing.assert_close(maps, expected, rtol=1e-5, atol=1e-6)


def test_neither_seed_nor_batch_size_is_ignored_or_mixed_up():
    images = noise(1, hw=(32, 48))
    first, other, single = (
        maps_of("sscam", GapNet(), images, [4], samples=2, **options)
        for options in ({}, {"seed": 1}, {"batch_size": 1})
    )
    assert not first.equal(other)
    torch.testing.assert_close(first, single, rtol=1e-5, atol=1e-6)


def test_no_samples_are_refused():
    with pytest.raises(OptionError, match="samples of sscam"):
        maps_of("sscam", GapNet(), noise(1), [0], samples=0)
