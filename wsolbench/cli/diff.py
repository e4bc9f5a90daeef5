"""The verb ``diff-protocols``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from wsolbench.cli.app import Plugins, app, load_plugins

if TYPE_CHECKING:
    from wsolbench.diff import Difference


@app.command("diff-protocols")
def diff_command(
    first: Annotated[str, typer.Argument(metavar="A", help="Protocol, such as wsol2020.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another, such as cam2016.")],
    run: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of a run that was made with --save-maps.")
    ],
    policy: Annotated[
        Literal["fixed", "calibrated", "oracle"],
        typer.Option(help="How the run chose the thresholds of protocols with several."),
    ] = "fixed",
    data_root: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the data set is; as in the run by default."),
    ] = None,
    show: Annotated[
        int, typer.Option(metavar="N", min=0, help="How many targets to list per method.")
    ] = 10,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print every target that changes as JSON.")
    ] = False,
    plugin: Plugins = None,
) -> None:
    """Show which targets change verdict between two protocols, and which choice turns them.

    Both protocols judge the same raw maps. A choice (frame, normaliser, threshold, box rule, IoU
    convention) turns a verdict if A with that choice of B judges as B does.
    """
    load_plugins(plugin)
    from wsolbench.diff import diff_protocols
    from wsolbench.protocol import resolve_protocol
    from wsolbench.store import Record, dump

    difference = diff_protocols(
        Record.load(run),
        resolve_protocol(first),
        resolve_protocol(second),
        policy=policy,
        data_root=data_root,
    )
    if as_json:
        typer.echo(dump(asdict(difference)), nl=False)
        return
    for line in _lines(difference, show):
        typer.echo(line)


def _lines(difference: Difference, show: int) -> list[str]:
    lines = [
        f"{difference.a} against {difference.b}, on the same maps.",
        f"They differ in: {', '.join(difference.differing) or 'nothing that a box depends on'}.",
    ]
    for method in difference.thresholds:
        lines += ["", *_method_lines(difference, method, show)]
    return lines


def _method_lines(difference: Difference, method: str, show: int) -> list[str]:
    changes = [change for change in difference.changes if change.method == method]
    right, wrong = difference.agree_right.get(method, 0), difference.agree_wrong.get(method, 0)
    thresholds = " and ".join("none" if t is None else f"{t:g}" for t in _pair(difference, method))
    lines = [
        f"{method} (thresholds {thresholds}): {right + wrong + len(changes):,} targets, "
        f"{right:,} right under both, {wrong:,} wrong under both"
    ]
    for protocol in (difference.a, difference.b):
        only = sum(change.right == protocol for change in changes)
        causes = difference.causes(method, protocol).most_common()
        why = ", ".join(f"{cause} {count:,}" for cause, count in causes)
        lines.append(f"  right under {protocol} only: {only:,}" + (f" ({why})" if why else ""))
    for change in changes[:show]:
        why = ", ".join(change.causes)
        lines.append(f"    {change.sample_id} #{change.label}: only {change.right}; {why}")
    if len(changes) > show:
        lines.append(f"    ... and {len(changes) - show:,} more; --show {len(changes)} lists all")
    return lines


def _pair(difference: Difference, method: str) -> tuple[float | None, float | None]:
    return difference.thresholds[method]
