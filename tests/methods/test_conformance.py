"""What holds for every registered method."""

import pytest
import torch
from reference.nets import ALL_NETS

from wsolbench.checks import check_method
from wsolbench.models import as_classifier
from wsolbench.registry import METHODS


@pytest.mark.parametrize("name", METHODS)
def test_the_method_conforms(name):
    assert check_method(name) == []


@pytest.mark.parametrize("net", ALL_NETS)
@pytest.mark.parametrize("name", METHODS)
def test_the_method_conforms_on_every_kind_of_network_that_can_serve_it(name, net):
    classifier = as_classifier(net().train(), input_hw=(64, 96))
    if METHODS[name].unsupported_by(classifier) is None:
        assert check_method(name, classifier=classifier) == []


@pytest.mark.parametrize("name", METHODS)
def test_the_method_works_in_double_precision(name):
    nets = (as_classifier(net().to(torch.float64), input_hw=(64, 96)) for net in ALL_NETS)
    able = next(net for net in nets if METHODS[name].unsupported_by(net) is None)
    assert check_method(name, classifier=able) == []
