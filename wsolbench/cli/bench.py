"""The verb ``bench``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from wsolbench.cli.app import Plugins, app, load_plugins
from wsolbench.cli.networks import AsJson, Device, InputSize, Layer, Model, Weights, load_network

if TYPE_CHECKING:
    from wsolbench.bench import Cost
    from wsolbench.models import Classifier

HEADINGS = ("method", "passes", "quartiles", "s/image", "peak MiB", "rounds", "of")


@app.command("bench")
def bench_command(
    model: Model = "resnet50",
    weights: Weights = "none",
    methods: Annotated[
        str,
        typer.Option(metavar="LIST", help="Such as cam,layercam(layers=layer3), or all."),
    ] = "all",
    every: Annotated[
        bool, typer.Option("--all", help="Also methods that make many forward passes.")
    ] = False,
    peers: Annotated[
        bool, typer.Option("--peers", help="Also the same methods of other libraries.")
    ] = False,
    batch_size: Annotated[int, typer.Option(metavar="N", min=1, help="Images per pass.")] = 16,
    repeats: Annotated[int, typer.Option(metavar="N", min=1, help="Rounds to time.")] = 5,
    autocast: Annotated[
        Literal["none", "float16", "bfloat16"], typer.Option(help="Half precision.")
    ] = "none",
    channels_last: Annotated[
        bool, typer.Option("--channels-last", help="Keep images with their channels last.")
    ] = False,
    layer: Layer = None,
    input_size: InputSize = 224,
    device: Device = "cpu",
    as_json: AsJson = False,
    plugin: Plugins = None,
) -> None:
    """Measure what each method costs on this machine, as multiples of a bare forward pass.

    Every method is timed alone, its forward pass included, on images of noise with one class each;
    the last row shares one pass among all that need no further ones. Peak memory is that of
    tensors at the worst moment, beyond images and weights.
    """
    load_plugins(plugin)
    from wsolbench.bench import bench
    from wsolbench.progress import watch
    from wsolbench.settings import specs_of

    classifier = load_network(model, weights, layer=layer, input_size=input_size, device=device)
    specs = specs_of(methods, "method")
    from wsolbench.plan import find_methods
    from wsolbench.spec import Spec

    named = {spec.name for spec in specs}
    specs += tuple(Spec(name) for name in _costly(classifier) if every and name not in named)
    planned, _ = find_methods(specs, classifier)
    costs = bench(
        classifier,
        planned,
        batch_size=batch_size,
        peers=peers,
        autocast=autocast,
        channels_last=channels_last,
        repeats=repeats,
        watch=watch,
    )
    setup = {
        "model": model,
        "device": str(classifier.device),
        "batch_size": batch_size,
        "input_size": input_size,
        "autocast": autocast,
        "channels_last": channels_last,
    }
    _print(setup, costs, as_json=as_json)


def _costly(classifier: Classifier) -> list[str]:
    from wsolbench.registry import METHODS

    return [
        name
        for name, method in METHODS.items()
        if method.cost == "many" and method.unsupported_by(classifier) is None
    ]


def _print(setup: dict[str, Any], costs: list[Cost], *, as_json: bool) -> None:
    import torch

    from wsolbench import provenance
    from wsolbench.data.show import console, print_table, table
    from wsolbench.store import dump

    setup |= {"threads": torch.get_num_threads(), "torch": torch.__version__}
    if as_json:
        shown = {"setup": setup, "machine": provenance.machine(setup["device"])}
        typer.echo(dump(shown | {"costs": [cost.values() for cost in costs]}), nl=False)
        return
    typer.echo(", ".join(f"{key.replace('_', ' ')} {value}" for key, value in setup.items()))
    print_table(console(), table(HEADINGS, [_row(cost) for cost in costs], right=(1, 2, 3, 4, 5)))


def _row(cost: Cost) -> tuple[str, ...]:
    if cost.failure:
        return (cost.label, "–", "–", "–", "–", "0", f"failed: {cost.failure}")
    low, high = cost.spread
    return (
        cost.label,
        f"{cost.passes:.2f}",
        f"{low:.2f}–{high:.2f}",
        f"{cost.seconds:.4f}",
        f"{cost.memory_bytes / 2**20:,.1f}",
        str(cost.rounds),
        cost.source,
    )
