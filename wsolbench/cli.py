"""The command line: the verbs, no logic. Nothing here imports torch until a verb needs it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from wsolbench import __version__
from wsolbench.errors import UnknownNameError, WsolbenchError
from wsolbench.registry import DATASETS, METHODS, load_plugin

app = typer.Typer(
    name="wsolbench",
    help="The benchmark suite for weakly supervised object localization.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Plugins = Annotated[
    list[Path] | None,
    typer.Option("--plugin", help="Python file that registers methods or data sets; repeatable."),
]


def main() -> None:
    """Entry point: errors of the suite become one line on stderr and an exit code."""
    try:
        app()
    except WsolbenchError as error:
        print(f"wsolbench: error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("wsolbench: interrupted; nothing was written", file=sys.stderr)  # noqa: T201
        sys.exit(130)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"wsolbench {__version__}")
        raise typer.Exit


@app.command("eval")
def evaluate_command(
    dataset: Annotated[str | None, typer.Option(help="Data set; see `list datasets`.")] = None,
    data_root: Annotated[Path | None, typer.Option(help="Folder that holds the data.")] = None,
    model: Annotated[str | None, typer.Option(help="Network; see `list models`.")] = None,
    weights: Annotated[
        str | None,
        typer.Option(help="imagenet, none, or a .safetensors, .pt or .pth file."),
    ] = None,
    methods: Annotated[
        str | None, typer.Option(help="Methods with commas, options in parentheses; or all.")
    ] = None,
    protocols: Annotated[
        str | None, typer.Option(help="Protocols with commas, options in parentheses; or all.")
    ] = None,
    layer: Annotated[str | None, typer.Option(help="Target layer; found by itself.")] = None,
    input_size: Annotated[int | None, typer.Option(help="Side of the input square [224].")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images per forward pass [32].")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that decode images [0].")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, ... [cpu].")] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first images of a split.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random [0].")] = None,
    strict: Annotated[
        bool | None, typer.Option("--strict", help="Refuse a split with any problem.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A record.json whose settings are the defaults.")
    ] = None,
    results: Annotated[Path, typer.Option(help="Folder to save the run below.")] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    plugin: Plugins = None,
) -> None:
    """Score methods on a data set and print a leaderboard.

    Without any option: every method on the embedded data set and network, offline.
    """
    _load_plugins(plugin)
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
    }
    settings = _settings(config) | {key: value for key, value in given.items() if value is not None}
    from wsolbench.engine import evaluate
    from wsolbench.progress import watch

    record = evaluate(**settings, results=results, watch=watch)
    if as_json:
        shown = {key: value for key, value in record.data.items() if key != "counts"}
        typer.echo(json.dumps({"path": str(record.path), **shown}))
        return
    from wsolbench.report.leaderboard import print_leaderboard

    print_leaderboard(record.data, Console(), record.path)


def _settings(config: Path | None) -> dict[str, Any]:
    if config is None:
        return {}
    from wsolbench.store import read_record

    settings: dict[str, Any] = read_record(config)["config"]
    return settings


def _load_plugins(plugins: list[Path] | None) -> None:
    for plugin in plugins or ():
        load_plugin(plugin)


@app.command("list")
def list_command(
    what: Annotated[str, typer.Argument(help="methods, datasets, models or protocols.")],
    plugin: Plugins = None,
) -> None:
    """Show every method, data set, model or protocol by name."""
    _load_plugins(plugin)
    listings = {
        "methods": _methods,
        "datasets": _datasets,
        "models": _models,
        "protocols": _protocols,
    }
    if what not in listings:
        raise UnknownNameError("listing", what, listings)
    rows = listings[what]()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in rows[0]:
        table.add_column(heading)
    for row in rows[1:]:
        table.add_row(*row)
    console = Console()
    if not console.is_terminal:
        console.width = 200
    console.print(table, highlight=False)


Rows = list[tuple[str, ...]]


def _methods() -> Rows:
    rows: Rows = [("method", "family", "cost", "what", "paper")]
    for name, method in METHODS.items():
        paper = f"{method.paper.venue} {method.paper.year}" if method.paper else "–"
        rows.append((name, method.family, method.cost, method.title, paper))
    return rows


def _datasets() -> Rows:
    rows: Rows = [("dataset", "annotations", "test images", "what")]
    for name, dataset in DATASETS.items():
        images = dataset.splits.get("test")
        annotations = ", ".join(dataset.annotations)
        rows.append((name, annotations, "–" if images is None else f"{images:,}", dataset.title))
    return rows


def _models() -> Rows:
    from wsolbench.zoo import list_models

    return [("model",), *((name,) for name in list_models())]


def _protocols() -> Rows:
    from wsolbench.protocol import PROTOCOLS

    rows: Rows = [("protocol", "fingerprint", "what")]
    return rows + [(name, one.fingerprint, one.title) for name, one in PROTOCOLS.items()]
