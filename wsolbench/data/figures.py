"""The figure of a split's statistics, as vector graphics and as pixels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wsolbench.data.stats import Statistics
from wsolbench.errors import DataError, OptionError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_SUFFIXES = (".pdf", ".svg")
_MANY = 30


def save_figure(statistics: Statistics, path: Path) -> tuple[Path, Path]:
    """Draw the statistics to ``path`` (.pdf or .svg; other names get .pdf) and beside it as .png.

    Raises:
        OptionError: the suffix is none of .pdf, .svg and .png.
        DataError: the files cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in ("", ".png", *_SUFFIXES):
        raise OptionError(f"expected a figure's name to end in .pdf, .svg or .png, but got {path}")
    vector = path if suffix in _SUFFIXES else path.with_suffix(".pdf")
    pixels = path.with_suffix(".png")
    figure = draw(statistics)
    try:
        vector.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(
            vector, metadata={"Date" if vector.suffix == ".svg" else "CreationDate": None}
        )
        figure.savefig(pixels, dpi=150)
    except OSError as error:
        raise DataError(f"cannot write the figure {vector}: {error}") from error
    return vector, pixels


def draw(statistics: Statistics) -> Figure:
    """Six panels, or the first two for a set without boxes."""
    import seaborn as sns
    from matplotlib.figure import Figure

    panels = [_images_per_class, _labels_per_image]
    if len(statistics.objects):
        panels = [_images_per_class, _boxes_per_image, _areas, _aspects, _heat, _off_centre]
    rows = len(panels) // 3 or 1
    with sns.axes_style("whitegrid", {"axes.edgecolor": "0.3", "grid.color": "0.9"}):
        figure = Figure(figsize=(3.6 * len(panels) // rows, 3.0 * rows), layout="constrained")
        axes = np.asarray(figure.subplots(rows, len(panels) // rows)).reshape(-1)
    for axis, panel in zip(axes, panels, strict=True):
        panel(statistics, axis)
        sns.despine(ax=axis)
    boxes = f", {len(statistics.objects):,} boxes" if len(statistics.objects) else ""
    figure.suptitle(f"{statistics.dataset} {statistics.split}: {statistics.images:,} images{boxes}")
    return figure


def _colour(position: int = 0) -> tuple[float, float, float]:
    import seaborn as sns

    red, green, blue = sns.color_palette("colorblind")[position]
    return red, green, blue


def _images_per_class(statistics: Statistics, axis: Axes) -> None:
    ordered = sorted(statistics.images_per_class.items(), key=lambda item: (-item[1], item[0]))
    counts = [count for _, count in ordered]
    if len(ordered) <= _MANY:
        axis.barh(range(len(counts)), counts, color=_colour())
        axis.set_yticks(range(len(counts)), [statistics.classes[label] for label, _ in ordered])
        axis.tick_params(axis="y", labelsize=max(5, min(9, 120 // max(1, len(counts)))))
        axis.invert_yaxis()
        axis.grid(visible=False, axis="y")
        axis.set(title="Images per class", xlabel="images")
    else:
        axis.step(range(1, len(counts) + 1), counts, where="mid", color=_colour())
        axis.set(
            title="Images per class", xlabel="class, by frequency", ylabel="images", ylim=(0, None)
        )


def _labels_per_image(statistics: Statistics, axis: Axes) -> None:
    _count_bars(statistics.labels_per_image, axis)
    axis.set(title="Classes per image", xlabel="classes", ylabel="share of the images")


def _boxes_per_image(statistics: Statistics, axis: Axes) -> None:
    _count_bars(statistics.instances_per_image, axis)
    axis.set(title="Boxes per image with any", xlabel="boxes", ylabel="share of the images")


def _count_bars(counts: NDArray[np.int64], axis: Axes) -> None:
    """Shares of the counts that occur; those of ten and more are one bar."""
    shares = np.bincount(np.minimum(counts, 10)) / len(counts)
    places = range(0 if shares[0] else 1, len(shares))
    axis.bar(places, shares[places.start :], color=_colour())
    axis.set_xticks(
        places, ["10+" if place == 10 else str(place) for place in places], fontsize="small"
    )
    axis.set_xlim(places.start - 1, places.stop)
    axis.grid(visible=False, axis="x")
    axis.set_axisbelow(True)


def _areas(statistics: Statistics, axis: Axes) -> None:
    _histogram(statistics.objects.area, axis, np.linspace(0, 1, 21))
    axis.set(title="Object size", xlabel="share of the image's area", ylabel="share of the boxes")
    axis.set_xlim(0, 1)


def _aspects(statistics: Statistics, axis: Axes) -> None:
    octaves = np.clip(np.log2(statistics.objects.aspect), -3, 3)
    _histogram(octaves, axis, np.linspace(-3, 3, 25), show=lambda value: f"{2**value:.2f}")
    names = ["1:8", "1:4", "1:2", "1:1", "2:1", "4:1", "8:1"]
    axis.set_xticks(range(-3, 4), names)
    axis.set(title="Aspect ratio", xlabel="width : height", ylabel="share of the boxes")


def _off_centre(statistics: Statistics, axis: Axes) -> None:
    _histogram(statistics.objects.off_centre, axis, np.linspace(0, 1, 21))
    axis.set_xlim(0, 1)
    axis.set(
        title="Distance from the centre",
        xlabel="share of half the diagonal",
        ylabel="share of the boxes",
    )


def _histogram(values: object, axis: Axes, edges: object, show: object = None) -> None:
    """Shares per bin, and the median as a line."""
    numbers = np.asarray(values, dtype=np.float64)
    axis.hist(
        numbers,
        bins=np.asarray(edges).tolist(),
        weights=np.full(len(numbers), 1 / len(numbers)),
        color=_colour(),
        edgecolor="white",
        linewidth=0.5,
    )
    median = float(np.median(numbers))
    text = show(median) if callable(show) else f"{median:.2f}"
    axis.axvline(median, color=_colour(3), linestyle="--", label=f"median {text}")
    axis.set_ylim(0, 1.15 * axis.get_ylim()[1])  # room for the legend
    axis.legend(frameon=False, fontsize="small", handlelength=1.5)


def _heat(statistics: Statistics, axis: Axes) -> None:
    import seaborn as sns

    heat = np.asarray(statistics.heat)
    sns.heatmap(
        heat,
        ax=axis,
        cmap="cividis",
        vmin=0,
        square=True,
        xticklabels=False,
        yticklabels=False,
        rasterized=True,
        cbar_kws={"label": "share of boxes there"},
    )
    x, y = statistics.objects.centre_xy.mean(axis=0) * len(heat)
    axis.plot(x, y, marker="+", markersize=12, markeredgewidth=2, color="black")
    axis.set(title="Where boxes are, + mean centre", xlabel="", ylabel="")
