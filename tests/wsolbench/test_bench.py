"""Costs: what is measured, what fails, memory by hand, and the verb."""

import json

import pytest
import torch
from reference.nets import ClassMapNet

from wsolbench._memory import peak_bytes
from wsolbench.bench import BARE, TOGETHER, bench
from wsolbench.errors import OptionError
from wsolbench.models import as_classifier
from wsolbench.plan import find_methods
from wsolbench.precision import faster
from wsolbench.settings import Settings, specs_of

MIB = 2**20


def costs(methods, **options):
    classifier = as_classifier(ClassMapNet(), input_hw=(32, 48))
    planned, _ = find_methods(specs_of(methods, "method"), classifier)
    return {one.label: one for one in bench(classifier, planned, batch_size=2, **options)}


def test_every_method_is_timed_alone_and_together():
    found = costs("gradcam,layercam", repeats=3)
    assert list(found) == [BARE, "gradcam", "layercam", TOGETHER]
    assert found[BARE].passes == 1
    assert {one.rounds for label, one in found.items() if label != BARE} == {3}
    assert all(
        one.passes > 0 and one.seconds > 0 and one.memory_bytes > 0 for one in found.values()
    )
    assert all(one.spread[0] <= one.passes <= one.spread[1] for one in found.values())


def test_peers_stand_beside():
    found = costs("gradcam", repeats=1, peers=True)
    assert list(found)[1:] == [
        "gradcam",
        "grad-cam:GradCAM",
        "torchcam:GradCAM",
        "captum:LayerGradCam",
    ]
    assert found["torchcam:GradCAM"].source.startswith("torchcam ")


def test_what_fails_is_said_and_the_rest_goes_on(register):
    @register("explodes")
    def explodes(forward):
        raise ZeroDivisionError("no way")

    found = costs("explodes,gradcam", repeats=1)
    assert found["explodes"].failure == "ZeroDivisionError: no way"
    assert found["explodes"].values() == {
        "label": "explodes",
        "source": "",
        "failure": "ZeroDivisionError: no way",
    }
    assert found["gradcam"].passes > 0


@pytest.mark.parametrize("wrong", [{"repeats": 0}, {"repeats": 1, "batch_size": 0}])
def test_nothing_to_time_is_refused(wrong):
    classifier = as_classifier(ClassMapNet(), input_hw=(32, 48))
    with pytest.raises(OptionError, match="of at least 1, but got 0"):
        bench(classifier, (), **wrong)


def test_peak_memory_counts_what_lives_at_once():
    numbers = MIB // 4  # of float32

    def one_after_the_other():
        for _ in range(3):
            torch.zeros(numbers)

    def side_by_side():
        kept = [torch.zeros(numbers) for _ in range(3)]
        kept[0].add_(1).view(-1, 2)  # neither takes memory
        del kept

    here = torch.device("cpu")
    assert peak_bytes(one_after_the_other, here) == MIB
    assert peak_bytes(side_by_side, here) == 3 * MIB


@pytest.mark.parametrize("options", [{"autocast": "bfloat16"}, {"channels_last": True}])
def test_faster_arithmetic_gives_the_network_back(options):
    net = ClassMapNet().eval()
    images = torch.randn(2, 3, 32, 48)
    before = {name: tensor.data_ptr() for name, tensor in net.state_dict().items()}
    plain = net(images)
    with faster(net, **options):
        inside = net(images)
        assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, plain, rtol=0.05, atol=0.01)
    assert net(images).equal(plain)
    assert {name: tensor.data_ptr() for name, tensor in net.state_dict().items()} == before
    assert "forward" not in vars(net)


def test_half_precision_gives_float32_maps():
    classifier = as_classifier(ClassMapNet(), input_hw=(32, 48))
    from wsolbench.agree import pass_for
    from wsolbench.registry import METHODS
    from wsolbench.spec import Spec

    images = torch.randn(2, 3, 32, 48)
    spec = Spec("gradcam")
    plain = METHODS["gradcam"].maps(pass_for([spec], classifier, images, [0, 1]))
    with faster(classifier.module, autocast="bfloat16"):
        forward = pass_for([spec], classifier, images, [0, 1])
        maps = METHODS["gradcam"].maps(forward)
    assert maps.dtype == forward.activations().dtype == torch.float32
    assert not maps.equal(plain)
    torch.testing.assert_close(maps, plain, rtol=0.1, atol=0.05 * float(plain.max()))


def test_settings_know_the_types():
    wrong = {"methods": specs_of("cam", "method"), "protocols": specs_of("wsol2020", "protocol")}
    with pytest.raises(OptionError, match="one of none, float16, bfloat16, but got 'int8'"):
        Settings(**wrong, autocast="int8")


def test_runs_name_the_arithmetic(cli):
    small = ("eval", "--limit", "4", "--methods", "cam", "--results", "r", "--json")
    outcome = cli(*small, "--autocast", "bfloat16", "--channels-last")
    config = json.loads(outcome.out)["config"]
    assert (config["autocast"], config["channels_last"]) == ("bfloat16", True)


def test_the_verb_prints_a_table_and_json(cli):
    small = ("bench", "--model", "digit-net", "--input-size", "32", "--batch-size", "2")
    small += ("--methods", "cam,gradcam", "--repeats", "1", "--autocast", "bfloat16")
    table = cli(*small)
    assert table.code == 0
    assert "autocast bfloat16" in table.out.splitlines()[0]
    shown = json.loads(cli(*small, "--json").out)
    assert [one["label"] for one in shown["costs"]] == [BARE, "cam", "gradcam", TOGETHER]
    assert shown["setup"]["batch_size"] == 2
