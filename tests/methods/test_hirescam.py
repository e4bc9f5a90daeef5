import torch
from reference.nets import FlatNet, HandNet
from reference.passes import maps_of

IMAGE = torch.tensor([[[1.0, 2], [3, 4]], [[0, -1], [5, 8]], [[7, 7], [7, 7]]])[None]


def test_by_hand():
    assert maps_of("hirescam", FlatNet(), IMAGE, [0]).tolist() == [[[1, 0], [0, 8]]]
    assert maps_of("hirescam", HandNet(), IMAGE, [0]).tolist() == [[[0.5, 1.25], [0.25, 0]]]


def test_without_relu_the_map_sums_to_the_logit():
    maps = maps_of("hirescam", FlatNet(), IMAGE, [0], relu=False)
    assert maps.tolist() == [[[1, -2], [0, 8]]]
    assert FlatNet()(IMAGE)[0, 0] == maps.sum()
