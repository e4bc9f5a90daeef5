"""The options that name a network outside of a run, and the network that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from wsolbench.models import Classifier

IMAGENET_CLASSES = 1000

Model = Annotated[str, typer.Option(metavar="NAME", help="Network; see `wsolbench list models`.")]
Weights = Annotated[
    str | None,
    typer.Option(
        metavar="WEIGHTS",
        help="imagenet (downloaded once), none (random), or a .safetensors, .pt or .pth file.",
    ),
]
Layer = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Layer that the methods read [the last one with maps]."),
]
InputSize = Annotated[
    int, typer.Option(metavar="N", min=1, help="Side that images are resized to.")
]
Device = Annotated[str, typer.Option(metavar="NAME", help="Where the network runs: cpu, cuda ...")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def load_network(
    model: str,
    weights: str | None,
    *,
    layer: str | None = None,
    input_size: int = 224,
    device: str = "cpu",
) -> Classifier:
    """A network of this name, with as many classes as its usual weights have."""
    from wsolbench.models import load_classifier
    from wsolbench.plan import find_device

    dataset = classes_of(model)
    return load_classifier(
        model,
        num_classes=IMAGENET_CLASSES if dataset is None else len(dataset),
        weights=weights,
        layer=layer,
        input_hw=(input_size, input_size),
        device=find_device(device),
    )


def classes_of(model: str) -> tuple[str, ...] | None:
    """Names of the classes that a network's usual weights know, ``None`` where nobody says."""
    from wsolbench.registry import DATASETS
    from wsolbench.settings import DEFAULT_DATASET, DEFAULT_MODEL

    known = DATASETS[DEFAULT_DATASET if model == DEFAULT_MODEL else "ilsvrc"].classes
    return tuple(known)
