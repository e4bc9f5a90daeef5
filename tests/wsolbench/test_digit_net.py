from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from wsolbench.digit_net import DigitNet
from wsolbench.models import load_classifier
from wsolbench.recipe import RECIPES

WEIGHTS = Path(str(files("wsolbench"))) / "weights" / "digit_net.safetensors"
RECORD = WEIGHTS.with_suffix(".json")


@pytest.fixture(scope="module")
def record() -> dict:
    return json.loads(RECORD.read_text(encoding="utf-8"))


def test_logits_of_each_class():
    assert DigitNet(num_classes=7)(torch.zeros(2, 3, 64, 96)).shape == (2, 7)


def test_last_maps_have_14x14_cells_at_224():
    maps = []
    net = DigitNet()
    net.layer3.register_forward_hook(lambda *args: maps.append(args[-1].shape))
    net(torch.zeros(2, 3, 224, 224))
    assert maps == [(2, 128, 14, 14)]


def test_the_suite_finds_layer_and_head_of_the_shipped_network():
    classifier = load_classifier("digit-net", num_classes=10)
    assert classifier.target_layer == "layer3"
    assert classifier.head is not None
    assert classifier.head.layer == "layer3"
    assert classifier.head.weight.shape == (10, 128)


def test_shipped_weights_fit_strictly_and_are_small():
    DigitNet().load_state_dict(load_file(WEIGHTS), strict=True)
    assert WEIGHTS.stat().st_size < 2e6


def test_shipped_record_is_that_of_the_weights_and_of_the_recipe(record):
    assert record["weights_sha256"] == hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    assert record["parameters"] == sum(one.numel() for one in DigitNet().parameters())
    recipe = json.loads(json.dumps(RECIPES["digit-scenes"].describe()))
    assert record["recipe"] == recipe


def test_shipped_network_is_right_about_more_than_95_of_100(record):
    assert record["test_accuracy"] > 0.95
    assert record["test_accuracy"] == record["test_correct"] / record["test_images"]
