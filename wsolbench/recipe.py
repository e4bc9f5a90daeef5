"""Recipes of training: network, data set, schedule, augmentation, and one function, the objective.

What makes a recipe of weakly supervised localization special (hidden patches, mixed images, a
second head) is the business of its objective, which gets the network and a batch and returns the
loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from wsolbench.augment import Augmentation

Objective = Callable[[nn.Module, Tensor, Tensor], tuple[Tensor, Tensor]]
"""From network, images ``[B, 3, H, W]`` and labels ``[B]`` to loss and logits ``[B, K]``."""


def cross_entropy(network: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The objective of plain classification."""
    logits: Tensor = network(images)
    return functional.cross_entropy(logits, labels), logits


@dataclass(frozen=True)
class Recipe:
    """All that decides a training, but for the images themselves.

    Attributes:
        name: as in ``--recipe``.
        dataset: whose train-weaksup split is learnt.
        model: one of `wsolbench.zoo.list_models`.
        epochs: passes over the images.
        batch_size: images per step; what is left over at the end of an epoch is not used in it.
        learning_rate: at its height; it rises and falls in one cycle.
        warm_up: share of the steps in which it rises.
        weight_decay: of AdamW.
        sides: height and width of the views; each is used for an equal share of the epochs, in
            turn, since small views teach faster.
        stored_side: height and width at which decoded images are kept in memory.
        tested_side: height and width of the images of the test.
        augmentation: of the views.
        seed: of the network's first weights, the order of the images and their views.
        objective: the loss.
    """

    name: str
    dataset: str
    model: str
    epochs: int
    batch_size: int
    learning_rate: float
    warm_up: float
    weight_decay: float
    sides: tuple[int, ...]
    stored_side: int
    tested_side: int = 224
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 0
    objective: Objective = cross_entropy

    def side_in(self, epoch: int) -> int:
        """Height and width of the views in an epoch, counted from 0."""
        return self.sides[epoch * len(self.sides) // self.epochs]

    def describe(self) -> dict[str, Any]:
        """The recipe as plain data, for records."""
        return {**asdict(self), "objective": self.objective.__name__}


RECIPES: Mapping[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="digit-scenes",
            dataset="digit-scenes",
            model="digit-net",
            epochs=20,
            batch_size=24,
            learning_rate=8e-3,
            warm_up=0.2,
            weight_decay=0.1,
            sides=(128, 160, 192, 224),
            stored_side=192,
            augmentation=Augmentation(turn=0.25, window=(0.75, 1.15), stretch=0.15),
        ),
    )
}
