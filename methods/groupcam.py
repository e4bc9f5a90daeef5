"""Group-CAM: groups of Grad-CAM's weighted maps as masks, weighted by what each reveals.

Formula: ``M = ReLU(sum_g (P(X * m[g] + B * (1 - m[g])) - P(B)) m[g])``, with X the image, B its
blurred version, P the class's probability and ``m[g] = N(U(D(ReLU(sum_{c in g} a[c] A[c]))))``:
a[c] the mean gradient of the c-th map, D keeping values above the group's 70th percentile, U
bilinear resizing and N scaling to [0, 1]; the groups are runs of consecutive channels.

Departures from the paper: the blur of the authors' code (51 pixels wide, standard deviation 50, at
224 pixels) scales with the image, and repeats border pixels instead of reflecting them. There are
as many groups as channels where there are fewer channels than groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.errors import OptionError
from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward

_REACH = 25 / 224  # half the blur's width, as a fraction of the longer side


@METHODS.register(
    "groupcam",
    title="Groups of weighted maps scored as masks over a blurred image",
    family="perturbation",
    needs=("activations", "gradients"),
    cost="many",
    paper=Paper(
        authors="Zhang, Rao, Yang",
        title="Group-CAM: Group Score-Weighted Visual Explanations for Deep Convolutional Networks",
        venue="arXiv",
        year=2021,
        link="https://arxiv.org/abs/2103.13859",
    ),
)
def groupcam(
    forward: Forward,
    *,
    layers: str | None = None,
    groups: int = 32,
    percentile: float = 70.0,
    batch_size: int = 8,
) -> Tensor:
    """ReLU of the masks weighted by the gain in probability, ``[T, H, W]``.

    Costs ``groups + 1`` passes per target.

    Args:
        forward: the shared pass.
        layers: one layer; the network's target layer where ``None``.
        groups: number of masks.
        percentile: values of a group's map up to this percentile are set to zero.
        batch_size: masked images at a time; more than 8 pay on a GPU only.
    """
    import torch

    from wsolbench.perturb import scorer, spans
    from wsolbench.smoothing import blur

    if groups < 1 or not 0 <= percentile <= 100:
        raise OptionError(
            "expected groups of groupcam to be at least 1 and its percentile in 0..100, but got "
            f"{groups} and {percentile}"
        )
    reach = max(1, round(_REACH * max(forward.input_hw)))
    blurred = blur(forward.images, 2.0 * reach, reach=reach)
    weights = forward.gradients(layers).mean((2, 3))
    saliency = []
    with scorer(forward) as logits_of:
        baseline = logits_of(blurred).softmax(1)
        for row, (image, label) in enumerate(
            zip(forward.image_index.tolist(), forward.labels.tolist(), strict=True)
        ):
            weighted = weights[row, :, None, None] * forward.activations(layers)[row]
            masks = _masks(weighted, groups, percentile, forward.input_hw)
            shown = blurred[image] + masks[:, None] * (forward.images[image] - blurred[image])
            logits = [logits_of(shown[start:stop]) for start, stop in spans(len(masks), batch_size)]
            gain = torch.cat(logits).softmax(1)[:, label] - baseline[image, label]
            saliency.append(torch.einsum("g,ghw->hw", gain, masks).relu())
    return torch.stack(saliency)


def _masks(weighted: Tensor, groups: int, percentile: float, input_hw: tuple[int, int]) -> Tensor:
    """The groups' masks ``[G, H, W]`` in [0, 1]; all zero where a group says nothing."""
    import torch

    from wsolbench.perturb import resized

    maps = torch.stack([group.sum(0) for group in weighted.chunk(groups)]).relu()
    limit = maps.float().flatten(1).quantile(percentile / 100, dim=1).to(maps)[:, None, None]
    maps = resized(maps.where(maps > limit, 0), input_hw)
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / (high - low).where(high > low, 1)
