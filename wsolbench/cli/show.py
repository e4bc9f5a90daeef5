"""The verb ``show``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wsolbench.cli.app import Plugins, app, load_plugins
from wsolbench.cli.networks import (
    Device,
    InputSize,
    Layer,
    Model,
    Weights,
    classes_of,
    load_network,
)
from wsolbench.errors import OptionError


@app.command("show")
def show_command(
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE...", help="Photographs, a row each.")
    ],
    methods: Annotated[
        str, typer.Option(metavar="LIST", help="Such as cam,gradcam,layercam, or all.")
    ] = "cam,gradcam,layercam",
    model: Model = "resnet50",
    weights: Weights = None,
    label: Annotated[
        str, typer.Option(metavar="CLASS", help="Number or name, or auto: the predicted one.")
    ] = "auto",
    box: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X0,Y0,X1,Y1", help="A true box of the one image, in its pixels; repeatable."
        ),
    ] = None,
    protocol: Annotated[
        str, typer.Option(metavar="NAME", help="Takes the boxes, at its fixed threshold.")
    ] = "wsol2020",
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Figure to write: .png, .pdf or .svg.")
    ] = Path("overlays.png"),
    layer: Layer = None,
    input_size: InputSize = 224,
    device: Device = "cpu",
    plugin: Plugins = None,
) -> None:
    """Draw what every method lights up in a photograph, and the box that it leads to."""
    load_plugins(plugin)
    if box and len(images) > 1:
        raise OptionError(f"true boxes belong to one image, but {len(images)} were given")
    from wsolbench.overlays import check_figure, save
    from wsolbench.plan import find_methods
    from wsolbench.protocol import resolve_protocol
    from wsolbench.settings import specs_of
    from wsolbench.show import look

    chosen = resolve_protocol(protocol)
    check_figure(out, chosen)
    boxes = [_box(text) for text in box or []]
    classifier = load_network(model, weights, layer=layer, input_size=input_size, device=device)
    planned, _ = find_methods(specs_of(methods, "method"), classifier)
    rows = [
        look(
            classifier,
            image,
            planned,
            chosen,
            label=label,
            class_names=classes_of(model),
            true_boxes=boxes,
        )
        for image in images
    ]
    network = f"{classifier.name}, {classifier.weights}"
    typer.echo(f"figure: {save(rows, chosen, network, out)}")


def _box(text: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != 4:
        raise OptionError(f"expected a box as x0,y0,x1,y1, but got {text!r}")
    return values
