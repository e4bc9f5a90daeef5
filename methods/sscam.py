"""SS-CAM: Score-CAM with the score of each mask averaged over noise.

Formula: ``M = ReLU(sum_c softmax(s)[c] A[c])``, ``s[c] = 1/N sum_i S(X * (U(N(A[c])) + e[i, c]))``,
``e ~ Normal(0, std^2)`` at every pixel, with S the class's logit, X the image, N scaling to [0, 1]
and U bilinear resizing. This is the paper's "type 1", the noise on the mask.

Departures from the paper: 10 samples rather than 35, for a pass per channel and sample is dear. Its
standard deviation of 2 stays. The score of the plain image is not subtracted, for the softmax does
not notice. N comes before U as in torch-cam. The noise is drawn per target from the seed and the
target's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.errors import OptionError
from wsolbench.method import Paper
from wsolbench.registry import METHODS

from ._score_weighted import channel_masks, weighted_sum

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "sscam",
    title="Score-CAM smoothed by noise on the masks",
    family="perturbation",
    needs=("activations",),
    cost="many",
    paper=Paper(
        authors="Wang, Naidu, Michael, Kundu",
        title="SS-CAM: Smoothed Score-CAM for Sharper Visual Feature Localization",
        venue="arXiv",
        year=2020,
        link="https://arxiv.org/abs/2006.14255",
    ),
)
def sscam(
    forward: Forward,
    *,
    layers: str | None = None,
    samples: int = 10,
    std: float = 2.0,
    seed: int = 0,
    batch_size: int = 8,
    align_corners: bool = False,
    normalise: str = "before",
) -> Tensor:
    """ReLU of the maps weighted by the softmax of their smoothed scores, ``[T, h, w]``.

    Costs ``samples`` passes per channel and target.

    Args:
        forward: the shared pass.
        layers: one layer; the network's target layer where ``None``.
        samples: N.
        std: of the noise.
        seed: of the noise.
        batch_size: masked images at a time; more than 8 pay on a GPU only.
        align_corners: how masks are resized to the image.
        normalise: "after" or "before" resizing.
    """
    import torch

    from wsolbench.perturb import scorer, spans

    if samples < 1:
        raise OptionError(f"expected samples of sscam to be at least 1, but got {samples}")
    activations = forward.activations(layers)
    scores = activations.new_zeros(activations.shape[:2])
    generators, labels = forward.generators(seed), forward.labels.tolist()
    hw = forward.input_hw
    with scorer(forward) as logits_of:
        for row, image in enumerate(forward.images[forward.image_index]):
            for _ in range(samples):
                for start, stop in spans(scores.shape[1], batch_size):
                    masks = channel_masks(
                        activations[row, start:stop],
                        hw,
                        align_corners=align_corners,
                        normalise=normalise,
                    )
                    noise = [torch.randn(hw, generator=generators[row]) for _ in masks]
                    masks = masks + std * torch.stack(noise).to(masks)
                    logits = logits_of(masks[:, None].to(image) * image)
                    scores[row, start:stop] += logits[:, labels[row]].to(scores) / samples
        return weighted_sum(forward, layers, scores)
