"""What methods cost, as multiples of the bare forward pass of the same network in the same run.

``extra_info`` of every run holds ``forward_passes``; the shared pass itself is in it. Peers start
from the same batch of images, already decoded. No time is asserted.
"""

from __future__ import annotations

import gc
import time
import warnings
from functools import cache

import pytest
import torch

from wsolbench.forward import run_forward
from wsolbench.models import load_classifier
from wsolbench.registry import METHODS

BATCH, SIDE, CLASSES = 16, 224, 1000
ROUNDS = 5
NETS = ["resnet50", "vgg16"]
TEN = (
    "gradcam", "gradcampp", "xgradcam", "hirescam", "gradcam-elementwise", "layercam", "finercam",
    "eigencam", "eigengradcam", "fem",
)  # fmt: skip
PEERS = {
    "grad-cam": (
        "GradCAM", "GradCAMPlusPlus", "XGradCAM", "HiResCAM", "GradCAMElementWise", "LayerCAM",
        "EigenCAM", "EigenGradCAM", "FEM", "ShapleyCAM", "KPCA_CAM", "FullGrad",
    ),
    "torchcam": ("GradCAM", "GradCAMpp", "XGradCAM", "LayerCAM", "FinerCAM", "SmoothGradCAMpp"),
}  # fmt: skip
ALONE = (
    "cam", "gradcam", "eigencam", "fullgrad", "shapleycam", "liftcam", "kpcacam", "dff",
    "smoothgradcampp", "relevancecam",
)  # fmt: skip


@cache
def classifier(name):
    return load_classifier(name, num_classes=CLASSES, weights="none")


@cache
def images():
    return torch.randn(BATCH, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def bare(net):
    with torch.no_grad():
        net.module.eval()(images())


def ours(net, names):
    """The maps of some methods from one shared pass."""
    methods = [METHODS[name] for name in names]
    forward = run_forward(
        net,
        images(),
        image_index=range(BATCH),
        labels=range(BATCH),
        keys=[str(i) for i in range(BATCH)],
        layers=[layer for method in methods for layer in method.layers({}, net)],
        needs={need for method in methods for need in method.needs},
    )
    for method in methods:
        method.maps(forward)


def measure(benchmark, net, function, *args, rounds=ROUNDS):
    """The fastest of some rounds, each beside a bare pass, over the fastest bare pass."""
    passes = []

    def beside():
        gc.collect()
        start = time.perf_counter()
        bare(net)
        passes.append(time.perf_counter() - start)

    function(*args)
    benchmark.pedantic(function, args, setup=beside, rounds=rounds)
    benchmark.extra_info["bare_seconds"] = round(min(passes), 4)
    benchmark.extra_info["forward_passes"] = round(benchmark.stats.stats.min / min(passes), 3)


@pytest.mark.parametrize("name", NETS)
def test_ten_methods_together(benchmark, name):
    measure(benchmark, classifier(name), ours, classifier(name), TEN, rounds=2 * ROUNDS)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("method", ALONE)
def test_one_method(benchmark, name, method):
    net = classifier(name)
    if METHODS[method].unsupported_by(net):
        pytest.skip("not for this network")
    measure(benchmark, net, ours, net, (method,))


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize(
    ("library", "method"), [(lib, method) for lib, methods in PEERS.items() for method in methods]
)
def test_peer(benchmark, name, library, method):
    net = classifier(name)
    run = of_torchcam if library == "torchcam" else of_pytorch_grad_cam
    measure(benchmark, net, run, net, method, rounds=1)


def of_pytorch_grad_cam(net, method):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library = pytest.importorskip("pytorch_grad_cam")
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
    targets = [ClassifierOutputTarget(label) for label in range(BATCH)]
    layers = [] if method == "FullGrad" else [net.module.get_submodule(net.target_layer)]
    with getattr(library, method)(net.module, layers) as cam:
        cam(images().clone(), targets)


def of_torchcam(net, method):
    library = pytest.importorskip("torchcam.methods")
    with getattr(library, method)(net.module.eval(), net.target_layer) as extractor:
        extractor(list(range(BATCH)), net.module(images()))
