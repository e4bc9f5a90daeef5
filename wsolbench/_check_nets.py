"""The tiny networks on which `wsolbench.checks.check_method` checks methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from wsolbench.models import Classifier, as_classifier

if TYPE_CHECKING:
    from wsolbench.method import Method

HW = (32, 48)


def network_for(method: Method) -> Classifier:
    """A convolutional network, or a transformer for methods that cannot work on one."""
    convolutional = _classifier(_TinyNet)
    if method.unsupported_by(convolutional) is None:
        return convolutional
    return _classifier(_TinyTransformer)


def _classifier(net: type[nn.Module]) -> Classifier:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return as_classifier(net().train(), input_hw=HW)


class _TinyNet(nn.Module):
    """Global average pooling and a linear layer behind ReLUs that work in place."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=4, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(8, 6, 3, padding=1),
            nn.BatchNorm2d(6),
        )
        self.classifier = nn.Linear(6, 4)

    def forward(self, images: Tensor) -> Tensor:
        features = nn.functional.relu(self.features(images), inplace=True)
        logits: Tensor = self.classifier(features.mean((2, 3)))
        return logits


class _TinyTransformer(nn.Module):
    """Patches, a class token, two blocks, and a linear layer that reads the class token."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 8, stride=8)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.blocks = nn.Sequential(_Block(8), _Block(8))
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 4)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patch(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(images), -1, -1), patches], 1)
        logits: Tensor = self.head(self.norm(self.blocks(tokens))[:, 0])
        return logits


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.mlp = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU())

    def forward(self, tokens: Tensor) -> Tensor:
        normed = self.norm(tokens)
        tokens = tokens + self.attention(normed, normed, normed, need_weights=False)[0]
        added: Tensor = tokens + self.mlp(tokens)
        return added
