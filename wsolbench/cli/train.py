"""The verb ``train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wsolbench.cli.app import Plugins, app, load_plugins


@app.command("train")
def train_command(
    recipe: Annotated[
        str, typer.Option(metavar="NAME", help="What to train, on which data and how.")
    ] = "digit-scenes",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="New folder for model.safetensors and training.json [trained/<recipe>].",
        ),
    ] = None,
    data_root: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the recipe's data set is.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Of all chance [the recipe's own].")
    ] = None,
    plugin: Plugins = None,
) -> None:
    """Train a network by a recipe; the same seed gives the same weights.

    With the default recipe: digit-net, whose weights come with wsolbench, in some minutes.
    """
    load_plugins(plugin)
    from wsolbench.progress import training
    from wsolbench.train import RECORD, WEIGHTS, train_recipe

    folder = out or Path("trained", recipe)
    with training() as progress:
        record = train_recipe(recipe, folder, data_root=data_root, seed=seed, progress=progress)
    typer.echo(
        f"Classifies {record['test_correct']:,} of {record['test_images']:,} test images correctly "
        f"({record['test_accuracy']:.1%}).\nSaved {WEIGHTS} and {RECORD} in {folder}"
    )
