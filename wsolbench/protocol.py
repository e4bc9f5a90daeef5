"""Protocols: named, frozen bundles of every choice between a raw score map and a number.

One set of raw maps is scored under every protocol of a run. The fingerprint stands beside the
numbers, so that two numbers with the same fingerprint were measured by the same rules.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from wsolbench.errors import OptionError, UnknownNameError
from wsolbench.scoremap import INTERPOLATIONS, NORMALISERS
from wsolbench.spec import Spec


@dataclass(frozen=True)
class Protocol:
    """Every choice between a raw score map and a number.

    Attributes:
        name: as in ``--protocols``.
        scorer: which scorer of `wsolbench.evaluate` applies it.
        title: one line for people.
        source: the paper or code that fixed it.
        frame: where maps meet boxes: "224x224" (input frame) or "official" (original size).
        interpolation: how a raw map is brought to the frame.
        normaliser: of `wsolbench.scoremap.NORMALISERS`, or "none"; applied after resizing.
        thresholds: (start, stop, step) of `numpy.arange`, or one fixed value.
        threshold_rule: what a threshold is compared with.
        box_rule: how a thresholded map becomes boxes.
        box_edge: which pixel a box ends on.
        no_box: the box of an empty mask, ``None`` where the target is then simply missed.
        iou_convention: of `wsolbench.boxes.IOU_CONVENTIONS`.
        iou_thresholds: at which a box is right.
        iou_comparison: ">=" or ">".
        fixed_threshold: the threshold of the "fixed" column.
        radius: tolerance in pixels of the pointing game.
    """

    name: str
    scorer: str
    title: str
    source: str
    frame: str = "224x224"
    interpolation: str = "cubic"
    normaliser: str = "minmax"
    thresholds: tuple[float, ...] = ()
    threshold_rule: str = ""
    box_rule: str = ""
    box_edge: str = ""
    no_box: tuple[int, int, int, int] | None = None
    iou_convention: str = "inclusive"
    iou_thresholds: tuple[float, ...] = ()
    iou_comparison: str = ">="
    fixed_threshold: float | None = None
    radius: int | None = None

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
        return np.arange(*self.thresholds) if len(self.thresholds) == 3 else np.array(self.thresholds)

    def facts(self) -> dict[str, Any]:
        """Everything that can change a number, as plain data."""
        words = ("title", "source")
        return {key: value for key, value in dataclasses.asdict(self).items() if key not in words}

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits over `facts`."""
        canonical = json.dumps(self.facts(), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    def with_options(self, options: Mapping[str, Any]) -> Protocol:
        """The same protocol with other choices, e.g. ``normaliser="ivr"``; another fingerprint."""
        free = ("normaliser", "interpolation", "fixed_threshold", "radius", "iou_thresholds")
        for key, value in options.items():
            if key not in free:
                raise OptionError(
                    f"protocol {self.name} has no option {key!r}; options: {', '.join(free)}"
                )
            _check_option(key, value)
        return dataclasses.replace(self, **options)


def _check_option(key: str, value: object) -> None:
    allowed: Mapping[str, tuple[str, ...]] = {
        "normaliser": tuple(NORMALISERS),
        "interpolation": INTERPOLATIONS,
    }
    if key in allowed and value not in allowed[key]:
        raise OptionError(f"expected {key} to be one of {', '.join(allowed[key])}, but got {value!r}")


WSOL2020 = Protocol(
    name="wsol2020",
    scorer="box-curve",
    title="MaxBoxAcc, MaxBoxAccV2 and PxAP over all thresholds",
    source="Choe et al., Evaluating Weakly Supervised Object Localization Methods Right, CVPR 2020",
    thresholds=(0.0, 1.0, 0.001),
    threshold_rule="uint8(map * 255) > int(t * max of the uint8 map)",
    box_rule="all contours, holes included; single mode: the largest polygon area",
    box_edge="x + w, y + h, clipped to the last pixel",
    no_box=(0, 0, 0, 0),
    iou_thresholds=(0.3, 0.5, 0.7),
    fixed_threshold=0.2,
)

POINTING_GAME = Protocol(
    name="pointing-game",
    scorer="pointing",
    title="Pointing game: does the maximum of the map fall on the object?",
    source="Zhang et al., Top-down Neural Attention by Excitation Backprop, IJCV 2018 (TorchRay)",
    frame="official",
    interpolation="linear",
    normaliser="none",
    radius=15,
)

PROTOCOLS: dict[str, Protocol] = {p.name: p for p in (WSOL2020, POINTING_GAME)}


def resolve_protocol(spec: Spec | str) -> Protocol:
    """The protocol that a name or a spec such as ``wsol2020(normaliser=ivr)`` means."""
    spec = Spec.parse(spec) if isinstance(spec, str) else spec
    if spec.name not in PROTOCOLS:
        raise UnknownNameError("protocol", spec.name, PROTOCOLS, "See `wsolbench list protocols`.")
    return PROTOCOLS[spec.name].with_options(spec.options)
