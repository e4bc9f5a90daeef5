"""The leaderboard of a run: tables that fit the terminal, plain text elsewhere."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from wsolbench.report.notes import notes_of, title_of

PIPED_WIDTH = 120  # columns, where no terminal says how many there are
POLICIES = ("calibrated", "fixed", "oracle")  # the order of trust
SHORT = {"calibrated": "calib"}
NUMBER = 7  # characters of a number, the gap before it included
GAP = 3  # spaces before a column
LABEL = 40  # characters of a protocol's label; the notes have all of it
BOLD, FAINT, PLAIN = "bold", "dim", ""

_PIECE = re.compile(r"[^,+(]+[,+(]?")
Numbers = Mapping[tuple[str, str, str, str | None], float | None]
Line = tuple[str, str]  # text and style


@dataclass(frozen=True)
class Column:
    """One metric of one protocol, under every threshold policy that it has.

    Attributes:
        protocol: its label.
        metric: its name.
        policies: in the order of trust; ``(None,)`` for a metric without threshold.
        higher_is_better: whether more is better.
    """

    protocol: str
    metric: str
    policies: tuple[str | None, ...]
    higher_is_better: bool = True

    @property
    def width(self) -> int:
        """Characters that it takes, the gap before it included."""
        return GAP + max(len(self.metric), NUMBER * len(self.policies) - 2)

    def header(self) -> tuple[str, str]:
        """The metric, and what stands below it: the policies."""
        below = "".join(f"{SHORT.get(p, p) if p else '':>{NUMBER}}" for p in self.policies)
        side = ">" if len(self.policies) == 1 else "<"  # to the left where several stand below
        top = f"{'':{GAP}}{self.metric:{side}{self.width - GAP}}"
        return top, f"{below:>{self.width}}"

    def cell(self, method: str, numbers: Numbers) -> str:
        """The numbers of one method in percent, one for each policy."""
        values = (numbers.get((method, self.protocol, self.metric, p)) for p in self.policies)
        text = "".join(f"{'-' if v is None else f'{100 * v:.1f}':>{NUMBER}}" for v in values)
        return f"{text:>{self.width}}"


@dataclass(frozen=True)
class Block:
    """Neighbouring columns of one protocol, under its label.

    Attributes:
        protocol: its label.
        columns: at least one.
    """

    protocol: str
    columns: tuple[Column, ...]

    @property
    def width(self) -> int:
        """Characters that it takes, the gap before it included."""
        return max(sum(c.width for c in self.columns), min(len(self.protocol), LABEL) + GAP)

    def header(self) -> tuple[str, str, str]:
        """The protocol, its metrics, and their policies."""
        room = self.width - GAP
        fits = len(self.protocol) <= room
        label = self.protocol if fits else self.protocol[: room - 3] + "..."
        side = ">" if len(self.columns) == 1 else "<"
        metrics, policies = zip(*(column.header() for column in self.columns), strict=True)
        return (
            f"{'':{GAP}}{label:{side}{room}}",
            f"{''.join(metrics):>{self.width}}",
            f"{''.join(policies):>{self.width}}",
        )

    def cells(self, method: str, numbers: Numbers) -> str:
        """The numbers of one method."""
        return f"{''.join(c.cell(method, numbers) for c in self.columns):>{self.width}}"


def print_leaderboard(data: Mapping[str, Any], console: Console, path: object = None) -> None:
    """Print the leaderboard of a record.

    Args:
        data: of `wsolbench.store.Record`.
        console: where to; a table wider than it goes on below, methods repeated.
        path: the run's folder, to be named at the end.
    """
    terminal = console.is_terminal
    width = console.width if terminal else PIPED_WIDTH
    for text, style in leaderboard(data, width):
        rule = "\u2500" if terminal and console.encoding.startswith("utf") else "-"
        shown = text.replace("-", rule) if set(text) == {"-"} else text
        console.print(Text(shown, style), soft_wrap=True)
    if path is not None:
        console.print(Text(f"Saved in {path}"), soft_wrap=True)


def leaderboard(data: Mapping[str, Any], width: int) -> Iterator[Line]:
    """The lines of a leaderboard, none wider than ``width`` where that can be."""
    numbers = {
        (row["method"], row["protocol"], row["metric"], row["policy"]): row["value"]
        for row in data["metrics"]
    }
    columns = _columns(data["metrics"])
    methods = _ranked(data["methods"], columns, numbers)
    labels = _labels(methods, data["not_finite"], width)
    yield from ((line, PLAIN) for line in _wrapped(title_of(data), width))
    for blocks in _fitting(columns, width - _longest(labels)):
        yield "", PLAIN
        yield from _table(methods, labels, blocks, numbers)
    yield "", PLAIN
    for note in notes_of(data):
        yield from ((line, PLAIN) for line in _wrapped(note, width))


def _columns(metrics: Sequence[Mapping[str, Any]]) -> list[Column]:
    """What a leaderboard shows of all numbers: no single IoU thresholds, no synonyms."""
    policies: dict[tuple[str, str], list[str | None]] = {}
    direction = {}
    for row in metrics:
        key = row["protocol"], row["metric"]
        direction[key] = row.get("higher_is_better", True)
        if row["policy"] not in policies.setdefault(key, []):
            policies[key].append(row["policy"])
    return [
        Column(protocol, metric, _by_trust(present), direction[protocol, metric])
        for (protocol, metric), present in policies.items()
        if "@" not in metric
        and not (metric == "GT-known Loc" and (protocol, "MaxBoxAcc") in policies)
    ]


def _by_trust(policies: Sequence[str | None]) -> tuple[str | None, ...]:
    known = [policy for policy in POLICIES if policy in policies]
    return (*known, *(policy for policy in policies if policy not in POLICIES))


def _ranked(
    methods: Sequence[Mapping[str, Any]], columns: Sequence[Column], numbers: Numbers
) -> list[Mapping[str, Any]]:
    """Best first by the first number of the first column; floors behind all methods."""

    def key(method: Mapping[str, Any]) -> tuple[bool, bool, float]:
        value = None
        if columns:
            first = columns[0]
            value = numbers.get((method["label"], first.protocol, first.metric, first.policies[0]))
            value = -value if value is not None and first.higher_is_better else value
        return method["family"] == "floor", value is None, value or 0.0

    return sorted(methods, key=key)


def _labels(
    methods: Sequence[Mapping[str, Any]], not_finite: Mapping[str, int], width: int
) -> dict[str, list[str]]:
    """Label -> its lines in the first column, which takes a third of the width at most."""
    marked = {m["label"]: m["label"] + " !" * bool(not_finite.get(m["label"])) for m in methods}
    return {label: _folded(shown, max(16, width // 3)) for label, shown in marked.items()}


def _folded(label: str, width: int) -> list[str]:
    """A label on lines of ``width``, folded between its options where that can be."""
    lines = [""]
    for piece in _PIECE.findall(label):
        if lines[-1].strip() and len(lines[-1] + piece) > width:
            lines.append("  ")
        lines[-1] += piece
        while len(lines[-1]) > width:
            lines[-1:] = [lines[-1][:width], "  " + lines[-1][width:]]
    return [line.rstrip() for line in lines]


def _fitting(columns: Sequence[Column], width: int) -> Iterator[list[Block]]:
    """Blocks side by side as far as they fit; one that is too wide alone is divided."""
    row: list[Block] = []
    for protocol in dict.fromkeys(column.protocol for column in columns):
        own = tuple(column for column in columns if column.protocol == protocol)
        for block in _divided(Block(protocol, own), width):
            if row and sum(one.width for one in row) + block.width > width:
                yield row
                row = []
            row.append(block)
    if row:
        yield row


def _divided(block: Block, width: int) -> Iterator[Block]:
    columns: list[Column] = []
    for column in block.columns:
        if columns and Block(block.protocol, (*columns, column)).width > width:
            yield Block(block.protocol, tuple(columns))
            columns = []
        columns.append(column)
    yield Block(block.protocol, tuple(columns))


def _table(
    methods: Sequence[Mapping[str, Any]],
    labels: Mapping[str, list[str]],
    blocks: Sequence[Block],
    numbers: Numbers,
) -> Iterator[Line]:
    first = _longest(labels)
    above, metrics, below = (
        "".join(lines) for lines in zip(*(b.header() for b in blocks), strict=True)
    )
    rule = "-" * (first + sum(block.width for block in blocks))
    yield f"{'':{first}}{above}".rstrip(), FAINT
    yield f"{'':{first}}{metrics}".rstrip(), BOLD
    yield f"{'method':{first}}{below}".rstrip(), BOLD
    yield rule, FAINT
    among_floors = False
    for method in methods:
        floor = method["family"] == "floor"
        if floor and not among_floors:
            yield rule, FAINT
        among_floors = floor
        cells = "".join(block.cells(method["label"], numbers) for block in blocks)
        top, *more = labels[method["label"]]
        yield f"{top:{first}}{cells}", FAINT if floor else PLAIN
        yield from ((line, FAINT if floor else PLAIN) for line in more)


def _longest(labels: Mapping[str, list[str]]) -> int:
    lines = [line for label in labels.values() for line in label]
    return max(map(len, ["method", *lines]))


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent="  ", break_on_hyphens=False)
