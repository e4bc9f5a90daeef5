"""Recipro-CAM: the class's probability when all of the maps but one place are zero.

Formula: ``M(i, j) = softmax(S(A * G[i, j]))[y]``, S the logits from the maps A of a layer and
G[i, j] a mask around (i, j): the binomial kernel (1 2 1; 2 4 2; 1 2 1) / 16, or that pixel alone.

Departures from the paper: none. ``output="logit"`` leaves out the softmax, which saturates where
one class dominates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsolbench.errors import OptionError
from wsolbench.method import Paper, layer_names
from wsolbench.registry import METHODS

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.forward import Forward


@METHODS.register(
    "reciprocam",
    title="The class's probability from one place of the maps at a time",
    family="activation",
    needs=("activations",),
    cost="many",
    paper=Paper(
        authors="Byun, Lee",
        title="ReciproCAM: Lightweight Gradient-free Class Activation Map for Post-hoc "
        "Explanations",
        venue="CVPR Workshops",
        year=2024,
        link="https://arxiv.org/abs/2209.14074",
    ),
)
def reciprocam(
    forward: Forward,
    *,
    layers: str | None = None,
    gaussian: bool = True,
    output: str = "probability",
    batch_size: int = 64,
) -> Tensor:
    """The class's probability from every place alone, ``[T, h, w]``.

    Costs a run of what follows the layer per place and image, whatever the number of classes.

    Args:
        forward: the shared pass.
        layers: one layer; the network's target layer where ``None``.
        gaussian: whether the neighbours of a place count too.
        output: "probability" or "logit".
        batch_size: places at a time.
    """
    from wsolbench.perturb import LayerEditor, rows_of_images

    if output not in ("probability", "logit"):
        raise OptionError(f"expected output of reciprocam 'probability' or 'logit', got {output!r}")
    name = (layer_names(layers) or (forward.classifier.target_layer,))[0]
    layer = forward.classifier.layer(name)
    height, width = forward.activations(name).shape[2:]
    masks = _masks(height, width, gaussian).to(forward.images)
    editor = LayerEditor(forward, name)

    def keep_place(values: Tensor, start: int) -> Tensor:
        maps = layer.to_maps(values, forward.input_hw)  # a view: the class token stays as it is
        maps *= masks[start : start + len(values), None]
        return values

    scores = forward.logits.new_zeros(len(forward), height * width)
    for image, rows in rows_of_images(forward):
        logits = editor.logits(image, height * width, keep_place, batch_size)
        logits = logits.to(scores)
        given = logits.softmax(1) if output == "probability" else logits
        scores[rows] = given[:, forward.labels[rows]].mT
    return scores.view(-1, height, width)


def _masks(height: int, width: int, gaussian: bool) -> Tensor:
    """A mask around every place, ``[h w, h, w]``."""
    import torch

    def along(side: int) -> Tensor:
        if not gaussian:
            return torch.eye(side)
        distance = (torch.arange(side)[:, None] - torch.arange(side)).abs()
        return (2.0 - distance).clamp(min=0) / 4

    masks = along(height)[:, None, :, None] * along(width)[None, :, None, :]
    return masks.reshape(height * width, height, width)
