import pytest
import torch
from reference.nets import GapNet, HandNet, TinyVit, VggNet
from torch import nn

from wsolbench.errors import ModelError, UnknownNameError
from wsolbench.models import as_classifier, load_classifier


@pytest.mark.parametrize(
    ("name", "size", "target", "linear"),
    [
        ("alexnet", 96, "features.11", False),
        ("convnext_tiny", 64, "features", False),
        ("densenet121", 64, "features", True),
        ("efficientnet_b0", 64, "features", True),
        ("googlenet", 64, "inception5b", True),
        ("inception_v3", 128, "Mixed_7c", True),
        ("mnasnet0_5", 64, "layers", True),
        ("mobilenet_v2", 64, "features", True),
        ("mobilenet_v3_small", 64, "features", False),
        ("regnet_x_400mf", 64, "trunk_output", True),
        ("resnet18", 64, "layer4", True),
        ("shufflenet_v2_x0_5", 64, "conv5", True),
        ("squeezenet1_1", 64, "features", True),
        ("swin_t", 64, "permute", True),
        ("vgg11", 64, "features.19", False),
        ("vit_b_32", 224, "encoder.layers.encoder_layer_11.ln_1", False),
    ],
)
def test_target_layer_and_head_of_torchvision_networks(name, size, target, linear):
    classifier = load_classifier(name, num_classes=7, weights="none", input_hw=(size, size))
    assert classifier.target_layer == target
    assert (classifier.head is not None) == linear
    assert classifier.num_classes == 7
    assert classifier.weights == "none (seed 0)"
    assert not any(module._forward_hooks for module in classifier.module.modules())


def test_any_module_can_be_wrapped():
    net = GapNet(classes=3).train()
    classifier = as_classifier(net, input_hw=(64, 96), name="mine")
    assert (classifier.name, classifier.num_classes, classifier.target_layer) == ("mine", 3, "relu")
    assert classifier.module is net
    assert net.training


def test_a_classifier_passes_through():
    classifier = as_classifier(HandNet(), input_hw=(8, 8))
    assert classifier.name == "HandNet"
    assert as_classifier(classifier) is classifier


def test_the_layer_can_be_named():
    assert (
        as_classifier(VggNet(), input_hw=(64, 64), layer="features.0").target_layer == "features.0"
    )


def test_naming_another_layer_keeps_the_head():
    classifier = as_classifier(GapNet(), input_hw=(64, 64), layer="stem")
    assert (classifier.target_layer, classifier.head.layer) == ("stem", "relu")


def test_an_unknown_layer_is_refused_with_close_matches():
    with pytest.raises(UnknownNameError, match=r"layer of VggNet 'fetures\.1'.* features\.1"):
        as_classifier(VggNet(), input_hw=(64, 64), layer="fetures.1")


@pytest.mark.parametrize("layer", ["pool", "fc"])
def test_a_layer_without_maps_is_refused(layer):
    with pytest.raises(ModelError, match=f"layer {layer} of GapNet does not return maps.*relu"):
        as_classifier(GapNet(), input_hw=(64, 64), layer=layer)


def test_the_digest_is_of_the_weights_alone():
    def digest_of(net, **kwargs):
        return as_classifier(net, input_hw=(64, 64), **kwargs).digest

    changed = TinyVit()
    changed.token.data[0, 0, 0] += 1
    assert digest_of(TinyVit()) == digest_of(TinyVit(), name="other", layer="blocks.0.norm1")
    assert digest_of(TinyVit()) != digest_of(changed)


def test_a_network_without_parameters_has_a_device_too():
    class Means(nn.Module):
        def __init__(self):
            super().__init__()
            self.grey = nn.ReLU()

        def forward(self, images):
            return self.grey(images).mean((2, 3))

    classifier = as_classifier(Means(), input_hw=(8, 8))
    assert classifier.device == torch.device("cpu")
    assert classifier.target_layer == "grey"
