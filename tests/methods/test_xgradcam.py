import torch
from reference.nets import FlatNet, GapNet, HandNet
from reference.passes import maps_of, noise

IMAGE = torch.tensor([[[1.0, 2], [3, 4]], [[0, -1], [5, 8]], [[7, 7], [7, 7]]])[None]


def test_by_hand():
    # gradients 1, -1, 0, 2 of 1, 2, 3, 4: (1 - 2 + 8) / 10
    (maps,) = maps_of("xgradcam", FlatNet(), IMAGE, [0])
    torch.testing.assert_close(maps, 0.7 * IMAGE[0, 0])
    assert maps_of("xgradcam", HandNet(), IMAGE, [0]).tolist() == [[[0.5, 1.25], [0.25, 0]]]


def test_on_gap_nets_it_is_gradcam():
    labels = [4, 0, 2]
    maps = maps_of("xgradcam", GapNet(), noise(), labels)
    torch.testing.assert_close(maps, maps_of("gradcam", GapNet(), noise(), labels))


def test_maps_that_sum_to_zero_have_no_weight():
    image = torch.tensor([[[1.0, -1], [2, -2]]] * 3)[None]
    assert maps_of("xgradcam", FlatNet(), image, [0]).tolist() == [[[0, 0], [0, 0]]]
