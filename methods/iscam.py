"""IS-CAM: Score-CAM with the score of each mask integrated from the empty image to the masked one.

Formula: ``M = ReLU(sum_c softmax(s)[c] A[c])``, ``s[c] = 1/N sum_i S(k[i] X * U(N(A[c])))`` for i =
1..N, with S the class's logit, X the image, N scaling to [0, 1] and U bilinear resizing.

Departures from the paper: its text integrates over the fractions ``k[i] = i / N``, its algorithm
adds every fraction to the mask of the step before, ``k[i] = (1 + ... + i) / N``, which leaves the
range of images from the third step on. The default is the algorithm, as in torch-cam;
``path="line"`` is the text. The score of the plain image is not subtracted, for the softmax does
not notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.errors import OptionError
from wsolbench.method import Paper
from wsolbench.registry import METHODS

from ._score_weighted import channel_masks, scores_by_image, weighted_sum

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "iscam",
    title="Score-CAM integrated over the strength of the mask",
    family="perturbation",
    needs=("activations",),
    cost="many",
    paper=Paper(
        authors="Naidu, Ghosh, Maurya, Nayak, Kundu",
        title="IS-CAM: Integrated Score-CAM for axiomatic-based explanations",
        venue="arXiv",
        year=2020,
        link="https://arxiv.org/abs/2010.03023",
    ),
)
def iscam(
    forward: Forward,
    *,
    layers: str | None = None,
    steps: int = 10,
    path: str = "accumulated",
    batch_size: int = 8,
    align_corners: bool = False,
    normalise: str = "before",
) -> Tensor:
    """ReLU of the maps weighted by the softmax of their integrated scores, ``[T, h, w]``.

    Costs ``steps`` passes per channel and image, whatever the number of classes.

    Args:
        forward: the shared pass.
        layers: one layer; the network's target layer where ``None``.
        steps: N.
        path: "accumulated" or "line".
        batch_size: masked images at a time; more than 8 pay on a GPU only.
        align_corners: how masks are resized to the image.
        normalise: "after" or "before" resizing.
    """
    import torch

    from wsolbench.perturb import scorer, spans

    strengths = _strengths(steps, path)
    with scorer(forward) as logits_of:

        def score(image: Tensor, maps: Tensor) -> Tensor:
            logits = []
            for start, stop in spans(len(maps), batch_size):
                masks = channel_masks(
                    maps[start:stop],
                    forward.input_hw,
                    align_corners=align_corners,
                    normalise=normalise,
                )
                masked = masks[:, None].to(image) * image
                logits.append(torch.stack([logits_of(k * masked) for k in strengths]).mean(0))
            return torch.cat(logits)

        return weighted_sum(forward, layers, scores_by_image(forward, layers, score))


def _strengths(steps: int, path: str) -> list[float]:
    if steps < 1:
        raise OptionError(f"expected steps of iscam to be at least 1, but got {steps}")
    if path == "line":
        return [i / steps for i in range(1, steps + 1)]
    if path == "accumulated":
        return [i * (i + 1) / 2 / steps for i in range(1, steps + 1)]
    raise OptionError(f"expected path of iscam to be 'accumulated' or 'line', but got {path!r}")
