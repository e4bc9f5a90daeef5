"""The verb ``agree``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsolbench.cli.app import app
from wsolbench.cli.networks import AsJson, Device, InputSize, Layer, Model, Weights, load_network

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.agree import Agreement
    from wsolbench.models import Classifier

HEADINGS = ("method", "peer", "package", "max diff", "rank corr", "box IoU", "same box", "verdict")


@app.command("agree")
def agree_command(
    model: Model = "resnet18",
    weights: Weights = "none",
    methods: Annotated[
        str | None, typer.Option(metavar="LIST", help="Only these methods of ours [all].")
    ] = None,
    images: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Image to compare on; repeatable [images of noise]."),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(metavar="N", min=1, help="How many images of noise.")
    ] = 2,
    every: Annotated[
        bool, typer.Option("--all", help="Also methods that make many forward passes.")
    ] = False,
    layer: Layer = None,
    input_size: InputSize = 224,
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Compare our maps with those of pytorch-grad-cam, torch-cam and captum on one batch.

    Per method: the largest difference of any pixel (maps scaled to [0, 1]), the rank correlation,
    and the IoU of the boxes that wsol2020 takes at .2. Of images, the class is the predicted one.
    """
    from wsolbench.agree import agree
    from wsolbench.store import dump

    classifier = load_network(model, weights, layer=layer, input_size=input_size, device=device)
    batch, labels = _batch(classifier, images or [], batch_size)
    names = [name.strip() for name in (methods or "").split(",") if name.strip()]
    found = agree(classifier, batch, labels, methods=names, costly=every)
    if as_json:
        typer.echo(dump({"agreement": [one.values() for one in found]}), nl=False)
        return
    _show(list(found))


def _batch(classifier: Classifier, files: list[Path], count: int) -> tuple[Tensor, list[int]]:
    """The images, normalised, and a class for each."""
    import torch

    from wsolbench.images import InputTransform, read_image

    size = classifier.input_hw
    if not files:
        noise = torch.randn(count, 3, *size, generator=torch.Generator().manual_seed(0))
        return noise, [index % classifier.num_classes for index in range(count)]
    transform = InputTransform(classifier.mean, classifier.std, size)
    images = torch.stack([transform(read_image(file, upright=True)) for file in files])
    with torch.no_grad():
        logits = classifier.module(images.to(classifier.device, classifier.dtype))
    return images, logits.argmax(1).tolist()


def _show(found: list[Agreement]) -> None:
    from wsolbench.agree import SAME
    from wsolbench.data.show import console, print_table, table

    rows = [
        (
            one.ours,
            one.theirs,
            one.source,
            *(_number(value, digits) for value, digits in (
                (one.difference, "7.1e"), (one.correlation, ".4f"),
                (one.box_iou, ".3f"), (one.same_boxes, ".0%"),
            )),
            _verdict(one),
        )
        for one in found
    ]  # fmt: skip
    print_table(console(), table(HEADINGS, rows, right=(3, 4, 5, 6)))
    notes = {one.theirs: one.departure for one in found if one.departure and not one.same}
    if notes:
        typer.echo("\nknown departures:")
    for peer, note in notes.items():
        typer.echo(f"  {peer}: {note}")
    typer.echo(f"\nsame: no pixel of a map in [0, 1] differs by more than {SAME:g}")


def _number(value: float, digits: str) -> str:
    return "–" if math.isnan(value) else format(value, digits)


def _verdict(one: Agreement) -> str:
    if one.failure:
        return f"failed: {one.failure}"
    if one.same:
        return "same"
    return "differs, known" if one.departure else "differs, unexplained"
