from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from wsolbench import train as training
from wsolbench.augment import Augmentation, random_views
from wsolbench.errors import DataError, InputError, RecordError, SampleError, UnknownNameError
from wsolbench.progress import training as shown
from wsolbench.recipe import RECIPES, Recipe, cross_entropy
from wsolbench.sample import Sample
from wsolbench.train import Status, fit, train, train_recipe

TINY = Recipe(
    name="tiny",
    dataset="none",
    model="digit-net",
    epochs=3,
    batch_size=4,
    learning_rate=5e-3,
    warm_up=0.3,
    weight_decay=0.01,
    sides=(32, 48),
    stored_side=40,
    tested_side=48,
)


@pytest.fixture(autouse=True)
def one_thread():
    """On images this small several threads only wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> list[Sample]:
    """Nine images, red for class 0, green for class 1."""
    folder = tmp_path_factory.mktemp("images")
    chance = np.random.default_rng(0)
    found = []
    for index in range(9):
        pixels = chance.integers(0, 80, (50, 60, 3), dtype=np.uint8)
        pixels[10:30, 10:30, index % 2] = 255
        path = folder / f"{index}.png"
        Image.fromarray(pixels).save(path)
        found.append(Sample(str(index), path, (60, 50), (index % 2,)))
    return found


def run(samples, out, recipe=TINY, **options):
    return train(recipe, samples, samples, num_classes=2, out_dir=out, **options)


def test_the_same_seed_gives_the_same_weights(samples, tmp_path):
    first, second = (run(samples, tmp_path / name) for name in "ab")
    assert first["weights_sha256"] == second["weights_sha256"]
    assert first["epochs"] == second["epochs"]


def test_another_seed_gives_other_weights(samples, tmp_path):
    first = run(samples, tmp_path / "a")
    second = run(samples, tmp_path / "b", replace(TINY, seed=1))
    assert first["weights_sha256"] != second["weights_sha256"]


def test_the_record_says_how_the_weights_came_about(samples, tmp_path):
    record = run(samples, tmp_path / "out", about={"dataset_revision": "7"})
    assert json.loads((tmp_path / "out" / "training.json").read_text()) == json.loads(
        json.dumps(record)
    )
    weights = tmp_path / "out" / "model.safetensors"
    assert record["weights_sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert record["dataset_revision"] == "7"
    assert record["recipe"]["objective"] == "cross_entropy"
    assert record["recipe"]["augmentation"]["window"] == (0.8, 1.1)
    assert (record["images"], record["test_images"], len(record["epochs"])) == (9, 9, 3)
    assert record["test_accuracy"] == record["test_correct"] / 9
    assert set(load_file(weights)) == set(training.build("digit-net", 2, "none", 0).state_dict())


def test_it_learns(samples, tmp_path):
    record = run(samples, tmp_path / "out", replace(TINY, epochs=10))
    assert record["epochs"][-1]["loss"] < 0.5 * record["epochs"][0]["loss"]


def test_global_state_stays_as_it_was(samples, tmp_path):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    run(samples, tmp_path / "out")
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_fitted_network_gets_its_modes_back(samples):
    net = training.build("digit-net", 2, "none", 0)
    net.layer1.train()
    net.fc.bias.requires_grad_(False)
    bias = net.fc.bias.clone()
    modes = [module.training for module in net.modules()]
    fit(net, TINY, samples)
    assert [module.training for module in net.modules()] == modes
    assert not net.fc.bias.requires_grad
    assert torch.equal(net.fc.bias, bias)


def test_modes_come_back_after_an_error_too(samples):
    def broken(network, images, labels):
        raise ZeroDivisionError

    net = training.build("digit-net", 2, "none", 0)
    with pytest.raises(ZeroDivisionError):
        fit(net, replace(TINY, objective=broken), samples)
    assert not any(module.training for module in net.modules())


def test_the_objective_gets_normalised_views_of_the_epochs_side(samples):
    seen = []

    def watching(network, images, labels):
        seen.append(tuple(images.shape))
        assert images.dtype == torch.float32
        return cross_entropy(network, images, labels)

    fit(training.build("digit-net", 2, "none", 0), replace(TINY, objective=watching), samples)
    assert seen == [(4, 3, 32, 32)] * 4 + [(4, 3, 48, 48)] * 2


def test_progress_is_told_of_every_step(samples):
    told: list[Status] = []
    history = fit(training.build("digit-net", 2, "none", 0), TINY, samples, told.append)
    assert [status.step for status in told] == [1, 2, 3, 4, 5, 6]
    assert [status.epoch for status in told] == [1, 1, 2, 2, 3, 3]
    assert [status.ends_epoch for status in told] == [False, True] * 3
    last = told[-1]
    assert history[-1] == {"loss": last.loss, "accuracy": last.accuracy}


def test_a_line_per_epoch_where_there_is_no_terminal(capsys):
    with shown() as progress:
        progress(Status(1, 4, 1, 2, 2.5, 0.25))
        progress(Status(2, 4, 1, 2, 2.25, 0.5))
    out, err = capsys.readouterr()
    assert (out, err) == ("", "epoch 1/2: loss 2.250, accuracy 50.0%\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [({"labels": (0, 1)}, "one label of 8"), ({"path": Path("no.png")}, "no.png")],
    ids=["two labels", "no such image"],
)
def test_a_bad_sample_is_named_and_nothing_is_written(samples, tmp_path, change, message):
    bad = [*samples[:8], replace(samples[8], **change)]
    with pytest.raises((InputError, SampleError), match=message):
        run(bad, tmp_path / "out", replace(TINY, epochs=8))
    assert list(tmp_path.iterdir()) == []


def test_too_few_samples_are_refused(samples, tmp_path):
    with pytest.raises(DataError, match="at least one batch of 4 images"):
        run(samples[:3], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_full_folder_is_refused_before_the_work(samples, tmp_path):
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(RecordError, match="expected an empty or new folder"):
        run(samples, tmp_path, progress=lambda _: pytest.fail("trained"))
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]


def test_a_file_in_the_way_is_refused_before_the_work(samples, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RecordError, match="cannot write the training"):
        run(samples, tmp_path / "file" / "out", progress=lambda _: pytest.fail("trained"))


def test_a_failure_while_writing_leaves_nothing(samples, tmp_path, monkeypatch):
    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(training.Path, "write_bytes", full)
    with pytest.raises(RecordError, match="no space left"):
        run(samples, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_recipe_names_those_that_exist(tmp_path):
    with pytest.raises(UnknownNameError, match="digit-scenes"):
        train_recipe("digit-scene", tmp_path / "out")


def test_sides_share_the_epochs():
    recipe = RECIPES["digit-scenes"]
    sides = [recipe.side_in(epoch) for epoch in range(recipe.epochs)]
    assert sides == sorted(sides)
    assert set(sides) == set(recipe.sides)


def test_views_without_augmentation_are_the_images():
    images = torch.arange(2 * 3 * 8 * 8, dtype=torch.uint8).reshape(2, 3, 8, 8)
    still = Augmentation(turn=0, window=(1, 1), stretch=0, shift=0, contrast=0, brightness=0)
    views = random_views(images, 8, still, torch.Generator())
    torch.testing.assert_close(views, images / 255, atol=1e-5, rtol=0)


def test_every_image_of_a_batch_has_a_view_of_its_own():
    images = torch.full((2, 3, 8, 8), 100, dtype=torch.uint8)
    one, other = random_views(images, 6, Augmentation(), torch.Generator().manual_seed(0))
    assert one.shape == (3, 6, 6)
    assert not torch.equal(one, other)


def test_any_network_can_be_fitted(samples):
    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    before = net[2].weight.clone()
    history = fit(net, TINY, samples)
    assert len(history) == 3
    assert not torch.equal(net[2].weight, before)
