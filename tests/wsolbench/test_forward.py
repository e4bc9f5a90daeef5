import gc

import pytest
import torch
from reference.nets import ALL_NETS, GapNet, HandNet, InplaceReluNet, TinyVit
from torch import nn

from wsolbench.errors import InputError, ModelError, UnknownNameError
from wsolbench.forward import run_forward
from wsolbench.models import as_classifier

# float32 sums of some hundred products of about 1, in another order
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


def images(batch=3, hw=(64, 96), seed=1):
    return torch.randn(batch, 3, *hw, generator=torch.Generator().manual_seed(seed))


def classifier_of(net, hw=(64, 96)):
    return as_classifier(net, input_hw=hw)


def one_each(classifier, batch, labels=None, **kwargs):
    """A pass with one target per image and gradients of the target layer."""
    count = len(batch)
    return run_forward(
        classifier,
        batch,
        image_index=range(count),
        labels=labels or [i % classifier.num_classes for i in range(count)],
        keys=[f"{i}" for i in range(count)],
        **{"layers": (classifier.target_layer,), "gradients": True, **kwargs},
    )


def plain_gradient(net, name, batch, labels):
    """Activations and gradients of a layer, one image at a time, the obvious way."""
    net.eval()
    activations, gradients = [], []
    for image, label in zip(batch, labels, strict=True):
        kept = []

        def keep(_, __, output, kept=kept):
            kept.append(output)
            return output.clone()

        handle = net.get_submodule(name).register_forward_hook(keep)
        score = net(image[None])[0, label]
        handle.remove()
        gradients.append(torch.autograd.grad(score, kept[-1])[0])
        activations.append(kept[-1].detach())
    return torch.cat(activations), torch.cat(gradients)


def test_a_network_by_hand():
    image = torch.tensor([[[1.0, 2], [3, 4]], [[0, -1], [5, 8]], [[7, 7], [7, 7]]])[None]
    forward = one_each(classifier_of(HandNet(), (2, 2)), image, [0])
    # means 2.5 and 3: logits 2*2.5 - 3 + 10 and -3*2.5 + 20
    assert forward.logits.tolist() == [[12.0, 12.5]]
    assert forward.scores.tolist() == [12.0]
    assert forward.activations().equal(image[:, :2])
    # each weight over the 4 pixels
    assert forward.gradients().tolist() == [[[[0.5] * 2] * 2, [[-0.25] * 2] * 2]]


@pytest.mark.parametrize("net", ALL_NETS)
def test_logits_activations_and_gradients_are_those_of_a_plain_pass(net):
    net, labels = net(), [0, 3, 1]
    forward = one_each(classifier_of(net), images(), labels)
    raw, raw_gradients = plain_gradient(net, forward.classifier.target_layer, images(), labels)
    layer = forward.classifier.layer(forward.classifier.target_layer)
    if layer.rectified:  # the plain way cannot see behind a ReLU that is no module
        raw = raw.relu()
        weights = forward.head.weight[labels] / raw[0, 0].numel()
        raw_gradients = weights[:, :, None, None].expand_as(raw)
    torch.testing.assert_close(forward.logits, net(images()).detach(), **CLOSE)
    torch.testing.assert_close(forward.activations(), layer.to_maps(raw, (64, 96)), **CLOSE)
    torch.testing.assert_close(forward.gradients(), layer.to_maps(raw_gradients, (64, 96)), **CLOSE)


def test_several_layers_share_one_graph():
    net, labels = GapNet(), [0, 3, 1]
    forward = one_each(classifier_of(net), images(), labels, layers=("stem", "relu", "conv"))
    for name in ("stem", "relu", "conv"):
        raw, gradients = plain_gradient(net, name, images(), labels)
        torch.testing.assert_close(forward.activations(name), raw, **CLOSE)
        torch.testing.assert_close(forward.gradients(name), gradients, **CLOSE)


def test_a_relu_that_is_no_module_belongs_to_the_maps():
    classifier = classifier_of(InplaceReluNet())
    assert [name for name, layer in classifier.layers.items() if layer.rectified] == ["features"]
    assert one_each(classifier, images()).activations().min() == 0


@pytest.mark.parametrize("net", ALL_NETS)
def test_targets_in_any_number_and_order(net):
    classifier = classifier_of(net())
    layers = (classifier.target_layer,)
    batch, index, labels = images(), [2, 0, 2, 2], [1, 4, 0, 1]
    forward = run_forward(
        classifier,
        batch,
        image_index=index,
        labels=labels,
        keys="abcd",
        layers=layers,
        gradients=True,
    )
    singly = [
        one_each(classifier, batch[i : i + 1], [label])
        for i, label in zip(index, labels, strict=True)
    ]
    assert len(forward) == 4
    for read in ("activations", "gradients"):
        expected = torch.cat([getattr(one, read)() for one in singly])
        torch.testing.assert_close(getattr(forward, read)(), expected, **CLOSE)
    torch.testing.assert_close(forward.scores, torch.cat([one.scores for one in singly]), **CLOSE)


def test_one_backward_pass_serves_one_target_of_every_image(monkeypatch):
    calls = []
    grad = torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *a, **k: calls.append(1) or grad(*a, **k))
    forward = run_forward(
        classifier_of(GapNet()),
        images(),
        image_index=[0, 1, 2, 1],
        labels=[0, 0, 0, 1],
        keys="abcd",
        layers=("stem", "relu"),
        gradients=True,
    )
    assert not calls
    forward.gradients()
    forward.gradients("stem")
    assert len(calls) == 2


def test_no_targets_give_no_maps():
    forward = run_forward(
        classifier_of(GapNet()),
        images(),
        image_index=[],
        labels=[],
        keys=[],
        layers=("relu",),
        gradients=True,
    )
    assert forward.activations().shape == forward.gradients().shape == (0, 8, 16, 24)
    assert forward.logits.shape == (3, 5)


def test_any_linear_score_can_be_pulled_back():
    classifier = classifier_of(GapNet())
    forward = one_each(classifier, images(), [0, 1, 2])
    first, second = forward.gradients(), one_each(classifier, images(), [4, 4, 4]).gradients()
    cotangents = torch.eye(5)[:3] - torch.eye(5)[[4, 4, 4]]
    torch.testing.assert_close(forward.pull_back(cotangents)["relu"], first - second, **CLOSE)


def test_one_target_per_image_is_not_copied():
    forward = one_each(classifier_of(GapNet()), images())
    assert forward.activations().data_ptr() == forward.activations().data_ptr()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": [0, 1]}, "an image, a label and a key for every target"),
        ({"image_index": [0, 1]}, "an image, a label and a key for every target"),
        ({"keys": ["a"]}, "an image, a label and a key for every target"),
        ({"labels": [0, 1, 5]}, r"every label in 0\.\.4, but got 5"),
        ({"labels": [0, 1, -1]}, r"every label in 0\.\.4, but got -1"),
        ({"image_index": [0, 1, 3]}, r"every image in 0\.\.2, but got 3"),
    ],
)
def test_targets_that_do_not_match_are_refused(change, message):
    targets = {"image_index": [0, 1, 2], "labels": [0, 1, 2], "keys": ["a", "b", "c"]}
    with pytest.raises(InputError, match=message):
        run_forward(classifier_of(GapNet()), images(), **{**targets, **change})


@pytest.mark.parametrize(
    "wrong", [torch.zeros(3, 8, 8), torch.zeros(1, 3, 8, 8, dtype=torch.uint8)]
)
def test_images_of_another_shape_or_type_are_refused(wrong):
    with pytest.raises(InputError, match=r"expected images \[B, 3, H, W\] of floats"):
        run_forward(classifier_of(GapNet()), wrong, image_index=[], labels=[], keys=[])


def test_layers_that_were_not_kept_are_refused():
    forward = one_each(classifier_of(GapNet()), images())
    with pytest.raises(InputError, match=r"layers that this pass kept \(relu\), got stem"):
        forward.activations("stem")


def test_unknown_layers_are_refused():
    with pytest.raises(UnknownNameError, match="Did you mean relu"):
        one_each(classifier_of(GapNet()), images(), layers=("rellu",))


def test_gradients_need_a_graph():
    forward = one_each(classifier_of(GapNet()), images(), gradients=False)
    with pytest.raises(InputError, match="gradients=True"):
        forward.gradients()


def test_a_layer_that_the_logits_do_not_depend_on_is_refused():
    class Branch(GapNet):
        def forward(self, batch):
            logits = super().forward(batch)
            self.side(batch)
            return logits

    net = Branch()
    net.side = nn.Conv2d(3, 4, 3)
    forward = one_each(classifier_of(net), images(), layers=("relu", "side"))
    with pytest.raises(ModelError, match="do not depend on layer side"):
        forward.gradients()


def state_of(net):
    hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in net.modules())
    hooks += sum(len(m._backward_hooks) for m in net.modules())
    flags = [module.training for module in net.modules()]
    return hooks, flags, [(p.requires_grad, p.grad) for p in net.parameters()]


def test_nothing_stays_behind():
    net = GapNet().train()
    net.stem.eval()
    net.conv.bias.requires_grad_(False)
    before = state_of(net)
    forward = one_each(classifier_of(net), images())
    assert state_of(net) == before
    forward.gradients()
    forward.rescore(images())
    assert state_of(net) == before


def test_nothing_stays_behind_when_the_network_raises():
    net = TinyVit().train()
    classifier, before = classifier_of(net), state_of(net)
    with pytest.raises(RuntimeError):
        one_each(classifier, images(hw=(4, 4)))
    assert state_of(net) == before


def test_batch_statistics_and_dropout_are_not_used():
    net = GapNet().train()
    statistics = net.stem[1].running_mean.clone()
    first, second = (one_each(classifier_of(net), images()).logits for _ in range(2))
    assert first.equal(second)
    assert net.stem[1].running_mean.equal(statistics)


def test_memory_is_flat_over_many_batches():
    classifier = classifier_of(GapNet(), (16, 16))
    batch = images(2, (16, 16))

    def tensors_after(passes):
        for _ in range(passes):
            one_each(classifier, batch).gradients()
        return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())

    gc.collect()
    gc.disable()  # what is gone must be gone by reference counts alone
    try:
        assert tensors_after(5) == tensors_after(500)
    finally:
        gc.enable()
    assert state_of(classifier.module)[0] == 0


def test_rescoring_gives_plain_logits_without_a_graph():
    net = GapNet().eval()
    forward = one_each(classifier_of(net), images())
    others = images(5, seed=2)
    logits = forward.rescore(others)
    assert logits.equal(net(others))
    assert not logits.requires_grad


def test_random_generators_follow_seed_and_key_alone():
    def draws(order, seed):
        forward = run_forward(
            classifier_of(HandNet(), (4, 4)),
            images(2, (4, 4)),
            image_index=[0] * len(order),
            labels=[0] * len(order),
            keys=order,
        )
        drawn = [torch.rand(3, generator=g).tolist() for g in forward.generators(seed)]
        return dict(zip(order, drawn, strict=True))

    assert draws(["a", "b", "c"], 0) == draws(["c", "a", "b"], 0)
    assert draws(["a"], 0)["a"] == draws(["b", "a"], 0)["a"]
    assert draws(["a"], 0) != draws(["a"], 1)
    assert draws(["a", "b"], 0)["a"] != draws(["a", "b"], 0)["b"]


def test_double_precision_networks_get_double_images():
    forward = one_each(classifier_of(GapNet().double()), images())
    assert forward.logits.dtype == forward.gradients().dtype == torch.float64


@pytest.mark.parametrize("net", ALL_NETS)
def test_gradients_reach_the_images_where_they_are_needed(net):
    net, labels, batch = net().eval(), [1, 0, 4, 2], images().requires_grad_()
    index = [0, 2, 1, 0]
    forward = run_forward(
        classifier_of(net),
        batch,
        image_index=index,
        labels=labels,
        keys="abcd",
        layers=(classifier_of(net).target_layer,),
        needs={"input-gradients"},
    )
    for part in net.modules():
        part.inplace = False  # GapNet overwrites what a graph from the images needs
    for row, (image, label) in enumerate(zip(index, labels, strict=True)):
        single = batch[image : image + 1]
        (expected,) = torch.autograd.grad(net(single)[0, label], single)
        torch.testing.assert_close(forward.input_gradients()[row], expected[0], **CLOSE)
    maps = run_forward(
        forward.classifier,
        batch,
        image_index=index,
        labels=labels,
        keys="abcd",
        layers=forward.kept,
        needs={"gradients"},
    )
    torch.testing.assert_close(forward.gradients(), maps.gradients(), **CLOSE)
    assert not forward.images.requires_grad


def test_gradients_at_the_images_must_be_asked_for():
    forward = one_each(classifier_of(GapNet()), images())
    with pytest.raises(InputError, match='"input-gradients" among its needs'):
        forward.input_gradients()


def test_another_pass_has_one_image_for_every_target():
    net = GapNet().eval()
    forward = run_forward(
        classifier_of(net), images(2), image_index=[1, 1, 0], labels=[3, 0, 2], keys="abc"
    )
    others = images(3, seed=2)
    again = forward.again(others, layers=("relu",), needs={"gradients"})
    assert again.scores.equal(net(others)[range(3), [3, 0, 2]])
    assert again.keys == ("a", "b", "c")
    assert again.gradients().shape == (3, 8, 16, 24)


@pytest.mark.parametrize("read", ["curvature", "fold_biases"])
def test_costly_gradients_must_be_asked_for(read):
    forward = one_each(classifier_of(GapNet()), images())
    with pytest.raises(InputError, match="among its needs"):
        getattr(forward, read)(None)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_under_autocast_methods_get_single_precision_and_further_passes_autocast(dtype):
    with torch.autocast("cpu", dtype=dtype):
        forward = one_each(classifier_of(GapNet()), images())
    for read in (forward.logits, forward.activations(), forward.gradients()):
        assert read.dtype == torch.float32
    assert forward.again(images()).logits.equal(forward.logits)
    assert forward.rescore(images()).dtype == dtype


def test_layers_work_in_place_again_after_a_pass_from_the_images():
    net = GapNet()
    one_each(classifier_of(net), images(), needs={"input-gradients"})
    assert net.relu.inplace
    assert not net.stem[2].inplace
