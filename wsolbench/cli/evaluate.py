"""The verb ``eval``."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer

from wsolbench.cli.app import Plugins, app, load_plugins
from wsolbench.errors import OptionError, RecordError


@app.command("eval")
def evaluate_command(
    dataset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Data set; see `wsolbench list datasets`."),
    ] = None,
    data_root: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the data set is, as it was published.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Network; see `wsolbench list models`.")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="WEIGHTS",
            help="imagenet (downloaded once), none (random), or a .safetensors, .pt or .pth file.",
        ),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="LIST", help="Such as cam,random(seed=1), or all [all]; see `list methods`."
        ),
    ] = None,
    protocols: Annotated[
        str | None,
        typer.Option(
            metavar="LIST", help="How to score [wsol2020,pointing-game]; see `list protocols`."
        ),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Layer that the methods read [the last one with maps]."),
    ] = None,
    input_size: Annotated[
        int | None, typer.Option(metavar="N", help="Side that images are resized to [224].")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(metavar="N", help="Images per forward pass [32].")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Further processes that read images [0].")
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Where the network runs: cpu, cuda ... [cpu]."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="Only the first N images of each split.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Of random weights and random numbers [0].")
    ] = None,
    strict: Annotated[
        bool | None,
        typer.Option("--strict", help="Stop at the first image that cannot be used."),
    ] = None,
    autocast: Annotated[
        str | None,
        typer.Option(metavar="TYPE", help="Half precision: float16 or bfloat16 [none]."),
    ] = None,
    channels_last: Annotated[
        bool | None,
        typer.Option("--channels-last", help="Keep images with their channels last in memory."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="record.json of a run to repeat; options given here come first."
        ),
    ] = None,
    results: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder that the run is saved in.")
    ] = Path("results"),
    save_maps: Annotated[
        bool, typer.Option("--save-maps", help="Keep the raw maps in the run's folder.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the record, less its counts, as JSON.")
    ] = False,
    plugin: Plugins = None,
) -> None:
    """Score methods on a data set and print a leaderboard.

    Without any option: every method on the data set and the network that come with wsolbench,
    offline.
    """
    load_plugins(plugin)
    given = {
        "dataset": dataset,
        "data_root": data_root,
        "model": model,
        "weights": weights,
        "methods": methods,
        "protocols": protocols,
        "layer": layer,
        "input_size": input_size,
        "batch_size": batch_size,
        "workers": workers,
        "device": device,
        "limit": limit,
        "seed": seed,
        "strict": strict,
        "autocast": autocast,
        "channels_last": channels_last,
    }
    chosen = {key: value for key, value in given.items() if value is not None}
    settings = chosen if config is None else _settings_of(config) | chosen
    show_record(_evaluate(settings, results, save_maps=save_maps), as_json=as_json)


def _evaluate(settings: dict[str, Any], results: Path, *, save_maps: bool) -> Any:
    from wsolbench.engine import evaluate
    from wsolbench.progress import watch_batches

    unknown = settings.keys() - inspect.signature(evaluate).parameters.keys()
    if unknown:
        names = ", ".join(sorted(unknown))
        raise RecordError(f"the record to repeat has settings that do not exist: {names}")
    for name in ("model", "dataset"):
        if name in settings and settings[name] is None:
            raise OptionError(f"the record to repeat had a {name} of its own; name one: --{name}")
    return evaluate(**settings, results=results, save_maps=save_maps, watch=watch_batches)


def _settings_of(config: Path) -> dict[str, Any]:
    from wsolbench.store import read_record

    settings = read_record(config)["config"]
    if not isinstance(settings, dict):
        raise RecordError(f"{config} holds no settings: expected an object, got {settings!r}")
    return settings


def show_record(record: Any, *, as_json: bool) -> None:
    """Print a record: its leaderboard, or JSON for programs."""
    if as_json:
        from wsolbench.store import dump

        shown = {key: value for key, value in record.data.items() if key != "counts"}
        typer.echo(dump({"path": str(record.path), **shown}), nl=False)
        return
    from rich.console import Console

    from wsolbench.report.leaderboard import print_leaderboard

    print_leaderboard(record.data, Console(), record.path)
