"""The application that the verbs hang on, and the options that several of them share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wsolbench import __version__
from wsolbench.registry import load_plugin

app = typer.Typer(
    name="wsolbench",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

Plugins = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin",
        metavar="FILE",
        help="Python file that registers methods or data sets of your own; may be repeated.",
    ),
]


def load_plugins(files: list[Path] | None) -> None:
    """Run the files that were given with ``--plugin``."""
    for file in files or ():
        load_plugin(file)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"wsolbench {__version__}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_show_version, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """The benchmark suite for weakly supervised object localization.

    Which class activation map finds the object, on which data, with which network?
    """
