"""What a protocol is: the frozen bundle of facts, its fingerprint and its options."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from wsolbench.errors import OptionError
from wsolbench.scoremap import INTERPOLATIONS, NORMALISERS
from wsolbench.spec import Spec

WORDS = ("title", "source", "options", "adjustable")
# one box a map at one threshold, as single papers take it; `ilsvrc-loc` borrows any of them
_COMPONENT: dict[str, Any] = {
    "order": ("resize", "normalise"),
    "interpolation": "linear",
    "normaliser": "max",
    "threshold_rule": "map > t * max of the map",
    "box_rule": "largest component",
    "box_edge": "x + w - 1, y + h - 1",
    "no_box": None,
}
BOX_RULES: dict[str, dict[str, Any]] = {
    "cam2016": {**_COMPONENT, "fixed_threshold": 0.2},
    "gradcam2017": {**_COMPONENT, "fixed_threshold": 0.15},
    "layercam2021": {
        "order": ("ReLU / (max + 1e-8)", "uint8(map * 255)", "resize, rounded"),
        "interpolation": "cubic",
        "normaliser": "none",
        "threshold_rule": "uint8 map > t * 255",
        "box_rule": "largest rectangle",
        "box_edge": "x + w, y + h",
        "no_box": (0, 0, 1, 1),
        "fixed_threshold": 0.15,
    },
}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "normaliser": tuple(NORMALISERS),
    "interpolation": INTERPOLATIONS,
    "candidates": ("labels", "predictions"),
    "boxes": tuple(BOX_RULES),
}


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Every choice between a raw score map and a number.

    Attributes:
        name: as in ``--protocols``.
        scorer: which scorer of `wsolbench.scorers` applies it.
        title: one line for people.
        source: the paper or code that fixed it.
        input_transform: how images enter the network. "warp": the whole image resized to the
            network's input with the aspect ratio ignored, so that a map covers the whole image.
        order: the steps from a raw map to scores, in order.
        frame: where maps meet the truth: "224x224" (input frame) or "official" (original size).
        interpolation: how a map is brought to the frame; of `wsolbench.scoremap.INTERPOLATIONS`.
        normaliser: of `wsolbench.scoremap.NORMALISERS`, or "none".
        thresholds: (start, stop, step) of `numpy.arange`, or one fixed value.
        threshold_rule: which pixels a threshold leaves.
        connectivity: 8 where pixels that touch at a corner are one component.
        box_rule: which boxes a thresholded map gives.
        box_edge: which pixel a box ends on, given that x, y, w, h bound a component.
        no_box: the box of an empty mask, ``None`` where the target is then simply missed.
        iou_convention: of `wsolbench.boxes.IOU_CONVENTIONS`.
        iou_thresholds: at which a box is right.
        iou_comparison: ">=" or ">".
        top_k_comparison: the same, where the label has to be among the top k.
        single_iou_threshold: at which the one box of GT-known, Top-1 and Top-5 is right.
        fixed_threshold: the threshold of the "fixed" column.
        named_thresholds: further fixed thresholds, each under the name of who uses it.
        radius: tolerance in pixels of the pointing game.
        region: which pixels are the object.
        difficult: what becomes of objects that are marked difficult.
        candidates: which classes bring a map: "labels" of the image, or top-5 "predictions" too.
        top_pixels: k of the top-k intersection.
        boxes: the protocol whose box rule is borrowed, where one is.
        senses: "gt-map": the map of the true class decides, and its label is among the top k;
            "devkit": each of the five predictions brings its box, an image is right if one is.
        verdicts: what one verdict of an average is about.
        options: what differs from the protocol of that name, as given.
        adjustable: the fields that options may change.
    """

    name: str
    scorer: str
    title: str
    source: str
    input_transform: str = "warp"
    order: tuple[str, ...] = ("resize", "normalise")
    frame: str = "224x224"
    interpolation: str = "cubic"
    normaliser: str = "minmax"
    thresholds: tuple[float, ...] = ()
    threshold_rule: str = ""
    connectivity: int | None = None
    box_rule: str = ""
    box_edge: str = ""
    no_box: tuple[int, int, int, int] | None = None
    iou_convention: str = "inclusive"
    iou_thresholds: tuple[float, ...] = ()
    iou_comparison: str = ">="
    top_k_comparison: str = ">="
    single_iou_threshold: float | None = None
    fixed_threshold: float | None = None
    named_thresholds: tuple[tuple[str, float], ...] = ()
    radius: int | None = None
    region: str = "boxes"
    difficult: str = "no ground truth; a target with difficult objects only is not scored"
    candidates: str = "labels"
    top_pixels: int | None = None
    boxes: str = ""
    senses: tuple[str, ...] = ()
    verdicts: str = "target"
    options: tuple[tuple[str, Any], ...] = ()
    adjustable: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Names it in rows and tables: the name and the options that differ from the default."""
        return str(Spec(self.name, dict(self.options)))

    @property
    def size_wh(self) -> tuple[int, int] | None:
        """The fixed frame in pixels, ``None`` where every image has its own."""
        if self.frame == "official":
            return None
        width, height = self.frame.split("x")
        return int(width), int(height)

    @property
    def threshold_grid(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """The thresholds, ``[T]`` float64."""
        return (
            np.arange(*self.thresholds) if len(self.thresholds) == 3 else np.array(self.thresholds)
        )

    def facts(self) -> dict[str, Any]:
        """Everything that can change a number, as plain data."""
        return {key: value for key, value in dataclasses.asdict(self).items() if key not in WORDS}

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits over `facts`."""
        canonical = json.dumps(self.facts(), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    def with_options(self, options: Mapping[str, Any]) -> Protocol:
        """The same protocol with other choices, e.g. ``normaliser="ivr"``; another fingerprint.

        Raises:
            OptionError: the protocol has no such option, or the value is out of range.
        """
        for key in options:
            if key not in self.adjustable:
                names = ", ".join(self.adjustable) or "none"
                raise OptionError(f"protocol {self.name} has no option {key!r}; options: {names}")
        checked = {key: _checked(key, value) for key, value in options.items()}
        borrowed = BOX_RULES[checked["boxes"]] if "boxes" in checked else {}
        base = dataclasses.replace(self, **borrowed)
        differing = {key: value for key, value in checked.items() if value != getattr(base, key)}
        given = tuple(sorted({**dict(self.options), **differing}.items()))
        return dataclasses.replace(base, **differing, options=given)


def _checked(key: str, value: Any) -> Any:
    if key in CHOICES:
        return _choice(key, value)
    if key in ("radius", "top_pixels"):
        return _within(key, value, int, low=1, high=float("inf"))
    if key in ("fixed_threshold", "single_iou_threshold"):
        return _within(key, value, (int, float), low=0.0, high=1.0)
    values = tuple(value) if isinstance(value, tuple | list) else (value,)
    if not values:
        raise OptionError(f"expected {key} to hold at least one number, but got {value!r}")
    return tuple(_within(key, one, (int, float), low=0.0, high=1.0) for one in values)


def _choice(key: str, value: Any) -> Any:
    if value not in CHOICES[key]:
        raise OptionError(
            f"expected {key} to be one of {', '.join(CHOICES[key])}, but got {value!r}"
        )
    return value


def _within(key: str, value: Any, kind: Any, *, low: float, high: float) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool) or not low <= value <= high:
        bound = f"a number from {low:g} to {high:g}"
        if high == float("inf"):
            bound = f"a whole number of at least {low:g}"
        raise OptionError(f"expected {key} to be {bound}, but got {value!r}")
    return value
