"""What Score-CAM and its variants share: a mask for every channel, weights, and their sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from wsolbench.forward import Forward

NORMALISE = ("after", "before")


def channel_masks(
    maps: Tensor, input_hw: tuple[int, int], *, align_corners: bool, normalise: str
) -> Tensor:
    """Channels ``[C, h, w]`` as masks in [0, 1], ``[C, H, W]``.

    Args:
        maps: the channels.
        input_hw: H and W.
        align_corners: whether the corners' centres stay where they are when resizing.
        normalise: "after" or "before" resizing.
    """
    from wsolbench.perturb import resized, unit_range

    if normalise not in NORMALISE:
        raise OptionError(f"expected normalise to be 'after' or 'before', but got {normalise!r}")
    if normalise == "before":
        return resized(unit_range(maps), input_hw, align_corners=align_corners)
    return unit_range(resized(maps, input_hw, align_corners=align_corners))


def weighted_sum(forward: Forward, layers: str | None, scores: Tensor) -> Tensor:
    """ReLU of the channels weighted by the softmax of their scores ``[T, C]``: ``[T, h, w]``."""
    import torch

    maps = forward.activations(layers)
    return torch.einsum("tc,tchw->thw", scores.softmax(1).to(maps), maps).relu()


def scores_by_image(
    forward: Forward, layers: str | None, score: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Scores ``[T, C]`` of methods that treat an image once for all its classes.

    Args:
        forward: the shared pass.
        layers: the layer.
        score: ``(image [3, H, W], maps [C, h, w]) -> logits [C, K]``.
    """
    from wsolbench.perturb import rows_of_images

    maps = forward.activations(layers)
    scores = maps.new_zeros(maps.shape[:2])
    for image, rows in rows_of_images(forward):
        logits = score(forward.images[image], maps[rows[0]])
        scores[rows] = logits[:, forward.labels[rows]].T.to(scores)
    return scores
