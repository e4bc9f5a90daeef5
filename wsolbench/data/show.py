"""What the commands of `wsolbench data` print: tables for people, plain values for JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from wsolbench.data.stats import Statistics
from wsolbench.data.verify import Finding, Report
from wsolbench.dataset import BOXES, MASKS

_SHOWN = 10
_PIPED_WIDTH = 1000


def console() -> Console:
    """Standard output, without markup: names may hold brackets."""
    return Console(highlight=False, markup=False, soft_wrap=True)


def print_table(out: Console, shown: Table) -> None:
    """Print a table; one line a row where nobody looks."""
    width = out.width if out.is_terminal else _PIPED_WIDTH
    for line in out.render_lines(shown, out.options.update(width=width), pad=False):
        out.print("".join(segment.text for segment in line).rstrip())


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()
) -> Table:
    """A plain table; the columns in ``right`` are aligned to the right."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for position, heading in enumerate(headings):
        made.add_column(heading, justify="right" if position in right else "left")
    for row in rows:
        made.add_row(*row)
    return made


def number(count: int | None) -> str:
    """A count with separators; a dash where it is not known."""
    return "–" if count is None else f"{count:,}"


def report_values(report: Report) -> dict[str, Any]:
    """The report as plain values."""
    return {"ok": not report.faults, **asdict(report)}


def show_report(report: Report, *, every: bool = False) -> None:
    """Print a report; of one kind of finding the first ten, or all of them."""
    out = console()
    where = report.root or "the cache folder"
    out.print(f"{report.dataset}, revision {report.revision}, in {where}", style="bold")
    out.print(f"annotations: {', '.join(report.annotations)}{_unscored(report.annotations)}")
    rows = [(n, number(i), number(report.expected[n])) for n, i in report.images.items()]
    print_table(out, table(("split", "images", "published"), rows, right=(1, 2)))
    _show_findings(out, "Faults", report.faults, every=every)
    _show_findings(out, "Remarks", report.remarks, every=every)
    verdict = f"{_counted(report.faults, 'fault')}, {_counted(report.remarks, 'remark')}"
    out.print(f"\n{verdict}", style="bold")


def _unscored(annotations: Sequence[str]) -> str:
    """What cannot be scored for want of annotations."""
    absent = [name for name in (BOXES, MASKS) if name not in annotations]
    return f"; nothing can be scored against {' or '.join(absent)}" if absent else ""


def _counted(things: Sequence[object], name: str) -> str:
    count = f"{len(things):,}" if things else "no"
    return f"{count} {name}" if len(things) < 2 else f"{count} {name}s"


def _show_findings(out: Console, title: str, findings: Iterable[Finding], *, every: bool) -> None:
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for finding in findings:
        groups[finding.kind, finding.split].append(finding.text)
    if groups:
        out.print(f"\n{title}", style="bold")
    for (kind, split), texts in groups.items():
        shown = texts if every else texts[:_SHOWN]
        where = f" of {split}" if split else ""
        for text in shown:
            out.print(f"  {kind}{where}: {text}")
        if len(shown) < len(texts):
            out.print(f"  {kind}{where}: and {len(texts) - len(shown):,} more (--all)")


def show_statistics(statistics: Statistics, *, per_class: bool = False) -> None:
    """Print the numbers of a split, and those of its classes if asked."""
    out = console()
    summary = statistics.summary()
    out.print(f"{statistics.dataset} {statistics.split}", style="bold")
    for name in ("images", "images_left_out", "classes", "boxes", "boxes_around_masks"):
        if name in summary:
            out.print(f"{name.replace('_', ' ')}: {summary[name]:,}")
    spreads = [(name, value) for name, value in summary.items() if isinstance(value, dict)]
    if spreads:
        headings = ("", *spreads[0][1])
        rows = [(_TITLES[name], *(f"{v:.3g}" for v in value.values())) for name, value in spreads]
        print_table(out, table(headings, rows, right=range(1, len(headings))))
    if "mean_centre_xy" in summary:
        x, y = summary["mean_centre_xy"]
        out.print(f"mean centre: {x:.3f} of the width, {y:.3f} of the height")
        out.print(f"boxes of half the image or more: {100 * summary['area_of_half_or_more']:.1f} %")
    else:
        out.print("no boxes and no masks: only classification can be scored")
    if per_class:
        print_table(out, _class_table(statistics))


_TITLES = {
    "labels_per_image": "classes per image",
    "boxes_per_image": "boxes per image with any",
    "area": "area, share of the image",
    "aspect": "width / height",
    "off_centre": "distance from the centre, share of half the diagonal",
}


def _class_table(statistics: Statistics) -> Table:
    headings = ("label", "class", "images", "boxes", "median area", "median w/h", "mean centre")
    rows = []
    for row in statistics.per_class():
        x, y = row.get("mean_centre_xy", (None, None))
        rows.append(
            (
                str(row["label"]),
                row["class"],
                number(row["images"]),
                number(row["boxes"]),
                "–" if x is None else f"{row['median_area']:.3f}",
                "–" if x is None else f"{row['median_aspect']:.2f}",
                "–" if x is None else f"{x:.2f} {y:.2f}",
            )
        )
    return table(headings, rows, right=(0, 2, 3, 4, 5))
