import torch
from reference.nets import HandNet
from reference.passes import maps_of

RAMP = torch.tensor([[1.0, 2], [3, 4]])


def test_by_hand():
    # gradients 1/2 and -1/4 of two equal channels: the direction is (2, -1), the mean is positive
    image = torch.stack([RAMP, RAMP, RAMP])[None]
    (maps,) = maps_of("eigengradcam", HandNet(), image, [0], centered=False)
    torch.testing.assert_close(maps, 0.3125**0.5 * RAMP)
    (maps,) = maps_of("eigengradcam", HandNet(), image, [0])
    torch.testing.assert_close(maps, 0.3125**0.5 * (RAMP - 2.5))


def test_it_depends_on_the_class():
    image = torch.stack([RAMP, RAMP.flip(0), RAMP])[None]
    (maps,) = maps_of("eigengradcam", HandNet(), image, [1])
    torch.testing.assert_close(maps, -0.75 * (RAMP - 2.5))  # the first channel alone
