import pickle
import subprocess
import sys
from urllib.error import URLError

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from wsolbench import zoo
from wsolbench.errors import ModelError, UnknownNameError, UsageError

NAME = "squeezenet1_1"


@pytest.fixture(scope="module")
def network():
    return zoo.build(NAME, 3, "none", 0)


def same(one, other):
    other = other.state_dict()
    return all(tensor.equal(other[key]) for key, tensor in one.state_dict().items())


def test_the_names_are_those_of_torchvision_and_our_own():
    names = torchvision.models.list_models(module=torchvision.models)
    assert zoo.list_models() == tuple(sorted([*names, "digit-net"]))


def test_listing_names_does_not_import_torch():
    code = "import sys, wsolbench.zoo as z; z.list_models(); print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_an_unknown_network_is_refused_with_close_matches():
    with pytest.raises(UnknownNameError, match="Did you mean resnet50"):
        zoo.build("resnet51", 3, "none", 0)


@pytest.mark.parametrize("weights", ["imagenett", "file.bin", "shipped"])
def test_unknown_weights_are_refused(weights):
    with pytest.raises(UsageError, match="'imagenet', 'none' or a file"):
        zoo.build(NAME, 3, weights, 0)


def test_digit_net_has_no_imagenet_weights():
    with pytest.raises(ModelError, match="use weights 'shipped'"):
        zoo.build("digit-net", 10, "imagenet", 0)


def test_random_weights_follow_the_seed_and_leave_the_global_state(network):
    torch.manual_seed(5)
    state = torch.get_rng_state()
    assert same(network, zoo.build(NAME, 3, "none", 0))
    assert not same(network, zoo.build(NAME, 3, "none", 1))
    assert torch.get_rng_state().equal(state)
    assert not network.training


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".pth"])
def test_weights_come_from_a_file(network, tmp_path, suffix):
    path = tmp_path / f"w{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(network.state_dict(), path)
    assert same(network, zoo.build(NAME, 3, str(path), 1))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": state},
        lambda state: {f"module.{key}": tensor for key, tensor in state.items()},
    ],
    ids=["state_dict", "model", "data-parallel"],
)
def test_usual_wrappings_are_taken_off(network, tmp_path, wrap):
    torch.save(wrap(network.state_dict()), tmp_path / "w.pth")
    assert same(network, zoo.build(NAME, 3, str(tmp_path / "w.pth"), 1))


def test_half_precision_becomes_single(network, tmp_path):
    halves = {key: tensor.half() for key, tensor in network.state_dict().items()}
    save_file(halves, tmp_path / "w.safetensors")
    loaded = zoo.build(NAME, 3, str(tmp_path / "w.safetensors"), 1)
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
    torch.testing.assert_close(
        loaded.state_dict(), dict(network.state_dict()), rtol=1e-3, atol=1e-6
    )  # float16 keeps 11 bits


def test_old_densenet_keys_are_understood():
    key = "features.denseblock1.denselayer2.norm.1.weight"
    assert zoo._plain_key(key) == "features.denseblock1.denselayer2.norm1.weight"
    assert zoo._plain_key("module.features.norm5.weight") == "features.norm5.weight"


def test_missing_batch_counters_are_no_fault():
    norm = nn.BatchNorm2d(2)
    state = {key: value for key, value in norm.state_dict().items() if "batches" not in key}
    zoo.fit_weights(norm, {**state, "weight": torch.tensor([3.0, 4])}, what="norm")
    assert norm.weight.tolist() == [3, 4]


def test_weights_that_do_not_fit_are_refused_by_key():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3), nn.Linear(3, 3))
    before = {key: value.clone() for key, value in net.state_dict().items()}
    state = {"0.weight": torch.zeros(4, 2), "0.bias": torch.zeros(3), "9.scale": torch.zeros(())}
    with pytest.raises(ModelError) as error:
        zoo.fit_weights(net, state, what="mine")
    assert str(error.value) == (
        "the weights do not fit mine: 4 keys missing (1.weight, 1.bias, 2.weight and 1 more); "
        "1 keys not expected (9.scale); 1 keys of another shape (0.weight: 4x2 instead of 3x2)"
    )
    assert all(value.equal(before[key]) for key, value in net.state_dict().items())


def test_another_number_of_classes_does_not_fit(network, tmp_path):
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match=r"with 4 classes: 2 keys of another shape .*3x512x1x1"):
        zoo.build(NAME, 4, str(tmp_path / "w.safetensors"), 0)


class Harmful:
    def __reduce__(self):
        return (print, ("code ran",))


def test_code_in_weights_is_never_run(tmp_path, capsys):
    torch.save({"a": Harmful()}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match="files that would run code are refused"):
        zoo.read_weights(tmp_path / "w.pt")
    assert "code ran" not in capsys.readouterr().out


def test_refusing_a_plain_pickle_says_one_thing_and_never_how_to_get_round_it(tmp_path):
    (tmp_path / "w.pth").write_bytes(pickle.dumps(Harmful(), protocol=4))
    with pytest.raises(ModelError, match="files that would run code are refused") as error:
        zoo.build(NAME, 3, tmp_path / "w.pth", 0)  # a warning of torch would be an error here
    assert "weights_only" not in str(error.value)


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
def test_damaged_files_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"not weights")
    with pytest.raises(ModelError, match=name):
        zoo.read_weights(tmp_path / name)


def test_files_without_tensors_are_refused(tmp_path):
    torch.save([1, 2], tmp_path / "w.pt")
    with pytest.raises(ModelError, match="to hold a state_dict"):
        zoo.read_weights(tmp_path / "w.pt")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"but .*none\.pt is none"):
        zoo.read_weights(tmp_path / "none.pt")


def test_a_failed_download_says_what_to_do(monkeypatch):
    enum = torchvision.models.get_model_weights(NAME)

    def offline(*_, **__):
        raise URLError("no network")

    monkeypatch.setattr(enum, "get_state_dict", offline)
    with pytest.raises(ModelError, match=r"cannot be downloaded.*--weights"):
        zoo.build(NAME, 1000, "imagenet", 0)


def test_imagenet_weights_are_torchvisions(monkeypatch, network):
    enum = torchvision.models.get_model_weights(NAME)
    monkeypatch.setattr(enum, "get_state_dict", lambda *_, **__: network.state_dict())
    assert same(network, zoo.build(NAME, 3, "imagenet", 1))


@pytest.mark.parametrize("aux", [False, True])
def test_auxiliary_classifiers_come_with_their_weights(aux):
    made = zoo._construct("googlenet", 3, 0, aux=aux)
    state = made.state_dict()
    assert any(key.startswith("aux") for key in state) == aux
    assert zoo._has_aux(state) == aux


def test_preprocessing_is_the_networks_own():
    assert zoo.preprocessing("resnet18") == (zoo.IMAGENET_MEAN, zoo.IMAGENET_STD)
    assert zoo.preprocessing("efficientnet_v2_l") == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    assert zoo.preprocessing("digit-net") == (zoo.IMAGENET_MEAN, zoo.IMAGENET_STD)


@pytest.mark.parametrize(
    ("weights", "described"),
    [
        ("none", "none (seed 3)"),
        ("imagenet", "imagenet (IMAGENET1K_V1)"),
        ("shipped", "shipped"),
        ("some/folder/mine.pth", "mine.pth"),
    ],
)
def test_weights_are_described_without_folders(weights, described):
    assert zoo.describe_weights("squeezenet1_1", weights, 3) == described


@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v2"])
def test_real_weights_fit(name, wsolbench_data):
    path = wsolbench_data / "weights" / f"{name}.imagenet.safetensors"
    assert not zoo.build(name, 1000, str(path), 0).training
