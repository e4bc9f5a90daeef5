"""Perturbation methods against pytorch-grad-cam in the same run, and against a bare forward pass.

They read a layer of 64 channels, so that a run takes a minute. ``extra_info`` of each run holds the
forward passes of one image that it takes (``forwards``) and, where pytorch-grad-cam offers the
method, its share of the peer's time (``share_of_the_peer``) and by how much the raw maps differ at
most, relative to the largest value (``difference``).
"""

from __future__ import annotations

import time
from functools import cache

import pytest
import torch
import torchvision
from reference import peer_passes
from reference.passes import maps_of, noise

from wsolbench.models import as_classifier

IMAGE = noise(1, hw=(224, 224))
LAYERS = {"resnet18": "layer1", "squeezenet1_1": "features.2"}
PEERS = {"scorecam": "ScoreCAM", "ablationcam": "AblationCAM"}
CASES = [
    ("squeezenet1_1", "scorecam", {}),
    ("resnet18", "scorecam", {}),
    ("resnet18", "iscam", {"steps": 1}),
    ("resnet18", "sscam", {"samples": 1}),
    ("resnet18", "ablationcam", {}),
    ("resnet18", "groupcam", {}),
    ("resnet18", "occlusion", {"patch": 0.25, "stride": 0.25}),
    ("resnet18", "rise", {"masks": 16}),
    ("resnet18", "saliency", {}),
    ("resnet18", "guidedbackprop", {}),
    ("resnet18", "smoothgrad", {"samples": 4}),
    ("resnet18", "integratedgradients", {"steps": 4}),
]


@cache
def net(name):
    torch.manual_seed(0)
    return getattr(torchvision.models, name)(num_classes=10).eval()


@cache
def classifier(name, layer):
    return as_classifier(net(name), layer=layer)


@cache
def label(name):
    with torch.no_grad():
        return int(net(name)(IMAGE).argmax())


@cache
def seconds_of_a_forward_pass(name):
    def bare():
        with torch.inference_mode():
            net(name)(IMAGE)

    return fastest(bare, 10)[0]


def fastest(function, rounds):
    """The least seconds, and the last result."""
    seconds, result = [], None
    for _ in range(rounds):
        begin = time.perf_counter()
        result = function()
        seconds.append(time.perf_counter() - begin)
    return min(seconds), result


def note_forwards(benchmark, name):
    forwards = benchmark.stats.stats.min / seconds_of_a_forward_pass(name)
    benchmark.extra_info["forwards"] = round(forwards, 2)


@pytest.mark.parametrize(("name", "method", "options"), CASES)
def test_method(benchmark, name, method, options):
    layer = LAYERS[name]
    arguments = (method, classifier(name, layer), IMAGE, [label(name)])
    maps = benchmark.pedantic(maps_of, arguments, options, rounds=2)
    note_forwards(benchmark, name)
    if method in PEERS:
        seconds, theirs = fastest(
            lambda: peer_passes.pytorch_grad_cam(
                PEERS[method], net(name), IMAGE, [label(name)], layer=layer
            ),
            2,
        )
        difference = (maps - theirs).abs().max() / theirs.abs().max()
        benchmark.extra_info["share_of_the_peer"] = round(benchmark.stats.stats.min / seconds, 3)
        benchmark.extra_info["difference"] = float(difference)


def test_ablationcam_in_closed_form(benchmark):
    """With the shared pass, which is all it takes."""
    arguments = ("ablationcam", classifier("resnet18", None), IMAGE, [label("resnet18")])
    benchmark.pedantic(maps_of, arguments, rounds=5, warmup_rounds=1)
    note_forwards(benchmark, "resnet18")
