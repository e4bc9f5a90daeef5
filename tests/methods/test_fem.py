import torch
from reference.nets import HandNet
from reference.passes import maps_of


def test_by_hand():
    # first channel: mean 1, deviation sqrt(3), one pixel of four above it; second: none
    first, second = torch.tensor([[0.0, 0], [0, 4]]), torch.tensor([[1.0, 1], [1, 1]])
    image = torch.stack([first, second, first])[None]
    (maps,) = maps_of("fem", HandNet(), image, [0], k=1.5)
    torch.testing.assert_close(maps, first / 4)
    assert maps_of("fem", HandNet(), image, [0]).tolist() == [[[0, 0], [0, 0]]]
