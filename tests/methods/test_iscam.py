import pytest
import torch
from reference import peers
from reference.nets import (
    ChannelsLastNet,
    ClassMapNet,
    GapNet,
    HandNet,
    NormHeadNet,
    TinyVit,
    VggNet,
)
from reference.passes import maps_of, noise

from wsolbench.errors import OptionError

CLOSE = {"rtol": 1e-5, "atol": 1e-6}
NETS = [GapNet, VggNet, NormHeadNet, ClassMapNet, ChannelsLastNet, TinyVit]


@pytest.mark.parametrize(("path", "strength"), [("line", 0.75), ("accumulated", 1)])
def test_by_hand(path, strength):
    """Two steps of strength .5 and 1 on a line; .5 and 1.5 accumulated."""
    image = torch.tensor([[[0.0, 3]], [[5, 5]], [[7, 7]]])[None]
    options = {"steps": 2, "path": path}
    (saliency,) = maps_of("iscam", HandNet(), image, [0], **options)
    weights = torch.tensor([10 + 0.5 * strength, 10]).softmax(0)
    expected = weights[0] * torch.tensor([[0.0, 3]]) + weights[1] * 5
    torch.testing.assert_close(saliency, expected, **CLOSE)


@pytest.mark.parametrize("net", NETS)
def test_raw_maps_are_those_of_torchcam(net):
    images, labels = noise(2, hw=(32, 48)), [4, 0]
    peer = peers.torchcam("ISCAM", net(), images, labels)
    torch.testing.assert_close(maps_of("iscam", net(), images, labels), peer, **CLOSE)


@pytest.mark.parametrize("options", [{"steps": 0}, {"path": "curve"}])
def test_other_options_are_refused(options):
    with pytest.raises(OptionError, match=next(iter(options))):
        maps_of("iscam", GapNet(), noise(1), [0], **options)
