"""Training by recipe: a plain loop, reproducible from its seed."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader

from wsolbench.augment import random_views
from wsolbench.dataset import TEST, TRAIN_WEAKSUP
from wsolbench.errors import DataError, RecordError, UnknownNameError
from wsolbench.images import InputTransform, load_batches
from wsolbench.pictures import Pictures, only_label
from wsolbench.provenance import machine, versions
from wsolbench.recipe import RECIPES as RECIPES
from wsolbench.recipe import Recipe as Recipe
from wsolbench.registry import DATASETS
from wsolbench.sample import Sample
from wsolbench.zoo import NO_WEIGHTS, build, preprocessing

WEIGHTS, RECORD = "model.safetensors", "training.json"


@dataclass(frozen=True, slots=True)
class Status:
    """How far a training has come.

    Attributes:
        step: steps done, of ``steps``.
        steps: steps in all.
        epoch: the epoch of this step, counted from 1.
        epochs: epochs in all.
        loss: mean of this epoch until now.
        accuracy: share of this epoch's views until now that the network classified correctly.
    """

    step: int
    steps: int
    epoch: int
    epochs: int
    loss: float
    accuracy: float

    @property
    def ends_epoch(self) -> bool:
        """Whether this was the last step of its epoch."""
        return self.step * self.epochs == self.epoch * self.steps


ProgressCallback = Callable[[Status], None]


def train_recipe(
    name: str,
    out_dir: Path,
    *,
    data_root: Path | None = None,
    seed: int | None = None,
    progress: ProgressCallback | None = None,
) -> dict[str, Any]:
    """Train by the name of a recipe, on the data set that it names.

    Args:
        name: one of `RECIPES`.
        out_dir: as for `train`.
        data_root: as for `wsolbench.dataset.Dataset.load`.
        seed: instead of the recipe's own.
        progress: called after every step.

    Raises:
        UnknownNameError: no such recipe.
        DataError, RecordError: as `train` and `wsolbench.dataset.Dataset.load` do.
    """
    if name not in RECIPES:
        raise UnknownNameError("recipe", name, RECIPES)
    recipe = RECIPES[name] if seed is None else replace(RECIPES[name], seed=seed)
    card = DATASETS[recipe.dataset]
    return train(
        recipe,
        card.load(TRAIN_WEAKSUP, data_root).samples,
        card.load(TEST, data_root).samples,
        num_classes=len(card.classes),
        out_dir=out_dir,
        about={"dataset_revision": card.revision},
        progress=progress,
    )


def train(
    recipe: Recipe,
    samples: Sequence[Sample],
    test_samples: Sequence[Sample],
    *,
    num_classes: int,
    out_dir: Path,
    about: dict[str, Any] | None = None,
    progress: ProgressCallback | None = None,
) -> dict[str, Any]:
    """Train a network and write its weights and the record of how they came about.

    Args:
        recipe: what to do.
        samples: to learn from; each has one label.
        test_samples: to measure the accuracy on, once, at the end.
        num_classes: number of logits.
        out_dir: gets ``model.safetensors`` and ``training.json``, both or none; must not exist yet,
            or be empty.
        about: more for the record to say.
        progress: called after every step.

    Returns:
        The record.

    Raises:
        DataError: an image cannot be read (its name is given), or there are too few.
        InputError: a sample has not exactly one label.
        RecordError: ``out_dir`` holds something or cannot be written.
    """
    with _draft_of(out_dir) as draft, _reproducible(recipe.seed):
        started = time.perf_counter()
        network = build(recipe.model, num_classes, NO_WEIGHTS, recipe.seed)
        epochs = fit(network, recipe, samples, progress)
        record = {
            "recipe": recipe.describe(),
            **(about or {}),
            "images": len(samples),
            **measure(network, recipe, test_samples),
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "seconds": round(time.perf_counter() - started, 1),
            "threads": torch.get_num_threads(),
            "machine": machine("cpu"),
            "versions": versions(),
            "epochs": epochs,
        }
        return _put(draft, out_dir, network, record)


def fit(
    network: nn.Module,
    recipe: Recipe,
    samples: Sequence[Sample],
    progress: ProgressCallback | None = None,
) -> list[dict[str, float]]:
    """Let a network learn, in place; then its modules are in training mode or not as they were.

    Returns:
        Per epoch: loss and accuracy on the views that were learnt from.
    """
    chance = torch.Generator().manual_seed(recipe.seed)
    batches = _load_pictures(samples, recipe, chance)
    steps = len(batches) * recipe.epochs
    optimizer = AdamW(
        network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    schedule = OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=steps, pct_start=recipe.warm_up
    )
    mean, std = (torch.tensor(value).view(-1, 1, 1) for value in preprocessing(recipe.model))
    history = []
    with _learning(network):
        for epoch in range(recipe.epochs):
            side, tally = recipe.side_in(epoch), _Tally()
            for pictures, labels in batches:
                views = (random_views(pictures, side, recipe.augmentation, chance) - mean) / std
                views = views.contiguous(memory_format=torch.channels_last)  # faster on a CPU
                loss, logits = recipe.objective(network, views, labels)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
                tally.add(loss, logits, labels)
                if progress is not None:
                    done = epoch * len(batches) + tally.batches
                    progress(Status(done, steps, epoch + 1, recipe.epochs, **tally.means()))
            history.append(tally.means())
    return history


def measure(network: nn.Module, recipe: Recipe, samples: Sequence[Sample]) -> dict[str, Any]:
    """Count the images that a network classifies correctly, warped to the recipe's size."""
    mean, std = preprocessing(recipe.model)
    transform = InputTransform(mean, std, (recipe.tested_side, recipe.tested_side))
    correct = images = 0
    with torch.inference_mode():
        for batch in load_batches(samples, transform, masks=False):
            if batch.problems:
                raise DataError(f"{batch.problems[0].id}: {batch.problems[0].reason}")
            labels = torch.tensor([only_label(sample) for sample in batch.samples])
            correct += int((network(batch.images).argmax(dim=1) == labels).sum())
            images += len(labels)
    return {
        "test_images": images,
        "test_correct": correct,
        "test_accuracy": correct / images if images else None,
    }


class _Tally:
    """Sums over the batches of an epoch."""

    def __init__(self) -> None:
        self.batches = self._views = self._correct = 0
        self._loss = 0.0

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        self.batches += 1
        self._views += len(labels)
        self._loss += loss.item() * len(labels)
        self._correct += int((logits.detach().argmax(dim=1) == labels).sum())

    def means(self) -> dict[str, float]:
        return {"loss": self._loss / self._views, "accuracy": self._correct / self._views}


def _load_pictures(
    samples: Sequence[Sample], recipe: Recipe, chance: torch.Generator
) -> DataLoader[tuple[Tensor, int]]:
    if len(samples) < recipe.batch_size:
        raise DataError(
            f"expected at least one batch of {recipe.batch_size} images to train on, "
            f"but got {len(samples)}"
        )
    return DataLoader(
        Pictures(samples, recipe.stored_side),
        batch_size=recipe.batch_size,
        shuffle=True,
        drop_last=True,
        generator=chance,
    )


@contextmanager
def _learning(network: nn.Module) -> Iterator[None]:
    """Training mode, for a while; afterwards every submodule has its own mode again."""
    modes = [(module, module.training) for module in network.modules()]
    network.train()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def _reproducible(seed: int) -> Iterator[None]:
    """Deterministic algorithms and seeded chance, for a while."""
    before = torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        torch.use_deterministic_algorithms(mode=True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before)


@contextmanager
def _draft_of(folder: Path) -> Iterator[Path]:
    """An empty folder beside ``folder``, made at once to see whether one can write there."""
    draft = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.partial")
    try:
        if folder.exists() and any(folder.iterdir()):
            raise RecordError(f"expected an empty or new folder to train into, but {folder} is not")
        draft.mkdir(parents=True)
    except OSError as error:
        raise RecordError(f"cannot write the training to {folder}: {error}") from error
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _put(draft: Path, folder: Path, network: nn.Module, record: dict[str, Any]) -> dict[str, Any]:
    """Write weights and record into the draft, and the draft to its place; return the record."""
    try:
        weights = save({key: value.contiguous() for key, value in network.state_dict().items()})
        (draft / WEIGHTS).write_bytes(weights)
        record = {"weights_sha256": hashlib.sha256(weights).hexdigest(), **record}
        (draft / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        draft.replace(folder)
    except OSError as error:
        raise RecordError(f"cannot write the training to {folder}: {error}") from error
    return record
