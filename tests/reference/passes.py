"""A forward pass over images of noise, for the tests of the methods."""

import torch

from wsolbench.forward import run_forward
from wsolbench.models import as_classifier
from wsolbench.registry import METHODS


def noise(batch=3, hw=(64, 96), seed=1):
    """``[B, 3, H, W]`` of normal noise."""
    return torch.randn(batch, 3, *hw, generator=torch.Generator().manual_seed(seed))


def maps_of(name, net, images, labels, **options):
    """The raw maps of a method, one target per image."""
    classifier = as_classifier(net, input_hw=tuple(images.shape[-2:]))
    method = METHODS[name]
    forward = run_forward(
        classifier,
        images,
        image_index=range(len(images)),
        labels=labels,
        keys=[str(i) for i in range(len(images))],
        layers=method.layers(options, classifier),
        needs=method.needs,
    )
    return method.maps(forward, options)
