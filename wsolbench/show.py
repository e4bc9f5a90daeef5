"""What every method lights up in an image, and the box that it leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wsolbench import scoremap
from wsolbench.agree import pass_for
from wsolbench.boxes import iou, scale_boxes
from wsolbench.errors import InputError, OptionError, UnknownNameError
from wsolbench.images import InputTransform, read_image
from wsolbench.predicted import frame_of, predicted_box
from wsolbench.spec import Spec

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from wsolbench.models import Classifier
    from wsolbench.plan import PlannedMethod
    from wsolbench.protocol import Protocol

    Box = NDArray[np.float64]  # [4], x0, y0, x1, y1, inclusive

AUTO = "auto"


@dataclass(frozen=True)
class Panel:
    """A method on an image.

    Attributes:
        method: its label.
        heat: ``[H, W]`` in [0, 1], at the size of the picture.
        box: the predicted box, in pixels of the image; ``None`` where there is none.
        iou: with the best of the true boxes, in the protocol's frame; ``None`` without any.
    """

    method: str
    heat: NDArray[np.float64]
    box: Box | None
    iou: float | None


@dataclass(frozen=True)
class Row:
    """An image with every method's panel.

    Attributes:
        name: of the file.
        image: as stored.
        label: the class that is shown.
        class_name: its name, or its number where nobody knows it.
        probability: that the network gives it.
        true_boxes: in pixels of the image.
        panels: one a method.
    """

    name: str
    image: Image.Image
    label: int
    class_name: str
    probability: float
    true_boxes: tuple[Box, ...]
    panels: tuple[Panel, ...]


def look(
    classifier: Classifier,
    path: Path,
    methods: Sequence[PlannedMethod],
    protocol: Protocol,
    *,
    label: str = AUTO,
    class_names: Sequence[str] | None = None,
    true_boxes: Sequence[Sequence[float]] = (),
) -> Row:
    """What every method makes of an image.

    Args:
        classifier: the network.
        path: of the image.
        methods: which.
        protocol: takes the boxes, at its fixed threshold.
        label: number or name of the class, or "auto" for the one with the highest logit.
        class_names: of the network's classes, if they are known.
        true_boxes: ``x0, y0, x1, y1`` in pixels of the image, inclusive.

    Raises:
        SampleError: the image cannot be read.
        UnknownNameError: no such class.
        OptionError: a class out of range, or a protocol without a box.
        InputError: a true box that lies outside of the image.
    """
    image = read_image(path, upright=True)
    transform = InputTransform(classifier.mean, classifier.std, classifier.input_hw)
    pixels = transform(image)[None]
    truth = tuple(_checked(box, image.size) for box in true_boxes)
    chosen = find_label(label, classifier.num_classes, class_names)
    if chosen is None:
        chosen = int(pass_for([], classifier, pixels, [0]).logits[0].argmax())
    specs = [Spec(planned.method.name, planned.options) for planned in methods]
    forward = pass_for(specs, classifier, pixels, [chosen])
    panels = tuple(
        _panel(planned.label, raw, protocol, image.size, truth)
        for planned in methods
        for raw in planned.method.maps(forward, planned.options).double().cpu().numpy()
    )
    return Row(
        name=path.name,
        image=image,
        label=chosen,
        class_name=str(chosen) if class_names is None else class_names[chosen],
        probability=float(forward.logits[0].float().softmax(0)[chosen]),
        true_boxes=truth,
        panels=panels,
    )


def find_label(label: str, num_classes: int, class_names: Sequence[str] | None) -> int | None:
    """The class that a user names; ``None`` for "auto".

    A name is one of the class's, or one of the words between its commas.

    Raises:
        OptionError: a number out of range, or a name where the names are not known.
        UnknownNameError: no class of that name.
    """
    if label == AUTO:
        return None
    if label.isdecimal():
        if int(label) >= num_classes:
            raise OptionError(f"expected a label from 0 to {num_classes - 1}, but got {label}")
        return int(label)
    if class_names is None:
        raise OptionError(f"expected the number of a class or {AUTO}, but got {label!r}")
    wanted = label.strip().lower()
    words: dict[str, int] = {}
    for index, name in enumerate(class_names):
        for word in (name, *name.split(",")):
            words.setdefault(word.strip().lower(), index)
    if wanted not in words:
        raise UnknownNameError("class", wanted, words)
    return words[wanted]


def _checked(box: Sequence[float], size_wh: tuple[int, int]) -> Box:
    x0, y0, x1, y1 = box
    width, height = size_wh
    if not (0 <= x0 <= x1 < width and 0 <= y0 <= y1 < height):
        raise InputError(
            f"expected a box x0,y0,x1,y1 inside the image of {width}x{height} pixels, but got "
            f"{','.join(f'{value:g}' for value in box)}"
        )
    return np.array(box, dtype=np.float64)


def _panel(
    method: str,
    raw: NDArray[np.float64],
    protocol: Protocol,
    size_wh: tuple[int, int],
    truth: Sequence[Box],
) -> Panel:
    width, height = size_wh
    resized = scoremap.resize(raw[None], (height, width), protocol.interpolation)
    box = predicted_box(raw, protocol, size_wh)
    frame = frame_of(protocol, size_wh)
    overlap = None
    if truth:
        scaled = scale_boxes(truth, size_wh, frame)
        overlap = 0.0 if box is None else float(iou([box], scaled, protocol.iou_convention).max())
    heat = np.clip(scoremap.normalise(resized, "minmax")[0], 0, 1)
    return Panel(method, heat, None if box is None else _in_image(box, frame, size_wh), overlap)


def _in_image(box: Box, frame_wh: tuple[int, int], size_wh: tuple[int, int]) -> Box:
    """An inclusive box of a protocol's frame, in pixels of the image."""
    x, y = (to / of for to, of in zip(size_wh, frame_wh, strict=True))
    return np.array([box[0] * x, box[1] * y, (box[2] + 1) * x - 1, (box[3] + 1) * y - 1])
