"""Raw maps of other CAM libraries, where they are installed: before any normalising or resizing."""

import warnings

import numpy as np
import pytest
import torch

from wsolbench.models import as_classifier


def layer_of(net, images):
    """The name of the target layer, and what brings its output into the form of maps."""
    classifier = as_classifier(net.eval(), input_hw=tuple(images.shape[-2:]))
    layer = classifier.layer(classifier.target_layer)
    return layer.name, lambda output: layer.to_maps(output, images.shape[-2:])


def pytorch_grad_cam(method, net, images, labels, *, signed=False, **options):
    """``[B, h, w]`` of a method of pytorch-grad-cam; behind its ReLU unless ``signed``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library = pytest.importorskip("pytorch_grad_cam")
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
    name, to_maps = layer_of(net, images)
    layer, targets = net.get_submodule(name), [ClassifierOutputTarget(label) for label in labels]
    raw = []
    with getattr(library, method)(net, [layer], reshape_transform=to_maps, **options) as cam:
        compute = cam.get_cam_image
        cam.get_cam_image = lambda *a: raw.append(np.array(compute(*a))) or raw[-1]
        cam(images, targets)
    return torch.from_numpy(raw[0] if signed else np.maximum(raw[0], 0))


def torchcam(method, net, images, labels):
    """``[B, h, w]`` of a method of torch-cam."""
    library = pytest.importorskip("torchcam.methods")
    name, to_maps = layer_of(net, images)
    with getattr(library, method)(net, name, reshape_transform=to_maps) as extractor:
        scores = net(images)
        (maps,) = extractor(labels, scores, normalized=False)
    return maps


def captum(net, images, labels):
    """``[B, h, w]`` of captum's LayerGradCam."""
    library = pytest.importorskip("captum.attr")
    name, _ = layer_of(net, images)
    grad_cam = library.LayerGradCam(net, net.get_submodule(name))
    maps = grad_cam.attribute(images, target=labels, relu_attributions=True)
    return maps.detach()[:, 0]


def fullgrad(net, images, labels):
    """``[B, H, W]`` of pytorch-grad-cam's FullGrad."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library = pytest.importorskip("pytorch_grad_cam")
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
    targets, kept = [ClassifierOutputTarget(label) for label in labels], []
    with library.FullGrad(net.eval(), []) as cam:
        cam.aggregate_multi_layers = lambda maps: kept.append(maps) or maps
        cam(images, targets)
    return torch.from_numpy(kept[0])[:, 0]


def finercam(net, images, labels):
    """``[B, h, w]`` of torch-cam's Finer-CAM around Grad-CAM."""
    library = pytest.importorskip("torchcam.methods")
    name, to_maps = layer_of(net, images)
    with library.FinerCAM(net, name, reshape_transform=to_maps) as extractor:
        (maps,) = extractor(labels, net(images), normalized=False)
    return maps
