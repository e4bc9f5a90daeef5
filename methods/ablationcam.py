"""Ablation-CAM: maps weighted by how much of the class score is lost without them.

Formula: ``M = ReLU(sum_c w[c] A[c])``, ``w[c] = (S - S[c]) / S``, S the class's logit and S[c] the
logit with the c-th map set to zero. On a network of global average pooling and one linear layer
with weights W, ``S - S[c] = W[y, c] mean(A[c])``, so that no further pass is needed.

Departures from the paper: none. As there, a negative logit turns the signs of all weights.
pytorch-grad-cam sets a map to zero only if the smallest activation of the layer is exactly zero;
else to the minimum less ten million, so that there the maps differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.method import Paper
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward
    from wsolbench.head import LinearHead


@METHODS.register(
    "ablationcam",
    title="Maps weighted by the score lost without them",
    family="perturbation",
    needs=("activations",),
    cost="many",
    paper=Paper(
        authors="Desai, Ramaswamy",
        title=(
            "Ablation-CAM: Visual Explanations for Deep Convolutional Network via Gradient-free "
            "Localization"
        ),
        venue="WACV",
        year=2020,
        link="https://doi.org/10.1109/WACV45572.2020.9093360",
    ),
)
def ablationcam(
    forward: Forward,
    *,
    layers: str | None = None,
    batch_size: int = 32,
    closed_form: bool = True,
) -> Tensor:
    """ReLU of the maps weighted by the relative loss of score, ``[T, h, w]``.

    Costs nothing where the closed form holds, else a run of what follows the layer per channel and
    image, whatever the number of classes.

    Args:
        forward: the shared pass.
        layers: one layer; the network's target layer where ``None``.
        batch_size: ablated maps at a time.
        closed_form: whether to use it where the network's head allows.
    """
    import torch

    maps, head = forward.activations(layers), forward.head
    name = forward.classifier.target_layer if layers is None else layers
    if closed_form and head is not None and head.layer == name:
        lost = _closed_form(head, maps, forward.labels)
    else:
        lost = _by_passes(forward, name, batch_size)
    scores = forward.scores[:, None]
    weights = lost / scores.where(scores != 0, 1)
    return torch.einsum("tc,tchw->thw", weights.to(maps), maps).relu()


def _closed_form(head: LinearHead, maps: Tensor, labels: Tensor) -> Tensor:
    """The score lost without each channel, ``[T, C]``."""
    import torch

    weight = head.weight[labels]
    if not head.relu_after:
        return weight * maps.mean((2, 3))
    class_maps = torch.einsum("tc,tchw->thw", weight, maps) + head.bias[labels, None, None]
    score = class_maps.relu().mean((1, 2))
    without = [
        (class_maps - weight[:, c, None, None] * maps[:, c]).relu().mean((1, 2))
        for c in range(maps.shape[1])
    ]
    return score[:, None] - torch.stack(without, 1)


def _by_passes(forward: Forward, layer: str, batch_size: int) -> Tensor:
    """The score lost without each channel, ``[T, C]``."""
    import torch

    from wsolbench.perturb import LayerEditor, channel_axis, rows_of_images

    editor, axis = LayerEditor(forward, layer), channel_axis(forward, layer)
    channels = forward.classifier.layer(layer).channels

    def ablate(output: Tensor, start: int) -> Tensor:
        rows = torch.arange(len(output), device=output.device)
        output.movedim(axis, 1)[rows, start + rows] = 0
        return output

    lost = forward.logits.new_zeros(len(forward), channels)
    for image, rows in rows_of_images(forward):
        logits = editor.logits(image, channels, ablate, batch_size)[:, forward.labels[rows]]
        lost[rows] = forward.scores[rows, None] - logits.T
    return lost
