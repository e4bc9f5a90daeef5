"""The leaderboard of a run: a rich table on a terminal, plain text elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

WIDE = 1000  # columns, where nothing limits them
METHOD_WIDTH = 14
POLICIES = ("calibrated", "fixed", "oracle")  # the order of trust
SHORT = {"calibrated": "calib", "fixed": "fixed", "oracle": "oracle"}
NUMBER_WIDTH = 7

Numbers = Mapping[tuple[str, str, str, str | None], float]


@dataclass(frozen=True)
class Column:
    """One metric of one protocol, under every threshold policy that it has.

    Attributes:
        protocol: its label.
        metric: its name.
        policies: in the order of trust; ``(None,)`` for a metric without threshold.
    """

    protocol: str
    metric: str
    policies: tuple[str | None, ...]

    @property
    def heading(self) -> str:
        """The metric, and under it the policies."""
        if self.policies == (None,):
            return self.metric
        below = "".join(f"{SHORT[policy or '']:>{NUMBER_WIDTH}}" for policy in self.policies)
        return f"{self.metric}\n{below}"

    @property
    def width(self) -> int:
        """Characters that it takes, the gap to the next included."""
        return max(map(len, self.heading.split("\n"))) + 2

    def values(self, method: str, numbers: Numbers) -> list[float | None]:
        """One number for each policy."""
        return [numbers.get((method, self.protocol, self.metric, p)) for p in self.policies]


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
    columns = _columns(data["metrics"])
    order = _ranked(data["methods"], columns, numbers)
    if not console.is_terminal:
        console.width = WIDE
    console.print(_title(data), highlight=False, soft_wrap=True)
    for chunk in _chunks(columns, console.width - METHOD_WIDTH):
        console.print(_table(order, chunk, numbers, data), highlight=False)
    for line in _notes(data):
        console.print(line, highlight=False, soft_wrap=True)
    if path is not None:
        console.print(f"Saved in {escape(str(path))}", highlight=False, soft_wrap=True)


def _columns(metrics: Sequence[Mapping[str, Any]]) -> list[Column]:
    """What a leaderboard shows of all numbers: no single IoU thresholds, no synonyms."""
    policies: dict[tuple[str, str], set[str | None]] = {}
    for row in metrics:
        policies.setdefault((row["protocol"], row["metric"]), set()).add(row["policy"])
    return [
        Column(protocol, metric, tuple(p for p in (*POLICIES, None) if p in present))
        for (protocol, metric), present in policies.items()
        if "@" not in metric
        and not (metric == "GT-known Loc" and (protocol, "MaxBoxAcc") in policies)
    ]


def _ranked(
    methods: Sequence[Mapping[str, Any]], columns: Sequence[Column], numbers: Numbers
) -> list[Mapping[str, Any]]:
    """Best first by the first number; floors behind all methods."""

    def key(method: Mapping[str, Any]) -> tuple[bool, float]:
        first = columns[0].values(method["label"], numbers)[0] if columns else None
        return method["family"] == "floor", -(first or 0.0)

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
    numbers: Numbers,
    data: Mapping[str, Any],
) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("method", no_wrap=True)
    for column in columns:
        table.add_column(column.heading, justify="right", no_wrap=True)
    floors = [method["family"] == "floor" for method in order]
    for i, method in enumerate(order):
        label = method["label"]
        mark = " !" if data["not_finite"].get(label) else ""
        cells = [_cell(column.values(label, numbers)) for column in columns]
        table.add_row(
            escape(label) + mark,
            *cells,
            style="dim" if floors[i] else None,
            end_section=not floors[i] and floors[i + 1 : i + 2] == [True],
        )
    return table


def _cell(values: Sequence[float | None]) -> str:
    width = NUMBER_WIDTH if len(values) > 1 else 0
    return "".join(f"{_percent(value):>{width}}" for value in values)


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
            f"{name}: {split['problems']:,} left out, the first: {escape(first['id'])}: "
            f"{escape(first['reason'])}"
        )
    if split["rescaled"]:
        yield (
            f"{name}: {split['rescaled']:,} files have another size than their annotations; "
            "boxes were scaled from the official frame."
        )
