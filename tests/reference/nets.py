"""Tiny networks whose answers are known, one for every way in which real ones end."""

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision import models
from torchvision.models import vision_transformer


class HandNet(nn.Module):
    """Features are two channels of the image itself; GAP; ``logits = weight @ mean + bias``."""

    def __init__(self) -> None:
        super().__init__()
        self.pick = nn.Conv2d(3, 2, 1, bias=False)
        self.fc = nn.Linear(2, 2)
        self.pick.weight.data = torch.tensor([[1.0, 0, 0], [0, 1, 0]]).reshape(2, 3, 1, 1)
        self.fc.weight.data = torch.tensor([[2.0, -1], [-3, 0]])
        self.fc.bias.data = torch.tensor([10.0, 20])

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.pick(images).mean((2, 3)))


class _Seeded(nn.Module):
    """Random weights from a seed, so that every instance is the same."""

    def __new__(cls, *_: object, **__: object) -> Self:
        torch.manual_seed(0)
        return super().__new__(cls)


def _stem(channels: int = 8) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, channels, 3, stride=4, padding=1), nn.BatchNorm2d(channels), nn.ReLU()
    )


class GapNet(_Seeded):
    """ResNet-like: in-place ReLUs called twice, a residual sum in place, GAP and linear."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.stem = _stem()
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(8, classes)

    def forward(self, images: Tensor) -> Tensor:
        features = self.relu(self.stem(images))
        out = self.conv(features)
        out += features
        return self.fc(self.drop(self.pool(self.relu(out)).flatten(1)))


class InplaceReluNet(_Seeded):
    """DenseNet-like: the features end without ReLU, which follows in place and as a function."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.features = nn.Sequential(_stem(), nn.Conv2d(8, 6, 3, padding=1), nn.BatchNorm2d(6))
        self.classifier = nn.Linear(6, classes)

    def forward(self, images: Tensor) -> Tensor:
        features = functional.relu(self.features(images), inplace=True)
        return self.classifier(functional.adaptive_avg_pool2d(features, 1).flatten(1))


class ClassMapNet(_Seeded):
    """SqueezeNet-like: dropout, a convolution to the classes, ReLU, GAP."""

    def __init__(self, classes: int = 5, kernel: int = 1, relu: bool = True) -> None:
        super().__init__()
        self.features = _stem()
        self.classifier = nn.Sequential(
            nn.Dropout(0.5),
            nn.Conv2d(8, classes, kernel, padding=kernel // 2),
            nn.ReLU(inplace=True) if relu else nn.Identity(),
            nn.AdaptiveAvgPool2d(1),
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.features(images)).flatten(1)


class VggNet(_Seeded):
    """VGG-like: the features end in a max-pool, the classifier is an MLP."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=4, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        )
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.classifier = nn.Sequential(
            nn.Linear(32, 8), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(8, classes)
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.pool(self.features(images)).flatten(1))


class NormHeadNet(_Seeded):
    """ConvNeXt-like: a normalisation stands between pooling and linear layer."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.features = _stem()
        self.norm = nn.LayerNorm(8)
        self.fc = nn.Linear(8, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.norm(self.features(images).mean((2, 3))))


class ChannelsLastNet(_Seeded):
    """Swin-like: blocks return ``[B, h, w, C]``, the mean over h and w goes to a linear layer."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 12, 8, stride=8)
        self.block = nn.Sequential(nn.Linear(12, 12), nn.GELU(), nn.LayerNorm(12))
        self.fc = nn.Linear(12, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.block(self.patch(images).permute(0, 2, 3, 1)).mean((1, 2)))


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        normed = self.norm1(tokens)
        tokens = tokens + self.attention(normed, normed, normed, need_weights=False)[0]
        return tokens + self.mlp(self.norm2(tokens))


class TinyVit(_Seeded):
    """A vision transformer with class token; any image size, for it has no position embedding."""

    def __init__(self, classes: int = 5, width: int = 8) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, width, 8, stride=8)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.blocks = nn.Sequential(_Block(width), _Block(width))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patch(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(images), -1, -1), patches], 1)
        return self.head(self.norm(self.blocks(tokens))[:, 0])


ALL_NETS = (
    GapNet,
    InplaceReluNet,
    ClassMapNet,
    VggNet,
    NormHeadNet,
    ChannelsLastNet,
    TinyVit,
)
LINEAR_NETS = (GapNet, InplaceReluNet, ClassMapNet, ChannelsLastNet)


def settle(net: nn.Module, images: Tensor) -> nn.Module:
    """Give every batch normalisation the statistics of these images, and a random affine map.

    Random networks without it let the signal die out, or have no bias at all.
    """
    norms = [part for part in net.modules() if isinstance(part, nn.BatchNorm2d)]
    generator = torch.Generator().manual_seed(2)
    for norm in norms:
        norm.momentum = 1.0
        norm.weight.data.uniform_(0.5, 1.5, generator=generator)
        norm.bias.data.normal_(0, 0.3, generator=generator)
    with torch.no_grad():
        net.train()(images)
    return net.eval()


class FlatNet(nn.Module):
    """One map, the first channel of a 2 x 2 image, every pixel with a weight of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.pick = nn.Conv2d(3, 1, 1, bias=False)
        self.fc = nn.Linear(4, 2, bias=False)
        self.pick.weight.data = torch.tensor([1.0, 0, 0]).reshape(1, 3, 1, 1)
        self.fc.weight.data = torch.tensor([[1.0, -1, 0, 2], [-1, -1, -1, -1]])

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.pick(images).flatten(1))


def real_net(name: str, images: Tensor, classes: int = 5) -> nn.Module:
    """A seeded network of torchvision in double precision, settled on the images."""
    torch.manual_seed(0)
    if name == "vit":
        side = images.shape[-1]
        net = vision_transformer.VisionTransformer(side, side // 4, 2, 2, 16, 32, num_classes=5)
        nn.init.normal_(net.heads.head.weight)
    elif name == "swin":
        net = models.SwinTransformer([4, 4], 16, [2, 2], [2, 2], [3, 3], num_classes=classes)
    else:
        net = models.get_model(name, weights=None, num_classes=classes)
    return settle(net.double(), images.double())
