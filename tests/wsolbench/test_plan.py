"""Names become things before any work is done."""

from dataclasses import replace

import pytest
import torch
from reference.runs import CORE, ColourNet, card, paint, sample, squares

from wsolbench.errors import DataError, ModelError, OptionError, UnknownNameError, UsageError
from wsolbench.names import find_dataset, find_protocols
from wsolbench.plan import find_device, make_plan
from wsolbench.settings import Settings, specs_of
from wsolbench.spec import Spec


def settings(methods="cam", protocols="pointing-game", **more):
    return Settings(
        methods=specs_of(methods, "method"), protocols=specs_of(protocols, "protocol"), **more
    )


@pytest.fixture
def dataset(tmp_path):
    return squares(tmp_path)


def test_a_plan_of_everything(dataset):
    plan = make_plan(ColourNet(), dataset, settings("gradcam,random(seed=1)", input_size=32))
    assert [method.label for method in plan.methods] == ["gradcam", "random(seed=1)"]
    assert plan.layers == ("pick",)
    assert plan.needs_gradients
    assert [split.name for split in plan.splits] == ["test", "train-fullsup"]
    assert [protocol.label for protocol in plan.protocols] == ["pointing-game"]


def test_options_that_are_defaults_are_no_part_of_a_label(dataset):
    plan = make_plan(ColourNet(), dataset, settings("random(seed=0)", input_size=32))
    assert [method.label for method in plan.methods] == ["random"]
    assert not plan.needs_gradients
    assert plan.layers == ()


def test_the_same_method_in_two_spellings_is_refused(dataset):
    with pytest.raises(OptionError, match="method given more than once: random"):
        make_plan(ColourNet(), dataset, settings("random,random(seed=0)", input_size=32))


def test_all_protocols_and_one_with_options():
    labels = [one.label for one in find_protocols(specs_of("pointing-game(radius=5),all", ""))]
    assert labels[0] == "pointing-game(radius=5)"
    assert "wsol2020" in labels
    assert "pointing-game" not in labels


def test_a_network_by_name_gets_the_classes_of_the_data(dataset):
    plan = make_plan("squeezenet1_1", dataset, settings(weights="none", input_size=64))
    assert plan.classifier.num_classes == 2
    assert plan.classifier.weights == "none (seed 0)"


def test_names_are_checked_before_data_and_data_before_networks(tmp_path):
    dataset = card({"test": [sample(paint(tmp_path / "a.png"), CORE)]})
    nowhere = tmp_path / "nowhere"
    with pytest.raises(UnknownNameError, match="unknown method 'kam'"):
        make_plan("no-model", dataset, settings("kam", data_root=nowhere))
    with pytest.raises(DataError, match=r"there is no .*nowhere"):
        make_plan("no-model", dataset, settings(data_root=nowhere))
    with pytest.raises(UnknownNameError, match=r"unknown model 'resnet51'.*resnet50"):
        make_plan("resnet51", dataset, settings())


@pytest.fixture
def nothing_found(tmp_path, monkeypatch):
    """A machine without any data."""
    monkeypatch.delenv("WSOLBENCH_DATA", raising=False)
    monkeypatch.setenv("WSOLBENCH_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("nothing_found")
def test_data_sets_that_are_not_embedded_need_a_root():
    with pytest.raises(UsageError, match=r"voc2012 needs --data-root DIR .* Layout: .* Home page"):
        make_plan("squeezenet1_1", "voc2012", settings())


@pytest.mark.usefixtures("nothing_found")
def test_data_are_looked_for_where_the_data_verbs_look(tmp_path, monkeypatch):
    def read(root, split):
        if (root / "a.png").is_file():
            yield sample(root / "a.png", CORE)

    dataset = replace(card({"test": []}), function=read, embedded=None)
    paint(tmp_path / "data" / "a.png")
    with pytest.raises(OptionError, match="squares needs --data-root DIR"):
        make_plan(ColourNet(), dataset, settings(input_size=32))
    monkeypatch.setenv("WSOLBENCH_DATA", str(tmp_path / "data"))
    plan = make_plan(ColourNet(), dataset, settings(input_size=32))
    assert plan.settings.data_root == tmp_path / "data"
    assert len(plan.test.samples) == 1


def test_a_root_that_is_not_one_says_what_was_looked_for_and_found(tmp_path):
    (tmp_path / "holiday").mkdir()
    with pytest.raises(DataError, match=r"looked for .*VOC2012.*found holiday/"):
        make_plan("squeezenet1_1", "voc2012", settings(weights="none", data_root=tmp_path))


def test_data_sets_by_name():
    assert find_dataset("voc2007").name == "voc2007"
    with pytest.raises(UnknownNameError, match=r"unknown dataset 'voc'. Did you mean .*voc2007"):
        find_dataset("voc")


def test_weights_that_do_not_fit_name_the_keys(tmp_path, dataset):
    state = {"features.0.weight": torch.zeros(64, 3, 3, 3), "surplus": torch.zeros(1)}
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(ModelError) as refusal:
        make_plan("squeezenet1_1", dataset, settings(weights=str(tmp_path / "w.pth")))
    for part in ("keys missing (features.0.bias", "1 keys not expected (surplus)"):
        assert part in str(refusal.value)


def test_weights_that_would_run_code_are_refused(tmp_path, dataset):
    class Malicious:
        def __reduce__(self):
            return (tmp_path.joinpath("owned").touch, ())

    torch.save({"weight": Malicious()}, tmp_path / "w.pth")
    with pytest.raises(ModelError, match="files that would run code are refused"):
        make_plan("squeezenet1_1", dataset, settings(weights=str(tmp_path / "w.pth")))
    assert not (tmp_path / "owned").exists()


def test_devices():
    assert find_device("cpu").type == "cpu"
    with pytest.raises(OptionError, match=r"device 'gpu' cannot be used here: .*; try cpu"):
        find_device("gpu")


def test_settings_come_back_from_plain_data(tmp_path):
    chosen = settings("cam,random(grid=7,seed=1)", data_root=tmp_path, limit=3, strict=True)
    data = chosen.plain()
    assert data["methods"] == ["cam", "random(grid=7,seed=1)"]
    assert data["data_root"] == str(tmp_path)
    again = settings(**{**data, "data_root": tmp_path})
    assert again == chosen


def test_specs_of_text_spec_and_iterables():
    assert specs_of("a,b(x=1)", "method") == (Spec("a"), Spec("b", {"x": 1}))
    assert specs_of(Spec("a"), "method") == (Spec("a"),)
    assert specs_of(iter(["a,b", Spec("c")]), "method") == (Spec("a"), Spec("b"), Spec("c"))


@pytest.mark.parametrize("model", [3, None, ColourNet], ids=["number", "nothing", "class"])
def test_what_is_no_network_is_refused(model, dataset):
    with pytest.raises(OptionError, match=r"a network's name, a torch\.nn\.Module or a Classifier"):
        make_plan(model, dataset, settings())
