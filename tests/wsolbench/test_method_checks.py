"""The conformance suite finds what does not conform."""

import pytest
import torch
from reference.nets import TinyVit, VggNet

from wsolbench.checks import check_method
from wsolbench.errors import UnknownNameError
from wsolbench.method import Method, Paper
from wsolbench.models import as_classifier

PAPER = Paper("Doe", "On maps", "CVPR", 2020, "https://example.org")


def good(forward):
    """Mean of the activations."""
    return forward.activations().mean(1)


def method(function=good, **card):
    """A conforming card around a function."""
    function.__doc__ = function.__doc__ or "Maps."
    facts = {"title": "Mine", "family": "activation", "needs": ("activations",), "paper": PAPER}
    return Method("mine", function, **{**facts, **card})


def test_a_conforming_method_has_no_findings():
    assert check_method(method()) == []


def test_a_method_is_found_by_name():
    assert check_method("gradcam") == []
    with pytest.raises(UnknownNameError):
        check_method("gradcamm")


def test_a_method_can_be_checked_on_another_network():
    classifier = as_classifier(TinyVit(), input_hw=(32, 48))
    assert check_method(method(), classifier=classifier) == []


@pytest.mark.parametrize(
    ("card", "finding"),
    [
        ({"family": "magic"}, "the card's family is magic"),
        ({"needs": ("activations", "luck")}, "the card's needs is activations, luck"),
        ({"cost": "cheap"}, "the card's cost is cheap"),
        ({"supervision": "boxes"}, "the card's supervision is boxes"),
        ({"title": ""}, "the card has no title"),
        ({"paper": None}, "the card names no paper"),
    ],
)
def test_faults_of_the_card_are_found(card, finding):
    assert [found for found in check_method(method(**card)) if found.startswith(finding)]


def test_missing_docstrings_and_defaults_are_found():
    def bare(forward, *, option):
        return forward.activations().mean(1)

    findings = check_method(
        Method("mine", bare, title="Mine", family="activation", needs=("activations",), paper=PAPER)
    )
    assert "the function has no docstring" in findings
    assert "the option option has no default" in findings


def depends_on_batch(forward):
    maps = forward.activations().mean(1)
    return maps - maps.mean()


def depends_on_position(forward):
    return forward.activations().mean(1) * torch.arange(1, len(forward) + 1)[:, None, None]


def draws_globally(forward):
    return torch.rand(len(forward), 4, 4)


def changes_input(forward):
    return forward.activations().mul_(2).mean(1)


def leaves_hook(forward):
    forward.classifier.module.register_forward_hook(lambda *_: None)
    return forward.activations().mean(1)


def leaves_evaluation_mode(forward):
    forward.classifier.module.eval()
    return forward.activations().mean(1)


def has_nan(forward):
    return forward.activations().mean(1) / 0


def wrong_shape(forward):
    return forward.activations()


def fails(forward):
    raise IndexError("sorry")


def uses_undeclared_gradients(forward):
    return forward.gradients().mean(1)


def square_only(forward):
    return forward.activations().mean(1).reshape(len(forward), 8, 8)


@pytest.mark.parametrize(
    ("function", "finding"),
    [
        (depends_on_batch, "a batch of one gives other maps than a batch of several"),
        (depends_on_position, "the order of the targets changes the maps"),
        (draws_globally, "a second run gives other maps"),
        (draws_globally, "it draws from the global random state; use forward.generators(seed)"),
        (changes_input, "it changes the images, logits or activations that it was given"),
        (leaves_hook, "it leaves hooks, gradients or changed flags behind in the network"),
        (
            leaves_evaluation_mode,
            "it leaves hooks, gradients or changed flags behind in the network",
        ),
        (has_nan, "its maps hold NaN or infinity"),
        (wrong_shape, "expected maps [4, h, w] from mine, but got (4, 6, 8, 12)"),
        (fails, "it raises IndexError: sorry"),
        (uses_undeclared_gradients, "expected a pass with gradients=True"),
        (square_only, "it raises RuntimeError: shape '[4, 8, 8]' is invalid"),
    ],
)
def test_faults_of_the_maps_are_found(function, finding):
    assert [found for found in check_method(method(function)) if found.startswith(finding)]


def test_a_network_that_cannot_serve_the_method_is_a_finding():
    classifier = as_classifier(VggNet(), input_hw=(32, 48))
    (finding,) = check_method("cam", classifier=classifier)
    assert finding.startswith("the network cannot serve it")
