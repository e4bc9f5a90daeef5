"""The verbs of ``data``: list, verify, download, stats, convert. No torch here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wsolbench.cli.app import Plugins, app, load_plugins
from wsolbench.registry import DATASETS

if TYPE_CHECKING:
    from wsolbench.data.fetch import Watch
    from wsolbench.dataset import Dataset

data_app = typer.Typer(
    help="Data sets: list, verify, download, describe and convert them.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.add_typer(data_app, name="data")

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Data set; see `data list`. Options in parentheses.")
]
Root = Annotated[
    Path | None,
    typer.Option("--data-root", help="Folder that holds it [WSOLBENCH_DATA, the cache folder]."),
]
Splits = Annotated[
    list[str] | None, typer.Option("--split", help="Split; repeatable [all that are there].")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@data_app.command("list")
def list_command(data_root: Root = None, as_json: AsJson = False, plugin: Plugins = None) -> None:
    """Show every data set: what it is, how many images, its licence, and where it is found."""
    from wsolbench.data.find import find, search_roots
    from wsolbench.data.show import console, number, print_table, table

    load_plugins(plugin)
    roots = search_roots(data_root)
    entries = [_entry(dataset, find(dataset, roots)) for dataset in DATASETS.values()]
    if as_json:
        typer.echo(json.dumps(entries, indent=1))
        return
    headings = ("data set", "test images", "annotations", "found", "licence", "what")
    rows = [
        (
            one["name"],
            number(one["splits"].get("test")),
            ", ".join(one["annotations"]),
            one["found"] or "–",
            one["licence"],
            one["title"],
        )
        for one in entries
    ]
    print_table(console(), table(headings, rows, right=(1,)))


def _entry(dataset: Dataset, found: Any) -> dict[str, Any]:
    place = None
    if found is not None:
        place = "made in the cache folder" if found.root is None else str(found.root)
    return {
        "name": dataset.name,
        "title": dataset.title,
        "splits": dict(dataset.splits),
        "classes": len(dataset.classes),
        "annotations": list(dataset.annotations),
        "licence": dataset.licence,
        "homepage": dataset.homepage,
        "downloads": [one.url for one in dataset.downloads],
        "found": place,
    }


@data_app.command("verify")
def verify_command(
    name: Name,
    data_root: Root = None,
    split: Splits = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes that decode images [all cores].")
    ] = None,
    masks: Annotated[bool, typer.Option(help="Read the masks too.")] = True,
    every: Annotated[bool, typer.Option("--all", help="Show every finding.")] = False,
    as_json: AsJson = False,
    plugin: Plugins = None,
) -> None:
    """Check counts, labels, boxes, masks and every image of a data set; exit 1 on faults."""
    from wsolbench.data.examine import available_cores
    from wsolbench.data.find import root_of
    from wsolbench.data.show import report_values, show_report
    from wsolbench.data.verify import verify
    from wsolbench.progress import watch

    dataset = _dataset(name, plugin)
    root = root_of(dataset, data_root)
    report = verify(
        dataset.bind(root),
        root,
        splits=split or (),
        masks=masks,
        workers=available_cores() if workers is None else workers,
        plugins=plugin or (),
        watch=watch,
    )
    if as_json:
        typer.echo(json.dumps(report_values(report), indent=1))
    else:
        show_report(report, every=every)
    if report.faults:
        raise typer.Exit(1)


@data_app.command("download")
def download_command(
    name: Name,
    data_root: Annotated[Path, typer.Option("--data-root", help="Folder to put it in.")],
    keep_archives: Annotated[
        bool, typer.Option("--keep-archives", help="Leave the archives there too.")
    ] = False,
    plugin: Plugins = None,
) -> None:
    """Download a data set from its official host, or say how to get it.

    What broke off goes on where it was; archives are checked and extracted safely.
    """
    from wsolbench.data.download import download

    dataset = _dataset(name, plugin)
    for got in download(dataset, data_root, keep_archives=keep_archives, watch=_file_progress):
        state = "was there already" if got.was_there else "done"
        size = f"{got.files:,} files, {got.size_bytes / 1024**2:,.1f} MiB"
        typer.echo(f"{got.download.filename}: {size}, {state}")
    if dataset.instructions:
        typer.echo(f"By hand: {dataset.instructions}")
    typer.echo(f"Next: wsolbench data verify {dataset.name} --data-root {data_root}")


@contextmanager
def _file_progress(filename: str) -> Iterator[Watch]:
    """A bar on stderr for the bytes of one file."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(filename, total=None)
        yield lambda received, total: bar.update(task, completed=received, total=total)


@data_app.command("stats")
def stats_command(
    name: Name,
    data_root: Root = None,
    split: Annotated[str, typer.Option(help="Split to describe.")] = "test",
    figure: Annotated[
        Path | None, typer.Option(help="Draw a figure: .pdf or .svg, and .png beside it.")
    ] = None,
    per_class: Annotated[bool, typer.Option("--per-class", help="A row per class.")] = False,
    as_json: AsJson = False,
    plugin: Plugins = None,
) -> None:
    """Describe classes, object sizes, shapes, numbers and the centre bias of a split."""
    from wsolbench.data.figures import save_figure
    from wsolbench.data.find import root_of
    from wsolbench.data.show import show_statistics
    from wsolbench.data.stats import describe

    dataset = _dataset(name, plugin)
    root = root_of(dataset, data_root)
    bound = dataset.bind(root)
    statistics = describe(bound, bound.load(split, root))
    drawn = save_figure(statistics, figure) if figure is not None else ()
    if as_json:
        values = statistics.summary() | {"per_class": statistics.per_class()}
        typer.echo(json.dumps(values | {"figures": [str(path) for path in drawn]}, indent=1))
        return
    show_statistics(statistics, per_class=per_class)
    for path in drawn:
        typer.echo(f"figure: {path}")


@data_app.command("convert")
def convert_command(
    name: Name,
    layout: Annotated[str, typer.Option("--to", metavar="LAYOUT", help="coco, voc or manifest.")],
    out: Annotated[Path, typer.Option(help="Folder to write; it must be new or empty.")],
    data_root: Root = None,
    split: Splits = None,
    link: Annotated[bool, typer.Option("--link", help="Link the images, do not copy.")] = False,
    devkit: Annotated[
        str | None, typer.Option(help="For voc: the folder's name in VOCdevkit [VOC2007].")
    ] = None,
    plugin: Plugins = None,
) -> None:
    """Write a data set in another layout: its splits, images, boxes and masks."""
    from wsolbench.data.convert import convert
    from wsolbench.data.find import root_of

    dataset = _dataset(name, plugin)
    root = root_of(dataset, data_root)
    bound = dataset.bind(root)
    written = convert(bound, root, layout, out, splits=split or (), link=link, devkit=devkit)
    for split_name, images in written.images.items():
        typer.echo(f"{split_name}: {images:,} images")
    if written.problems:
        typer.echo(f"left out: {written.problems:,} entries that cannot be read (see data verify)")
    for what, count in written.losses.items():
        typer.echo(f"lost: {count:,} {what}")
    typer.echo(f"written: {written.folder}")


def _dataset(name: str, plugins: list[Path] | None) -> Dataset:
    from wsolbench.data.find import card_of

    load_plugins(plugins)
    return card_of(name)
