import pytest
import torch
from reference.nets import GapNet, HandNet, TinyVit
from reference.passes import maps_of, noise

from wsolbench.errors import OptionError

IMAGE = torch.tensor([[[1.0, 2], [3, 4]], [[0, -1], [5, 8]], [[7, 7], [7, 7]]])[None]


def test_by_hand():
    # logit 0 from one pixel alone: (2 a - b) / 4 + 10
    (maps,) = maps_of("reciprocam", HandNet(), IMAGE, [0], gaussian=False, output="logit")
    torch.testing.assert_close(maps, (2 * IMAGE[0, 0] - IMAGE[0, 1]) / 4 + 10)


def test_neighbours_count_a_half_and_a_quarter():
    # the kernel is 1/4 at the place, 1/8 beside it, 1/16 at the corner
    (maps,) = maps_of("reciprocam", HandNet(), IMAGE, [1], output="logit")
    first = 1 / 4 + 2 / 8 + 3 / 8 + 4 / 16
    assert maps[0, 0].item() == pytest.approx(-3 * first / 4 + 20)


def test_the_score_is_the_probability():
    labels = [4, 0, 2]
    singly = [
        maps_of("reciprocam", GapNet(), noise(hw=(8, 12)), [k] * 3, output="logit")
        for k in range(5)
    ]
    expected = torch.stack(singly).softmax(0)[labels, range(3)]
    maps = maps_of("reciprocam", GapNet(), noise(hw=(8, 12)), labels)
    torch.testing.assert_close(maps, expected)


def test_the_class_token_is_left_alone():
    net, images = TinyVit().eval(), noise(1, (16, 24))
    (maps,) = maps_of("reciprocam", net, images, [3], gaussian=False, output="logit")

    def keep_second_patch(_, __, output):
        output = output.clone()
        output[:, [1, 3, 4, 5, 6]] = 0
        return output

    handle = net.blocks[1].norm1.register_forward_hook(keep_second_patch)
    expected = net(images)[0, 3].item()
    handle.remove()
    assert maps[0, 1].item() == pytest.approx(expected, rel=1e-5)


def test_other_outputs_are_refused():
    with pytest.raises(OptionError, match="output of reciprocam"):
        maps_of("reciprocam", HandNet(), IMAGE, [0], output="score")
