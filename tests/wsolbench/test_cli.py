"""The command line: one line for every error, one document with --json, help that is noticed."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import typer
from reference.runs import CORE, ColourNet, card, paint, sample

import wsolbench
from wsolbench.cli.app import app

GOLDEN = Path(__file__).parent / "golden"

PLUGIN = '''
"""Two squares from a folder, a network's worth of methods."""
import torch
from reference.runs import CORE, sample
from wsolbench.registry import DATASETS, METHODS


@DATASETS.register(
    "mine", title="Mine", classes=("red", "green"), splits={"test": 3}, annotations=("boxes",),
    licence="", citation="", homepage="https://example.org", layout="DIR/*.png",
)
def mine(root, split):
    return [sample(path, CORE) for path in sorted(root.glob("*.png"))]


@METHODS.register("bright", title="Brightness", family="activation")
def bright(forward):
    return forward.images[forward.image_index].mean(1)


@METHODS.register("broken", title="Broken", family="activation")
def broken(forward):
    raise ZeroDivisionError("no\\nway")
'''


@pytest.fixture
def mine(tmp_path, cli):
    """Runs ``eval`` on two good images with a network of random weights."""
    paint(tmp_path / "data" / "a.png")
    paint(tmp_path / "data" / "b.png")
    (tmp_path / "plugin.py").write_text(PLUGIN, encoding="utf-8")

    def run(*arguments, model="squeezenet1_1", weights="none", root="data"):
        return cli(
            *("eval", "--plugin", "plugin.py", "--dataset", "mine", "--data-root", root),
            *("--model", model, "--weights", weights, "--input-size", "64", "--limit", "2"),
            *arguments,
        )

    return run


def only_error(outcome, code):
    """The one line of an error, with nothing else said anywhere."""
    assert outcome.out == ""
    *before, line = outcome.err.splitlines()
    assert all(re.fullmatch(r"test: \d+ images", other) for other in before)
    assert line.startswith("wsolbench: error: ")
    assert outcome.code == code
    return line.removeprefix("wsolbench: error: ")


def saved(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_leaderboard_and_a_saved_run(mine, tmp_path):
    outcome = mine("--methods", "bright,center")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[0].startswith("mine test: 2 images, 2 targets. squeezenet1_1 (none (seed 0))")
    assert [line.split()[0] for line in lines if line.startswith(("bright", "center"))] == [
        "bright",
        "center",
    ]
    assert outcome.out.isascii()
    assert outcome.err == "test: 2 images\n"
    folder = re.search(r"^Saved in (.*)$", outcome.out, re.MULTILINE)[1]
    assert saved(tmp_path / folder) == ["record.json", "targets.parquet"]
    assert folder.startswith("results/mine/squeezenet1_1/")


def test_json_is_one_strict_document(mine):
    outcome = mine("--methods", "bright", "--json", "--results", "elsewhere")

    def refuse(constant):
        raise AssertionError(constant)

    data = json.loads(outcome.out, parse_constant=refuse)
    assert data["path"].startswith("elsewhere/mine/squeezenet1_1/")
    assert "counts" not in data
    assert {row["method"] for row in data["metrics"]} == {"bright"}


def test_a_run_is_repeated_from_its_record(mine, cli):
    first = json.loads(mine("--methods", "bright,random(seed=3)", "--seed", "5", "--json").out)
    again = cli(
        *("eval", "--plugin", "plugin.py", "--config", f"{first['path']}/record.json", "--json")
    )
    second = json.loads(again.out)
    assert second["path"] != first["path"]
    for key in ("metrics", "config", "model", "methods", "classification", "dataset"):
        assert second[key] == first[key]
    other = cli(
        *("eval", "--plugin", "plugin.py", "--config", f"{first['path']}", "--json"),
        *("--methods", "bright", "--limit", "1"),
    )
    third = json.loads(other.out)
    assert [method["label"] for method in third["methods"]] == ["bright"]
    assert third["dataset"]["splits"]["test"]["images"] == 1


def test_a_record_of_a_network_without_a_name_needs_one(cli, tmp_path):
    dataset = card({"test": [sample(paint(tmp_path / "a.png"), CORE)]})
    record = wsolbench.evaluate(ColourNet(), dataset, methods="cam", input_size=32)
    path = record.save(tmp_path / "results").path
    line = only_error(cli("eval", "--config", path), 2)
    assert line == "the record to repeat had a model of its own; name one: --model"
    line = only_error(cli("eval", "--config", path, "--model", "alexnet"), 2)
    assert line == "the record to repeat had a dataset of its own; name one: --dataset"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ('"config": 5', "holds no settings"),
        ('"config": {"colour": 1}', "settings that do not exist: colour"),
    ],
)
def test_damaged_settings_are_refused(cli, tmp_path, config, message):
    names = ("run_id", "dataset", "model", "methods", "left_out", "protocols", "classification")
    rest = ", ".join(f'"{name}": 1' for name in (*names, "metrics", "not_finite", "counts"))
    text = f'{{"schema": 1, {config}, {rest}}}'
    (tmp_path / "record.json").write_text(text, encoding="utf-8")
    assert message in only_error(cli("eval", "--config", "record.json"), 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("evla", "No such command 'evla'. Did you mean 'eval'?"),
        ("--nope", "No such option: --nope"),
        ("eval --nope", "`wsolbench eval --help` shows what there is."),
        ("eval --limit ten", "Invalid value for '--limit'"),
        ("eval --limit", "'--limit' requires an argument"),
        ("eval --limit 0", "expected limit to be a whole number of at least 1, but got 0"),
        ("eval --batch-size -1", "expected batch_size to be a whole number of at least 1"),
        ("eval --dataset digit-scene", "Did you mean digit-scenes?"),
        ("eval --model digitnet", "Did you mean digit-net, "),
        ("eval --methods gradcan", "Did you mean gradcam"),
        ("eval --methods cam(x=1)", "method cam has no option 'x'; options: none"),
        ("eval --methods cam((", "expected name or name(option=value,...)"),
        ("eval --protocols wsol", "Did you mean wsol2020?"),
        ("eval --protocols pointing-game(radius=x)", "expected radius to be a whole number"),
        ("eval --dataset voc2012", "voc2012 needs --data-root DIR"),
        ("eval --device gpu", "device 'gpu' cannot be used here"),
        ("eval --plugin none.py", "none.py is no file"),
        ("list", "Missing argument 'WHAT'. `wsolbench list --help` shows what there is."),
        ("list method", "unknown listing 'method'. Did you mean methods, models?"),
    ],
)
def test_what_cannot_be_meant_exits_2(cli, tmp_path, arguments, message):
    assert message in only_error(cli(*arguments.split()), 2)
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"root": "nowhere"}, "there is no nowhere"),
        ({"root": "empty"}, "empty holds no usable image of mine test"),
        ({"weights": "none.pth"}, "expected a weights file, but none.pth is none"),
        (
            {"weights": "bad.pth"},
            "weights do not fit squeezenet1_1 with 2 classes: 52 keys missing",
        ),
        ({"weights": "text.safetensors"}, "text.safetensors is no readable safetensors file"),
    ],
    ids=lambda value: next(iter(value.values())) if isinstance(value, dict) else "",
)
def test_what_cannot_be_done_exits_1(mine, tmp_path, options, message):
    (tmp_path / "empty").mkdir()
    torch.save({"odd": torch.zeros(1)}, tmp_path / "bad.pth")
    (tmp_path / "text.safetensors").write_text("no", encoding="utf-8")
    assert message in only_error(mine("--methods", "bright", **options), 1)
    assert not (tmp_path / "results").exists()


def test_an_unknown_layer_exits_2(mine):
    line = only_error(mine("--methods", "gradcam", "--layer", "feature"), 2)
    assert "Did you mean features" in line


def test_a_method_that_fails_exits_1_and_leaves_nothing(mine, tmp_path):
    line = only_error(mine("--methods", "bright,broken"), 1)
    assert line == (
        "method broken failed in the batch that starts with a#0: ZeroDivisionError: no way"
    )
    assert not (tmp_path / "results").exists()


def test_results_that_cannot_be_written_are_refused_before_any_work(mine, tmp_path):
    (tmp_path / "results").write_text("a file", encoding="utf-8")
    line = only_error(mine("--methods", "bright"), 1)
    assert line.startswith("cannot write results to results: ")
    (tmp_path / "other" / "mine").mkdir(parents=True)
    (tmp_path / "other" / "mine" / "squeezenet1_1").write_text("a file", encoding="utf-8")
    outcome = mine("--methods", "bright", "--results", "other")
    assert "squeezenet1_1 is not a folder that can be written" in only_error(outcome, 1)


def test_a_truncated_image_is_named_and_strict_refuses_it(mine, tmp_path):
    cut = tmp_path / "data" / "b.png"
    cut.write_bytes(cut.read_bytes()[:70])
    outcome = mine("--methods", "bright")
    assert outcome.code == 0
    assert "mine test: 1 images" in outcome.out
    assert "test: 1 could not be used, the first: b: the image" in outcome.out
    line = only_error(mine("--methods", "bright", "--strict"), 1)
    assert line.startswith("b: the image data/b.png cannot be read")


def test_maps_with_nan_are_shown(mine, tmp_path):
    (tmp_path / "nan.py").write_text(
        "import torch\n"
        "from wsolbench.registry import METHODS\n"
        '@METHODS.register("nan", title="NaN", family="activation")\n'
        "def nan(forward):\n"
        "    return torch.full((len(forward), 2, 2), torch.nan)\n",
        encoding="utf-8",
    )
    out = mine("--plugin", "nan.py", "--methods", "nan").out
    assert re.search(r"^nan !\s+0\.0", out, re.MULTILINE)
    assert "! nan: 2 maps with NaN or infinity, scored as misses." in out


def test_an_interrupt_is_one_line(mine, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("wsolbench.engine.make_plan", interrupt)
    outcome = mine("--methods", "bright")
    assert outcome.code == 130
    assert outcome.err == "wsolbench: interrupted; nothing was written\n"


def test_names_in_any_script_are_printed_on_any_terminal():
    command = [sys.executable, "-m", "wsolbench", "eval", "--methods", "caméra"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(b"wsolbench: error: unknown method 'cam\\xe9ra'")


def test_train_shows_its_epochs_and_its_accuracy(cli, monkeypatch):
    from wsolbench.train import Status

    def train_recipe(name, out, *, data_root, seed, progress):
        assert (name, str(out), data_root, seed) == ("digit-scenes", "new", None, 7)
        progress(Status(step=1, steps=4, epoch=1, epochs=2, loss=0.5, accuracy=0.5))
        progress(Status(step=2, steps=4, epoch=1, epochs=2, loss=0.25, accuracy=0.75))
        return {"test_correct": 1485, "test_images": 1500, "test_accuracy": 0.99}

    monkeypatch.setattr("wsolbench.train.train_recipe", train_recipe)
    outcome = cli("train", "--out", "new", "--seed", "7")
    assert outcome.code == 0
    assert outcome.err == "epoch 1/2: loss 0.250, accuracy 75.0%\n"
    assert outcome.out == (
        "Classifies 1,485 of 1,500 test images correctly (99.0%).\n"
        "Saved model.safetensors and training.json in new\n"
    )


def test_an_unknown_recipe_exits_2(cli):
    line = only_error(cli("train", "--recipe", "digits", "--out", "new"), 2)
    assert line == "unknown recipe 'digits'. Did you mean digit-scenes? Known: digit-scenes."


def test_version(cli):
    assert cli("--version").out == f"wsolbench {wsolbench.__version__}\n"


def test_no_verb_shows_the_help(cli):
    outcome = cli()
    assert outcome.code == 2
    assert "Commands:" in outcome.err


@pytest.mark.parametrize("what", ["methods", "datasets", "models", "protocols"])
def test_lists_are_plain_tables_when_piped(cli, what):
    outcome = cli("list", what)
    assert outcome.code == 0
    headings, *rows = outcome.out.splitlines()
    assert headings.split()[0] == what.removesuffix("s")
    assert rows == sorted(rows) or what == "protocols"
    assert "\x1b" not in outcome.out


def test_lists_name_plug_ins(cli, tmp_path):
    (tmp_path / "plugin.py").write_text(PLUGIN, encoding="utf-8")
    assert "bright" in cli("list", "methods", "--plugin", "plugin.py").out
    assert "bright" not in cli("list", "datasets").out


def commands(group, path=()):
    """Every command of the application, as the words that call it."""
    yield path
    for name, command in sorted(getattr(group, "commands", {}).items()):
        yield from commands(command, (*path, name))


COMMANDS = list(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: "_".join(words) or "root")
def test_help_is_as_it_was(cli, words):
    """To accept a change, run this test once with ACCEPT_HELP=1 in the environment."""
    outcome = cli(*words, "--help")
    assert outcome.code == 0
    golden = GOLDEN / f"{'_'.join(('wsolbench', *words))}.txt"
    if os.environ.get("ACCEPT_HELP"):
        golden.write_text(outcome.out, encoding="utf-8")
    assert outcome.out == golden.read_text(encoding="utf-8")


def test_every_golden_help_has_its_command():
    names = {f"{'_'.join(('wsolbench', *words))}.txt" for words in COMMANDS}
    assert {path.name for path in GOLDEN.iterdir()} == names


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: "_".join(words) or "root")
def test_every_command_and_option_says_what_it_does(words):
    command = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]
    assert command.help
    for parameter in command.params:
        assert getattr(parameter, "help", None), parameter.name
