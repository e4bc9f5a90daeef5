"""Raw maps of pytorch-grad-cam's methods that need no gradients."""

import warnings

import pytest
import torch

from wsolbench.models import as_classifier


def pytorch_grad_cam(method, net, images, labels, *, layer=None):
    """``[B, h, w]``, before any normalising or resizing; of the target layer where ``None``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library = pytest.importorskip("pytorch_grad_cam")
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
    classifier = as_classifier(net.eval(), layer=layer, input_hw=tuple(images.shape[-2:]))
    layer = classifier.layer(classifier.target_layer)
    module, targets = net.get_submodule(layer.name), [ClassifierOutputTarget(y) for y in labels]
    raw = []
    with getattr(library, method)(
        net, [module], reshape_transform=lambda output: layer.to_maps(output, images.shape[-2:])
    ) as cam:
        original = cam.get_cam_image
        cam.get_cam_image = lambda *a, **k: raw.append(original(*a, **k)) or raw[-1]
        cam(images, targets)
    return torch.from_numpy(raw[0]).relu()


def captum(method, net, images, labels, *, layer=None, **options):
    """``[B, 3, H, W]`` of a method of captum, on a network whose ReLUs do not work in place."""
    library = pytest.importorskip("captum.attr")
    for part in net.eval().modules():
        if getattr(part, "inplace", False):
            part.inplace = False
    parts = (net,) if layer is None else (net, net.get_submodule(layer))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = getattr(library, method)(*parts).attribute(
            images.clone().requires_grad_(), target=labels, **options
        )
    return found.detach().float()
