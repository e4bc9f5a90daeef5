"""The verb ``list``."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from wsolbench.cli.app import Plugins, app, load_plugins
from wsolbench.errors import OptionError, UnknownNameError, UsageError
from wsolbench.registry import DATASETS, METHODS

Rows = list[tuple[str, ...]]


@app.command("list")
def list_command(
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="methods, datasets, models or protocols.")
    ],
    peers: Annotated[
        bool, typer.Option("--peers", help="Of methods: those of other libraries instead.")
    ] = False,
    plugin: Plugins = None,
) -> None:
    """Show every method, data set, model or protocol there is."""
    load_plugins(plugin)
    if what not in LISTINGS:
        raise UnknownNameError("listing", what, LISTINGS)
    if peers and what != "methods":
        raise OptionError(f"--peers goes with `list methods`, but got `list {what}`")
    rows = _peers() if peers else LISTINGS[what]()
    console = Console()
    if console.is_terminal:
        console.print(_table(rows), highlight=False)
    else:
        typer.echo("\n".join(_plain_lines(rows)))
    if what == "methods" and not peers:
        prefixes = ", ".join(f"{prefix}:..." for prefix in METHODS.resolvers)
        typer.echo(f"Further, of other libraries: {prefixes}; --peers lists them.", err=True)


def _table(rows: Rows) -> Table:
    headings, *entries = rows
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, no_wrap=heading == headings[0])
    for entry in entries:
        table.add_row(*map(escape, entry))
    return table


def _plain_lines(rows: Rows) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _methods() -> Rows:
    rows: Rows = [("method", "family", "cost", "what", "paper")]
    for name, method in METHODS.items():
        paper = f"{method.paper.venue} {method.paper.year}" if method.paper else "-"
        rows.append((name, method.family, method.cost, method.title, paper))
    return rows


def _peers() -> Rows:
    """The methods of every library that is installed, and what to do where none is."""
    rows: Rows = [("method", "cost", "package")]
    failure: UsageError | None = None
    for prefix, module in METHODS.resolvers.items():
        try:
            names = importlib.import_module(module).names()
        except UsageError as error:
            failure = error
            continue
        found = [METHODS[f"{prefix}:{name}"] for name in names]
        rows += [(method.name, method.cost, method.source) for method in found]
    if failure is not None:
        if len(rows) == 1:
            raise failure
        typer.echo(f"wsolbench: {failure}", err=True)
    return rows


def _datasets() -> Rows:
    rows: Rows = [("dataset", "annotations", "test images", "what")]
    for name, dataset in DATASETS.items():
        images = dataset.splits.get("test")
        annotations = ", ".join(dataset.annotations)
        rows.append((name, annotations, "-" if images is None else f"{images:,}", dataset.title))
    return rows


def _models() -> Rows:
    from wsolbench.zoo import list_models

    return [("model",), *((name,) for name in list_models())]


def _protocols() -> Rows:
    from wsolbench.protocol import PROTOCOLS

    rows: Rows = [("protocol", "fingerprint", "what")]
    return rows + [(name, one.fingerprint, one.title) for name, one in PROTOCOLS.items()]


LISTINGS: dict[str, Callable[[], Rows]] = {
    "methods": _methods,
    "datasets": _datasets,
    "models": _models,
    "protocols": _protocols,
}
