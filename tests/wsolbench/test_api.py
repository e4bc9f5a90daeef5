"""`wsolbench.evaluate` as its user sees it: a module, a data set, three lines."""

import pandas as pd
import pytest
import torch
from reference.runs import CORE, ColourNet, card, paint, sample, squares
from torch import nn

import wsolbench
from wsolbench.errors import ModelError, OptionError, UnknownNameError
from wsolbench.models import as_classifier
from wsolbench.sample import Sample
from wsolbench.spec import Spec


@pytest.fixture
def dataset(tmp_path):
    return squares(tmp_path)


def accuracy(record, method="cam"):
    frame = record.frame()
    rows = frame[(frame.method == method) & (frame.metric == "MaxBoxAcc")]
    return dict(zip(rows.policy, rows.value.round(4), strict=True))


def test_three_lines(dataset):
    model = ColourNet()
    record = wsolbench.evaluate(model, dataset, methods=["cam"], input_size=32)
    assert isinstance(record.frame(), pd.DataFrame)


def test_the_function_stays_one_when_called_again(dataset):
    for _ in range(2):
        wsolbench.evaluate(ColourNet(), dataset, methods="cam", input_size=32, limit=1)


def test_thresholds_are_chosen_on_train_fullsup_and_applied_to_test(dataset):
    record = wsolbench.evaluate(ColourNet(), dataset, methods=["cam"], input_size=32)
    assert accuracy(record) == {"oracle": 0.5, "calibrated": 0.3333, "fixed": 0.1667}


def test_frame_has_a_row_for_every_number(dataset):
    frame = wsolbench.evaluate(
        ColourNet(), dataset, methods="cam", protocols="pointing-game", input_size=32
    ).frame()
    row = frame.iloc[0]
    assert (row.method, row.protocol, row.metric) == ("cam", "pointing-game", "Pointing game")
    assert (row.value, row.total) == (1.0, 6)
    assert row.policy is None or pd.isna(row.policy)


def test_numbers_that_count_nothing_are_nan(dataset):
    record = wsolbench.evaluate(ColourNet(), dataset, methods="cam", input_size=32)
    rows = [{**record.data["metrics"][0], "value": None}]
    frame = wsolbench.Record({**record.data, "metrics": rows}, record.targets).frame()
    assert frame.value.dtype == float
    assert frame.value.isna().all()
    assert "method" in wsolbench.Record({"metrics": []}, record.targets).frame()


def test_targets_has_a_row_per_target_and_method(dataset):
    record = wsolbench.evaluate(ColourNet(), dataset, methods=["cam", "center"], input_size=32)
    assert list(record.targets.method) == ["cam"] * 6 + ["center"] * 6
    assert list(record.targets.sample_id[:6]) == ["0", "1", "2", "3", "4", "5"]
    assert record.path is None


def test_the_module_comes_back_as_it_was(dataset):
    model = ColourNet().train()
    model.fc.weight.requires_grad_(False)
    model.drop.eval()
    model.pick.weight.grad = torch.ones_like(model.pick.weight)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    hook = model.fc.register_forward_hook(lambda *_: None)
    wsolbench.evaluate(model, dataset, methods="cam,gradcam", input_size=32, limit=2)
    assert [part.training for part in model.modules()] == [True, True, False, True]
    assert [p.requires_grad for p in model.parameters()] == [True, False]
    assert list(model.fc._forward_hooks) == [hook.id]
    assert not model.pick._forward_hooks
    assert torch.equal(model.pick.weight.grad, torch.ones_like(model.pick.weight))
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_the_module_comes_back_as_it_was_when_a_run_fails(dataset, register):
    @register("broken")
    def broken(forward):
        raise ZeroDivisionError

    model = ColourNet().train()
    with pytest.raises(wsolbench.errors.MapError):
        wsolbench.evaluate(model, dataset, methods="broken", input_size=32)
    assert all(part.training for part in model.modules())
    assert not any(part._forward_hooks for part in model.modules())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_module_comes_back_to_its_device(dataset):
    model = ColourNet()
    record = wsolbench.evaluate(model, dataset, methods="cam", input_size=32, device="cuda")
    assert record.data["machine"]["device"].startswith("cuda")
    assert next(model.parameters()).device.type == "cpu"
    wsolbench.evaluate(model.cuda(), dataset, methods="cam", input_size=32, limit=1)
    assert next(model.parameters()).device.type == "cuda"


def test_the_random_state_of_the_caller_stays(dataset):
    model, state = ColourNet(), torch.get_rng_state()
    wsolbench.evaluate(model, dataset, methods="random", input_size=32, seed=3, limit=1)
    assert torch.equal(torch.get_rng_state(), state)


def test_methods_as_specs_and_from_any_iterable(dataset):
    methods = (one for one in ("cam", Spec("random", {"seed": 1}), "random(seed=2),center"))
    record = wsolbench.evaluate(ColourNet(), dataset, methods=methods, input_size=32, limit=1)
    labels = [method["label"] for method in record.data["methods"]]
    assert labels == ["cam", "random(seed=1)", "random(seed=2)", "center"]


def test_all_adds_every_method_and_leaves_out_what_cannot_work(dataset):
    class NoHead(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = nn.Sequential(nn.Conv2d(3, 4, 3, stride=4), nn.ReLU())
            self.fc = nn.Linear(4 * 8 * 8, 2)

        def forward(self, images):
            return self.fc(self.features(images).flatten(1))

    record = wsolbench.evaluate(NoHead(), dataset, methods="all", input_size=32, limit=1)
    assert "cam" in record.data["left_out"]
    assert {"gradcam", "center"} <= {method["name"] for method in record.data["methods"]}


def test_a_classifier_says_its_own_preprocessing_and_layer(dataset):
    classifier = as_classifier(
        ColourNet(), name="mine", input_hw=(32, 32), mean=(0, 0, 0), std=(1, 1, 1)
    )
    record = wsolbench.evaluate(classifier, dataset, methods="gradcam", layer="pick", limit=1)
    assert record.data["model"]["name"] == "mine"
    assert record.data["model"]["mean"] == [0, 0, 0]
    assert record.data["model"]["input_hw"] == [32, 32]


@pytest.mark.parametrize(
    ("error", "message", "options"),
    [
        (UnknownNameError, r"unknown method 'camm'.*mean cam", {"methods": "camm"}),
        (OptionError, "random has no option 'sed'", {"methods": "random(sed=1)"}),
        (OptionError, "at least one method", {"methods": []}),
        (OptionError, "method given more than once: cam", {"methods": "cam,cam"}),
        (OptionError, "all takes no options", {"methods": "all(x=1)"}),
        (UnknownNameError, r"unknown protocol 'wsol202'.*wsol2020", {"protocols": "wsol202"}),
        (OptionError, "at least one protocol", {"protocols": ""}),
        (OptionError, "protocol given more than once", {"protocols": "wsol2020,wsol2020"}),
        (UnknownNameError, r"unknown layer of ColourNet 'pic'.*pick", {"layer": "pic"}),
        (ModelError, "layer fc of ColourNet does not return maps", {"layer": "fc"}),
        (OptionError, "batch_size to be a whole number of at least 1", {"batch_size": 0}),
        (OptionError, "limit to be a whole number of at least 1", {"limit": 0}),
        (OptionError, "limit to be a whole number of at least 1, but got 'x'", {"limit": "x"}),
        (OptionError, "workers to be a whole number of at least 0", {"workers": -1}),
        (OptionError, "input_size to be a whole number", {"input_size": 1.5}),
        (OptionError, "weights go with a network's name", {"weights": "imagenet"}),
        (OptionError, "device 'gpu' cannot be used here", {"device": "gpu"}),
    ],
)
def test_what_cannot_be_meant_is_refused(dataset, error, message, options):
    given = {"methods": "cam", "input_size": 32, **options}
    with pytest.raises(error, match=message):
        wsolbench.evaluate(ColourNet(), dataset, **given)


def test_a_network_of_other_classes_is_refused(dataset):
    network = ColourNet()
    network.fc = nn.Linear(2, 3)
    with pytest.raises(ModelError, match="has 3 outputs, but squares has 2 classes"):
        wsolbench.evaluate(network, dataset, methods="cam", input_size=32)


def test_a_size_that_a_classifier_was_not_made_for_is_refused(dataset):
    classifier = as_classifier(ColourNet(), input_hw=(32, 32))
    with pytest.raises(OptionError, match=r"traced with images of \(32, 32\), but got 64"):
        wsolbench.evaluate(classifier, dataset, methods="cam", input_size=64)


def test_images_without_labels_are_no_targets(tmp_path):
    empty = Sample("empty", paint(tmp_path / "empty.png"), (32, 32), ())
    dataset = card({"test": [sample(paint(tmp_path / "a.png"), CORE), empty]})
    record = wsolbench.evaluate(ColourNet(), dataset, methods="cam", input_size=32)
    test = record.data["dataset"]["splits"]["test"]
    assert (test["images"], test["targets"]) == (2, 1)
    assert record.data["dataset"]["no_calibration"] == "squares has no train-fullsup split"
    assert set(accuracy(record)) == {"oracle", "fixed"}


def test_the_exported_surface():
    assert wsolbench.__all__ == ["DATASETS", "METHODS", "Record", "__version__", "evaluate"]
    assert callable(wsolbench.evaluate)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = wsolbench.nothing
