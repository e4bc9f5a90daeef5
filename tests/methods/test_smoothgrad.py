import pytest
import torch
from reference.nets import GapNet, TinyVit, VggNet
from reference.passes import maps_of, noise

from wsolbench.errors import OptionError
from wsolbench.forward import Forward


@pytest.mark.parametrize("net", [GapNet, VggNet, TinyVit])
def test_with_the_same_noise_maps_are_those_of_captum(net, monkeypatch):
    library = pytest.importorskip("captum.attr")
    image, module = noise(1, hw=(32, 48)), net().eval()
    for part in module.modules():
        part.inplace = False
    with torch.random.fork_rng():
        tunnel = library.NoiseTunnel(library.Saliency(module))
        torch.manual_seed(5)
        spread = 0.15 * float(image.max() - image.min())
        peer = tunnel.attribute(
            image.clone().requires_grad_(), nt_samples=6, stdevs=spread, target=[2], abs=False
        )
    monkeypatch.setattr(Forward, "generators", lambda *_: [torch.Generator().manual_seed(5)])
    maps = maps_of("smoothgrad", net(), image, [2], samples=6)
    peer = peer.abs().amax(1)
    torch.testing.assert_close(maps, peer, rtol=1e-5, atol=1e-5 * float(peer.max()))


def test_without_noise_it_is_saliency():
    maps = maps_of("smoothgrad", GapNet(), noise(), [4, 0, 2], samples=2, noise=0.0)
    torch.testing.assert_close(maps, maps_of("saliency", GapNet(), noise(), [4, 0, 2]))


def test_neither_seed_nor_batch_size_is_ignored_or_mixed_up():
    first, other, single = (
        maps_of("smoothgrad", TinyVit(), noise(2), [4, 0], samples=3, **options)
        for options in ({}, {"seed": 1}, {"batch_size": 1})
    )
    assert not first.equal(other)
    torch.testing.assert_close(first, single, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("options", [{"samples": 0}, {"noise": -1.0}])
def test_other_options_are_refused(options):
    with pytest.raises(OptionError, match="samples of smoothgrad"):
        maps_of("smoothgrad", GapNet(), noise(1), [0], **options)
