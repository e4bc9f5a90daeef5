"""The verb ``score``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wsolbench.cli.app import Plugins, app, load_plugins
from wsolbench.cli.evaluate import show_record
from wsolbench.errors import OptionError


@app.command("score")
def score_command(
    maps: Annotated[
        list[str],
        typer.Option(
            metavar="[NAME=]DIR", help="Score maps of the test split; repeat for further methods."
        ),
    ],
    dataset: Annotated[
        str, typer.Option(metavar="NAME", help="Data set; see `wsolbench list datasets`.")
    ],
    data_root: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the data set is, as it was published.")
    ] = None,
    calibration_maps: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]DIR", help="Score maps of train-fullsup, to calibrate thresholds."
        ),
    ] = None,
    protocols: Annotated[
        str, typer.Option(metavar="LIST", help="How to score; see `list protocols`.")
    ] = "wsol2020,pointing-game",
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Only the first N images of each split.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first image that cannot be used.")
    ] = False,
    results: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder that the run is saved in.")
    ] = Path("results"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the record, less its counts, as JSON.")
    ] = False,
    plugin: Plugins = None,
) -> None:
    """Score folders of .npy score maps, in the layout of wsolevaluation, and print a leaderboard.

    An image's map is DIR/<image id>.npy; where an image has several classes, the map of each is
    DIR/<image id>#<label>.npy.
    """
    load_plugins(plugin)
    from wsolbench.progress import watch
    from wsolbench.score import score

    record = score(
        _folders(maps),
        dataset,
        calibration_maps=_folders(calibration_maps or []),
        protocols=protocols,
        data_root=data_root,
        limit=limit,
        strict=strict,
        results=results,
        watch=watch,
    )
    show_record(record, as_json=as_json)


def _folders(given: list[str]) -> dict[str, Path]:
    """Method -> folder; without a name the folder's own is the method's."""
    folders: dict[str, Path] = {}
    for text in given:
        name, equals, folder = text.partition("=")
        path = Path(folder if equals else text)
        label = name if equals else path.resolve().name
        if label in folders:
            raise OptionError(f"two folders for the method {label}; name them: NAME=DIR")
        folders[label] = path
    return folders
