import torch
from reference.nets import FlatNet, HandNet
from reference.passes import maps_of

IMAGE = torch.tensor([[[1.0, 2], [3, 4]], [[0, -1], [5, 8]], [[7, 7], [7, 7]]])[None]


def test_by_hand():
    # 1/2 of the first channel, and -1/4 of the second where it is negative
    maps = maps_of("gradcam-elementwise", HandNet(), IMAGE, [0])
    assert maps.tolist() == [[[0.5, 1.25], [1.5, 2]]]
    assert maps_of("gradcam-elementwise", FlatNet(), IMAGE, [0]).tolist() == [[[1, 0], [0, 8]]]
