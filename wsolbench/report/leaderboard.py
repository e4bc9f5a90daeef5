"""The leaderboard of a run: a rich table on a terminal, plain text elsewhere; reads records only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

WIDE = 1000  # columns, where nothing limits them
METHOD_WIDTH, COLUMN_PADDING = 12, 2
POLICIES = ("calibrated", "fixed", "oracle")  # the order of trust
Cell = tuple[str, str, str | None]  # protocol, metric, policy


@dataclass(frozen=True)
class Column:
    """One column of numbers.

    Attributes:
        cell: which number of a method it shows.
        heading: two lines.
    """

    cell: Cell
    heading: tuple[str, str]

    @property
    def width(self) -> int:
        """Characters that it takes."""
        return max(5, *map(len, self.heading)) + COLUMN_PADDING


def print_leaderboard(data: Mapping[str, Any], console: Console, path: object = None) -> None:
    """Print the leaderboard of a record.

    Args:
        data: of `wsolbench.store.Record`.
        console: where to; a table wider than it goes on below, methods repeated.
        path: the run's folder, to be named at the end.
    """
    numbers = {
        (row["method"], row["protocol"], row["metric"], row["policy"]): row["value"]
        for row in data["metrics"]
    }
    columns = list(_columns(data["metrics"]))
    order = _ranked(data["methods"], columns, numbers)
    console.print(_title(data), highlight=False, soft_wrap=True)
    width = console.width if console.is_terminal else WIDE
    for chunk in _chunks(columns, width - METHOD_WIDTH):
        console.print(_table(order, chunk, numbers, data), highlight=False)
    for line in _notes(data):
        console.print(line, highlight=False, soft_wrap=True)
    if path is not None:
        console.print(f"Saved in {escape(str(path))}", highlight=False, soft_wrap=True)


def _columns(metrics: Sequence[Mapping[str, Any]]) -> Iterator[Column]:
    """What a leaderboard shows of all numbers: no single IoU thresholds, no synonyms."""
    present = {(row["protocol"], row["metric"], row["policy"]) for row in metrics}
    for protocol, metric in dict.fromkeys((row["protocol"], row["metric"]) for row in metrics):
        if "@" in metric or (
            metric == "GT-known Loc" and (protocol, "MaxBoxAcc") in _pairs(present)
        ):
            continue
        for policy in (*POLICIES, None):
            cell = (protocol, metric, policy)
            if cell in present:
                yield Column(cell, (metric, policy or ""))


def _pairs(cells: set[Cell]) -> set[tuple[str, str]]:
    return {(protocol, metric) for protocol, metric, _ in cells}


def _ranked(
    methods: Sequence[Mapping[str, Any]],
    columns: Sequence[Column],
    numbers: Mapping[tuple[str, str, str, str | None], float],
) -> list[Mapping[str, Any]]:
    """Best first by the first column; floors behind all methods."""

    def key(method: Mapping[str, Any]) -> tuple[bool, float]:
        value = numbers.get((method["label"], *columns[0].cell), 0.0) if columns else 0.0
        return method["family"] == "floor", -value

    return sorted(methods, key=key)


def _chunks(columns: Sequence[Column], width: int) -> Iterator[list[Column]]:
    """Columns in groups that fit into ``width`` characters."""
    chunk: list[Column] = []
    for column in columns:
        if chunk and sum(one.width for one in chunk) + column.width > width:
            yield chunk
            chunk = []
        chunk.append(column)
    yield chunk


def _table(
    order: Sequence[Mapping[str, Any]],
    columns: Sequence[Column],
    numbers: Mapping[tuple[str, str, str, str | None], float],
    data: Mapping[str, Any],
) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("method", no_wrap=True, min_width=METHOD_WIDTH - COLUMN_PADDING)
    for column in columns:
        table.add_column("\n".join(column.heading), justify="right", no_wrap=True)
    floors = [method["family"] == "floor" for method in order]
    for i, method in enumerate(order):
        cells = [_percent(numbers.get((method["label"], *column.cell))) for column in columns]
        last_method = not floors[i] and floors[i + 1 : i + 2] == [True]
        mark = " !" if data["not_finite"].get(method["label"]) else ""
        style = "dim" if floors[i] else None
        table.add_row(escape(method["label"]) + mark, *cells, style=style, end_section=last_method)
    return table


def _percent(value: float | None) -> str:
    return "–" if value is None or value != value else f"{100 * value:.1f}"


def _title(data: Mapping[str, Any]) -> str:
    model, dataset = data["model"], data["dataset"]
    test = dataset["splits"]["test"]
    top = " and ".join(
        f"top-{name.removeprefix('top')} {100 * one['value']:.1f}"
        for name, one in data["classification"].items()
    )
    return (
        f"[bold]{escape(dataset['name'])}[/bold] test, {test['images']:,} images, "
        f"{test['targets']:,} targets · [bold]{escape(model['name'])}[/bold] "
        f"({escape(model['weights'])}), layer {escape(model['target_layer'])} · "
        f"classifier {top} · percent"
    )


def _notes(data: Mapping[str, Any]) -> Iterator[str]:
    dataset = data["dataset"]
    if dataset["no_calibration"]:
        yield f"No calibrated thresholds: {escape(dataset['no_calibration'])}"
    yield (
        "Thresholds: calibrated on train-fullsup, fixed beforehand, or oracle: chosen on these "
        "very images, an upper bound."
    )
    for name, split in dataset["splits"].items():
        yield from _split_notes(name, split)
    for method, bad in data["not_finite"].items():
        if bad:
            yield f"! {escape(method)}: {bad} maps with NaN or infinity, scored as misses"
    for method, reason in data["left_out"].items():
        yield f"Left out: {escape(method)}: {escape(reason)}"
    fingerprints = ", ".join(f"{p['label']} {p['fingerprint']}" for p in data["protocols"])
    yield f"Protocols: {escape(fingerprints)}"


def _split_notes(name: str, split: Mapping[str, Any]) -> Iterator[str]:
    expected = split["expected_images"]
    if expected is not None and expected != split["images"]:
        yield f"{name}: {split['images']:,} of the published {expected:,} images; not comparable."
    if split["problems"]:
        first = split["problems_listed"][0]
        yield (
            f"{name}: {split['problems']:,} not usable, the first: {escape(first['id'])}: "
            f"{escape(first['reason'])}"
        )
    if split["rescaled"]:
        yield (
            f"{name}: {split['rescaled']:,} files have another size than their annotations; "
            "boxes were scaled from the official frame."
        )
