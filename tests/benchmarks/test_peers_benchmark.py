"""Ours against other libraries in the same run: Grad-CAM, LayerCAM and Score-CAM.

``extra_info`` holds the time as a multiple of the bare forward pass that ran right before, for ours
and for each peer, and each peer's time over ours. No time is asserted: other work on a machine
changes it. Score-CAM takes a small network, for it makes a pass per channel.
"""

import pytest

from wsolbench.bench import BARE, bench
from wsolbench.models import load_classifier
from wsolbench.plan import find_methods
from wsolbench.settings import specs_of


@pytest.mark.parametrize(
    ("method", "model", "batch_size", "side"),
    [
        ("gradcam", "resnet50", 4, 224),
        ("layercam", "resnet50", 4, 224),
        ("scorecam", "squeezenet1_1", 2, 64),
    ],
)
def test_beside_its_peers(benchmark, method, model, batch_size, side):
    classifier = load_classifier(model, num_classes=1000, weights="none", input_hw=(side, side))
    planned, _ = find_methods(specs_of(method, "method"), classifier)
    found = benchmark.pedantic(
        bench,
        (classifier, planned),
        {"batch_size": batch_size, "peers": True, "repeats": 3},
        rounds=1,
    )
    costs = {one.label: one for one in found if one.label != BARE}
    benchmark.extra_info["passes"] = {label: one.passes for label, one in costs.items()}
    benchmark.extra_info["times of ours"] = {
        label: one.seconds / costs[method].seconds for label, one in costs.items()
    }
    assert not [one.failure for one in costs.values() if one.failure]
