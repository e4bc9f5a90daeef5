"""A figure of one or several images: a heat map a method over each, and the boxes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wsolbench.errors import DataError, OptionError
from wsolbench.predicted import predicted_box

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL import Image

    from wsolbench.protocol import Protocol
    from wsolbench.show import Box, Panel, Row

SUFFIXES = (".png", ".pdf", ".svg")
COLOURS = "inferno"  # perceptually uniform, also for colour-blind eyes, and dark where nothing is
PREDICTED, TRUE = "#56b4e9", "#ffffff"  # sky blue, which no part of the map has
OVERLAY = 0.6  # opacity of the map, on a grey image whose own colours would mix with it
SIDE_INCHES, TITLE_INCHES, LEGEND_INCHES = 2.1, 0.36, 0.22
LONG_LABEL, LONG_METHOD = 30, 26


def check_figure(path: Path, protocol: Protocol) -> None:
    """Refuse what cannot be drawn before any work is done.

    Raises:
        OptionError: another ending than .png, .pdf or .svg, or a protocol without a box.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise OptionError(
            f"expected a figure's name to end in {', '.join(SUFFIXES)}, but got {path}"
        )
    predicted_box(np.eye(2), protocol, (2, 2))


def save(rows: Sequence[Row], protocol: Protocol, network: str, path: Path) -> Path:
    """Draw the rows and write the figure as its name's ending says.

    Raises:
        OptionError: another ending than .png, .pdf or .svg, or a protocol without a box.
        DataError: the file cannot be written.
    """
    check_figure(path, protocol)
    suffix = path.suffix.lower()
    date = {"Date" if suffix == ".svg" else "CreationDate": None} if suffix != ".png" else None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(rows, protocol, network).savefig(
            path, dpi=200, metadata=date, bbox_inches="tight", pad_inches=0.05
        )
    except OSError as error:
        raise DataError(f"cannot write the figure {path}: {error}") from error
    return path


def draw(rows: Sequence[Row], protocol: Protocol, network: str) -> Figure:
    """A grid: a row an image, a column a method, the plain image first.

    Many methods on a single image are wrapped onto several lines.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    cells = [[(row, None), *((row, panel) for panel in row.panels)] for row in rows]
    columns = _columns(len(cells[0]), single=len(rows) == 1)
    lines = [line[i : i + columns] for line in cells for i in range(0, len(line), columns)]
    heights = [(SIDE_INCHES - 0.06) * _tallness(line[0][0].image) for line in lines]
    figure = Figure(
        figsize=(
            SIDE_INCHES * columns,
            sum(heights) + (TITLE_INCHES + 0.03) * len(lines) + LEGEND_INCHES,
        ),
        layout=ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.015, wspace=0, hspace=0),
    )
    grid = figure.subplots(len(lines), columns, squeeze=False, height_ratios=heights)
    for line, axes in zip(lines, grid, strict=True):
        for axis in axes:
            axis.set_axis_off()
        for (row, panel), axis in zip(line, axes, strict=False):
            _draw_cell(axis, row, panel)
    figure.supxlabel(_legend(rows, protocol, network), fontsize=7)
    return figure


def _columns(cells: int, *, single: bool) -> int:
    """All in one line, unless a single image has so many that a line is hard to read."""
    if not single or cells <= 6:
        return cells
    lines = -(-cells // 6)
    return -(-cells // lines)


def _tallness(image: Image.Image) -> float:
    return float(np.clip(image.height / image.width, 0.4, 2.0))


def _draw_cell(axis: Axes, row: Row, panel: Panel | None) -> None:
    width, height = row.image.size
    if panel is None:
        axis.imshow(np.asarray(row.image), interpolation="antialiased")
        name = _short(row.class_name.split(",")[0], LONG_LABEL)
        axis.set_title(f"{name}\n{row.probability:.0%}", fontsize=7.5, pad=3)
    else:
        axis.imshow(np.asarray(row.image.convert("L")), cmap="gray", vmin=0, vmax=255)
        axis.imshow(panel.heat, cmap=COLOURS, vmin=0, vmax=1, alpha=OVERLAY)
        axis.set_title(_title(panel), fontsize=7.5, pad=3)
    for box in row.true_boxes:
        _draw_box(axis, box, TRUE, dashed=True)
    if panel is not None and panel.box is not None:
        _draw_box(axis, panel.box, PREDICTED, dashed=False)
    axis.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def _title(panel: Panel) -> str:
    """The method, its options on a line of their own where they are long, and the IoU."""
    name, bracket, options = panel.method.partition("(")
    lines = [panel.method]
    if len(panel.method) > LONG_METHOD:
        lines = [_short(line, LONG_METHOD) for line in (name, bracket + options) if line]
    if panel.iou is not None:
        lines.append(f"IoU {panel.iou:.2f}")
    return "\n".join(lines)


def _draw_box(axis: Axes, box: Box, colour: str, *, dashed: bool) -> None:
    """A box around pixels x0..x1, y0..y1, with a dark rim that shows on any ground."""
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import Normal, Stroke

    x0, y0, x1, y1 = box
    axis.add_patch(
        Rectangle(
            (x0 - 0.5, y0 - 0.5),
            x1 - x0 + 1,
            y1 - y0 + 1,
            fill=False,
            clip_on=False,
            edgecolor=colour,
            linewidth=1.4,
            linestyle=(0, (4, 2)) if dashed else "solid",
            path_effects=[Stroke(linewidth=2.6, foreground="black"), Normal()],
        )
    )


def _legend(rows: Sequence[Row], protocol: Protocol, network: str) -> str:
    truth = "; dashed white: true" if any(row.true_boxes for row in rows) else ""
    return (
        f"{network}; solid blue: box of {protocol.label} at threshold "
        f"{protocol.fixed_threshold:g}{truth}"
    )


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
