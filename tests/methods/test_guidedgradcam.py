import pytest
import torch
from reference import peer_passes
from reference.nets import GapNet, VggNet
from reference.passes import maps_of, noise
from torch.nn.functional import interpolate

from wsolbench.errors import OptionError

LABELS = [4, 0, 2]


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_maps_are_those_of_captum(interpolation):
    options = {"layer": "features.1", "interpolate_mode": interpolation}
    peer = peer_passes.captum("GuidedGradCam", VggNet(), noise(), LABELS, **options).abs().amax(1)
    maps = maps_of("guidedgradcam", VggNet(), noise(), LABELS, interpolation=interpolation)
    torch.testing.assert_close(maps, peer, rtol=1e-5, atol=1e-5 * float(peer.max()))


def test_it_is_the_product():
    guided = maps_of("guidedbackprop", GapNet(), noise(), LABELS)
    cam = maps_of("gradcam", GapNet(), noise(), LABELS)
    large = interpolate(cam[:, None], (64, 96), mode="bilinear")[:, 0]
    maps = maps_of("guidedgradcam", GapNet(), noise(), LABELS)
    torch.testing.assert_close(maps, guided * large)


def test_other_interpolations_are_refused():
    with pytest.raises(OptionError, match="'bilinear' or 'nearest', but got 'cubic'"):
        maps_of("guidedgradcam", GapNet(), noise(1), [0], interpolation="cubic")
