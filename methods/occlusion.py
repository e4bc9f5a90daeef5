"""Occlusion: how much of the class score is lost when a patch of the image is covered.

Formula: ``M(x, y) = mean over the patches p that cover (x, y) of S(X) - S(X without p)``, S the
class's logit. Patches slide by a stride; those at the right and lower border are cut off there. A
covered pixel is 0 after normalising, the mean colour of ImageNet.

Departures from the paper: Zeiler and Fergus give the size of no patch; these are a seventh of the
sides (32 pixels of 224) and move by half of that. They plot the score itself, at the patch's
centre; the average loss over patches is captum's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.errors import OptionError
from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "occlusion",
    title="Score lost when a patch is covered",
    family="perturbation",
    needs=(),
    cost="many",
    paper=Paper(
        authors="Zeiler, Fergus",
        title="Visualizing and Understanding Convolutional Networks",
        venue="ECCV",
        year=2014,
        link="https://arxiv.org/abs/1311.2901",
    ),
)
def occlusion(
    forward: Forward, *, patch: float = 1 / 7, stride: float = 1 / 14, batch_size: int = 8
) -> Tensor:
    """Average loss of logit over the patches that cover a pixel, ``[T, H, W]``.

    Costs a pass per patch and image (196 by default), whatever the number of classes.

    Args:
        forward: the shared pass, of which only the images are used.
        patch: height and width of a patch, as fractions of the image's.
        stride: how far it moves, likewise; at most the patch's size, so that no pixel stays out.
        batch_size: occluded images at a time; more than 8 pay on a GPU only.
    """
    import torch

    from wsolbench.perturb import rows_of_images, scorer, spans

    if not 0 < stride <= patch <= 1:
        raise OptionError(f"expected 0 < stride <= patch <= 1, but got {stride} and {patch}")
    boxes = _boxes(forward.input_hw, patch, stride)
    saliency = forward.images.new_zeros(len(forward), *forward.input_hw)
    times = forward.images.new_zeros(forward.input_hw)
    for y0, y1, x0, x1 in boxes:
        times[y0:y1, x0:x1] += 1
    with scorer(forward) as logits_of:
        for image, rows in rows_of_images(forward):
            logits = []
            for start, stop in spans(len(boxes), batch_size):
                shown = forward.images[image].repeat(stop - start, 1, 1, 1)
                for covered, (y0, y1, x0, x1) in zip(shown, boxes[start:stop], strict=True):
                    covered[:, y0:y1, x0:x1] = 0
                logits.append(logits_of(shown)[:, forward.labels[rows]])
            lost = forward.scores[rows, None] - torch.cat(logits).T
            for index, (y0, y1, x0, x1) in enumerate(boxes):
                saliency[rows, y0:y1, x0:x1] += lost[:, index, None, None]
    return saliency / times


def _boxes(
    input_hw: tuple[int, int], patch: float, stride: float
) -> list[tuple[int, int, int, int]]:
    """Every patch as y0, y1, x0, x1, ends excluded."""
    rows, columns = (
        [(start, min(start + size, side)) for start in range(0, max(1, side - size + step), step)]
        for side in input_hw
        for size, step in [(max(1, round(patch * side)), max(1, round(stride * side)))]
    )
    return [(*row, *column) for row in rows for column in columns]
