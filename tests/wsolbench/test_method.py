import subprocess
import sys

import pytest
import torch
from reference.nets import GapNet, VggNet

from wsolbench.errors import MapError, ModelError, OptionError, UnknownNameError, UnsupportedError
from wsolbench.forward import run_forward
from wsolbench.method import Method, layer_names, non_finite
from wsolbench.models import as_classifier
from wsolbench.registry import METHODS


def scaled(forward, *, layers=None, factor=1.0, count=2, name="a", flag=False):
    return forward.activations(layers).sum(1) * factor


def method(function=scaled, **card):
    return Method("mine", function, **{"title": "Mine", "family": "activation", **card})


@pytest.fixture(scope="module")
def gap():
    return as_classifier(GapNet(), input_hw=(32, 48))


@pytest.fixture(scope="module")
def vgg():
    return as_classifier(VggNet(), input_hw=(32, 48))


def forward_of(classifier, layers):
    return run_forward(
        classifier,
        torch.ones(2, 3, 32, 48),
        image_index=[0, 1],
        labels=[0, 1],
        keys=["a", "b"],
        layers=layers,
    )


def test_options_are_read_from_the_signature():
    assert method().options == {
        "layers": None,
        "factor": 1.0,
        "count": 2,
        "name": "a",
        "flag": False,
    }


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"factor": 2},
        {"factor": 0.5},
        {"count": 3},
        {"name": "b"},
        {"flag": True},
        {"layers": 4},
    ],
)
def test_given_options_replace_defaults(options):
    assert method().resolve(options) == {**method().options, **options}


def test_unknown_options_are_refused():
    with pytest.raises(OptionError, match="mine has no option 'size'; options: layers, factor"):
        method().resolve({"size": 1})


@pytest.mark.parametrize(
    "options",
    [{"factor": "x"}, {"factor": True}, {"count": 1.5}, {"count": True}, {"name": 1}, {"flag": 1}],
)
def test_options_of_another_type_are_refused(options):
    with pytest.raises(OptionError, match=f"option {next(iter(options))} of method mine"):
        method().resolve(options)


def test_the_spec_drops_defaults():
    assert str(method().spec({"count": 3, "factor": 1, "name": "a"})) == "mine(count=3)"
    assert str(method().spec({})) == "mine"


@pytest.mark.parametrize(
    ("layers", "names"),
    [
        (None, ()),
        ("layer4", ("layer4",)),
        ("layer3+layer4", ("layer3", "layer4")),
        ("features.5 + features.9", ("features.5", "features.9")),
        (("a", "b"), ("a", "b")),
        (1, ("1",)),
    ],
)
def test_layer_names(layers, names):
    assert layer_names(layers) == names


def test_the_layers_of_a_method(gap):
    assert method().layers({}, gap) == ()
    activations = method(needs=("activations",))
    assert activations.layers({}, gap) == ("relu",)
    assert activations.layers({"layers": "stem+conv"}, gap) == ("stem", "conv")
    with pytest.raises(UnknownNameError, match="stemm"):
        activations.layers({"layers": "stemm"}, gap)
    with pytest.raises(ModelError, match="does not return maps"):
        activations.layers({"layers": "fc"}, gap)


def test_a_head_is_read_at_its_own_layer():
    classifier = as_classifier(GapNet(), input_hw=(32, 48), layer="stem")
    assert method(needs=("activations", "head")).layers({}, classifier) == ("relu",)


def test_a_head_that_is_missing_is_a_reason(gap, vgg):
    needy = method(needs=("activations", "head"))
    assert needy.unsupported_by(gap) is None
    assert "global average pooling and one linear layer, and VggNet does not" in (
        needy.unsupported_by(vgg)
    )


def test_cam_on_another_head_names_the_methods_that_work(vgg):
    with pytest.raises(
        UnsupportedError, match=r"methods that work on it: .*gradcam, .*layercam"
    ) as error:
        METHODS["cam"].require(vgg)
    assert " cam," not in str(error.value).partition("work on it:")[2]
    with pytest.raises(UnsupportedError):
        METHODS["cam"].maps(forward_of(vgg, ()))


def test_maps_are_float32_without_graph(gap):
    forward = forward_of(gap, ("relu",))
    maps = method(lambda f: f.activations().sum(1).double()).maps(forward)
    assert (maps.shape, maps.dtype) == ((2, 8, 12), torch.float32)
    doubled = method().maps(forward, {"factor": 2})
    assert doubled.equal(2 * method().maps(forward))
    assert not doubled.requires_grad


@pytest.mark.parametrize(
    ("wrong", "got"),
    [
        (lambda _: torch.zeros(1, 4, 4), r"\(1, 4, 4\)"),
        (lambda _: torch.zeros(2, 1, 4, 4), r"\(2, 1, 4, 4\)"),
        (lambda _: None, "NoneType"),
    ],
)
def test_other_results_are_refused(gap, wrong, got):
    with pytest.raises(MapError, match=rf"expected maps \[2, h, w\] from mine, but got {got}"):
        method(wrong).maps(forward_of(gap, ()))


def test_listing_methods_does_not_import_torch():
    code = (
        "import sys; from wsolbench.registry import METHODS; "
        "print([m.options for m in METHODS.values()] and 'torch' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_maps_that_are_not_finite_are_found():
    maps = torch.zeros(3, 2, 2)
    maps[0, 1, 1], maps[2, 0, 0] = torch.nan, torch.inf
    assert non_finite(maps).tolist() == [True, False, True]
