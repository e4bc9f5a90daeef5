import torch
from reference.nets import GapNet, HandNet
from reference.passes import maps_of, noise

IMAGE = torch.tensor([[[1.0, 2], [3, 4]], [[0, -1], [5, 8]], [[7, 7], [7, 7]]])[None]


class SquareNet(HandNet):
    """The logits are of the mean squares of the two channels."""

    def forward(self, images):
        return self.fc(self.pick(images).square().mean((2, 3)))


def test_by_hand():
    # g = w A / 2, H A = w A / 2, so that the weights are the means of w A / 4: 5/4 and -3/4
    (maps,) = maps_of("shapleycam", SquareNet(), IMAGE, [0])
    torch.testing.assert_close(maps, (1.25 * IMAGE[0, 0] - 0.75 * IMAGE[0, 1]).relu())


def test_without_curvature_it_is_gradcam():
    labels = [4, 0, 2]
    maps = maps_of("shapleycam", GapNet(), noise(), labels)
    assert maps.equal(maps_of("gradcam", GapNet(), noise(), labels))
