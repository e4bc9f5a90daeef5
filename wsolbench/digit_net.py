"""DigitNet: the small classifier that comes with the suite, for the embedded data set."""

from __future__ import annotations

from torch import Tensor, nn

_STEM = 24
_WIDTHS = (48, 96, 128)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al., Deep Residual Learning, CVPR 2016).

    Args:
        channels_in: channels of the input.
        channels: channels of the output.
        stride: of the first convolution.
    """

    def __init__(self, channels_in: int, channels: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.downsample = nn.Sequential(
            nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``[B, channels_in, H, W]`` to ``[B, channels, H / stride, W / stride]``."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out)) + self.downsample(x)
        activations: Tensor = self.relu(out)
        return activations


class DigitNet(nn.Module):
    """A residual network with global average pooling and a linear head.

    Its last maps (``layer3``) have a stride of 16: 14x14 cells at 224x224 pixels. It expects RGB
    in [0, 1], normalised with ImageNet's mean and standard deviation. Modules are called as in
    torchvision's ResNet.

    Args:
        num_classes: number of logits.
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, _STEM, 7, stride=4, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(_STEM)
        self.relu = nn.ReLU()
        self.layer1 = ResidualBlock(_STEM, _WIDTHS[0], stride=2)
        self.layer2 = ResidualBlock(_WIDTHS[0], _WIDTHS[1], stride=2)
        self.layer3 = ResidualBlock(_WIDTHS[1], _WIDTHS[2], stride=1)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(_WIDTHS[2], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[B, num_classes]`` of images ``[B, 3, H, W]``."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        logits: Tensor = self.fc(self.avgpool(x).flatten(1))
        return logits
