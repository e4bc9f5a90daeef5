"""Edges: the floor that marks strong edges and knows no class and no network.

Formula: ``M = sqrt(Gx^2 + Gy^2)``, with Gx and Gy the grey image (``.299 R + .587 G + .114 B`` in
[0, 1]) convolved with Sobel's kernels, border pixels repeated.

Departures: none. Adebayo et al. (Sanity Checks for Saliency Maps, NeurIPS 2018) compare saliency
maps with an edge detector because many hardly differ from one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "edge",
    title="Sobel magnitude of the grey image (floor)",
    family="floor",
    needs=(),
    cost="free",
    supervision="none",
    paper=Paper(
        authors="Adebayo, Gilmer, Muelly, Goodfellow, Hardt, Kim",
        title="Sanity Checks for Saliency Maps",
        venue="NeurIPS",
        year=2018,
        link="https://arxiv.org/abs/1810.03292",
    ),
)
def edge(forward: Forward, *, sigma: float = 0.0) -> Tensor:
    """The same edges for every target of an image, ``[T, H, W]``.

    Args:
        forward: the shared pass, of which only the images are used.
        sigma: of a Gaussian that smooths the map, as a fraction of the longer side.
    """
    import torch
    from torch.nn.functional import conv2d, pad

    from wsolbench.smoothing import smooth

    images, classifier = forward.images.float(), forward.classifier
    mean, std = (images.new_tensor(v)[:, None, None] for v in (classifier.mean, classifier.std))
    grey = torch.einsum(
        "bchw,c->bhw", images * std + mean, images.new_tensor([0.299, 0.587, 0.114])
    )
    sobel = images.new_tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    kernels = torch.stack([sobel, sobel.T])[:, None]
    gradients = conv2d(pad(grey[:, None], (1, 1, 1, 1), mode="replicate"), kernels)
    return smooth(gradients.square().sum(1).sqrt(), sigma)[forward.image_index]
