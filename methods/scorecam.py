"""Score-CAM: maps weighted by the class score of the image seen through each of them.

Formula: ``M = ReLU(sum_c softmax(s)[c] A[c])``, ``s[c] = S(X * N(U(A[c])))``, with S the class's
logit, X the image, U bilinear resizing to the image's size and N scaling to [0, 1] by minimum and
maximum.

Departures from the paper: the score of the empty image is not subtracted, for the softmax does not
notice. The paper leaves open how U treats the corners and whether N comes first. The defaults are
those of pytorch-grad-cam (corners aligned, N after U); ``align_corners=False, normalise="before"``
is torch-cam, and ``align_corners=False`` alone the authors' code, which sums without the softmax.
Channels that are constant over the image all show an empty image, which is scored once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper
from wsolbench.registry import METHODS

from ._score_weighted import channel_masks, scores_by_image, weighted_sum

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "scorecam",
    title="Maps weighted by the score of the image masked by them",
    family="perturbation",
    needs=("activations",),
    cost="many",
    paper=Paper(
        authors="Wang, Wang, Du, Yang, Zhang, Ding, Mardziel, Hu",
        title="Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks",
        venue="CVPR Workshops",
        year=2020,
        link="https://arxiv.org/abs/1910.01279",
    ),
)
def scorecam(
    forward: Forward,
    *,
    layers: str | None = None,
    batch_size: int = 8,
    align_corners: bool = True,
    normalise: str = "after",
) -> Tensor:
    """ReLU of the maps weighted by the softmax of their scores, ``[T, h, w]``.

    Costs a pass per channel and image, whatever the number of classes.

    Args:
        forward: the shared pass.
        layers: one layer; the network's target layer where ``None``.
        batch_size: masked images at a time; more than 8 pay on a GPU only.
        align_corners: how masks are resized to the image.
        normalise: "after" or "before" resizing.
    """
    import torch

    from wsolbench.perturb import scorer, spans

    with scorer(forward) as logits_of:

        def score(image: Tensor, maps: Tensor) -> Tensor:
            varied = maps.amax((1, 2)) > maps.amin((1, 2))
            seen, shown = maps[varied], []
            for start, stop in spans(len(seen), batch_size):
                masks = channel_masks(
                    seen[start:stop],
                    forward.input_hw,
                    align_corners=align_corners,
                    normalise=normalise,
                )
                shown.append(logits_of(masks[:, None].to(image) * image))
            empty = logits_of(torch.zeros_like(image)[None])
            logits = empty.repeat(len(maps), 1)
            if shown:
                logits[varied] = torch.cat(shown)
            return logits

        return weighted_sum(forward, layers, scores_by_image(forward, layers, score))
