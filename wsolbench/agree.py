"""How well the maps of this suite and of other libraries agree, method by method, on one batch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wsolbench import scoremap
from wsolbench.boxes import iou
from wsolbench.errors import UnknownNameError, UnsupportedError, UsageError, WsolbenchError
from wsolbench.forward import Forward, run_forward
from wsolbench.peers.counterparts import COUNTERPARTS, Counterpart
from wsolbench.predicted import predicted_box
from wsolbench.protocol import PROTOCOLS
from wsolbench.registry import METHODS
from wsolbench.spec import Spec

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from wsolbench.models import Classifier

    Maps = NDArray[np.float64]  # [T, h, w]

SAME = 1e-4  # of maps in [0, 1]: float32 sums over some thousand terms, divided by their range
BOX_PROTOCOL = "wsol2020"


@dataclass(frozen=True)
class Agreement:
    """How a method here and its counterpart agree on a batch of T targets.

    Attributes:
        ours: spec of the method here.
        theirs: spec of the peer's.
        source: the peer's package and version; "" where it could not be run.
        difference: the largest difference of any pixel, both maps scaled to [0, 1].
        correlation: Spearman's rank correlation over the pixels of a map, the mean of the maps.
        box_iou: IoU of the boxes that `wsol2020` takes at .2, the mean of the maps.
        same_boxes: share of the maps whose boxes are the same.
        same: whether no pixel differs by more than `SAME`.
        departure: where the peer is known to differ, and why; "" where it is not.
        failure: why there is nothing to compare; "" where there is.
    """

    ours: str
    theirs: str
    source: str = ""
    difference: float = math.nan
    correlation: float = math.nan
    box_iou: float = math.nan
    same_boxes: float = math.nan
    same: bool = False
    departure: str = ""
    failure: str = ""

    def values(self) -> dict[str, Any]:
        """As plain data; ``None`` for what could not be measured."""
        return {
            key: None if isinstance(value, float) and math.isnan(value) else value
            for key, value in asdict(self).items()
        }


def agree(
    classifier: Classifier,
    images: Tensor,
    labels: Sequence[int],
    *,
    methods: Iterable[str] = (),
    costly: bool = False,
) -> Iterator[Agreement]:
    """Compare every method that another library offers too, one pair after the other.

    Args:
        classifier: the network.
        images: ``[B, 3, H, W]``, normalised.
        labels: a class for each.
        methods: only these of ours; all where empty.
        costly: also those that make many forward passes; otherwise only if they are named.

    Raises:
        UnknownNameError: a method that no library offers.
    """
    for pair in pairs_of(methods, costly=costly):
        try:
            yield _agreement(pair, classifier, images, labels)
        except (UnsupportedError, UsageError) as error:
            yield _failed(pair, error)
        except WsolbenchError:
            raise
        except Exception as error:  # noqa: BLE001 - a peer may raise anything; that is the finding
            yield _failed(pair, error)


def pairs_of(methods: Iterable[str] = (), *, costly: bool = True) -> list[Counterpart]:
    """The counterparts of these methods, or of all that exist.

    Raises:
        UnknownNameError: a method that no library offers.
    """
    wanted = list(methods)
    known = {Spec.parse(pair.ours).name for pair in COUNTERPARTS}.intersection(METHODS)
    for name in wanted:
        if name not in known:
            raise UnknownNameError("method that another library offers too", name, known)
    chosen = set(wanted) or {n for n in known if costly or METHODS[n].cost != "many"}
    return [pair for pair in COUNTERPARTS if Spec.parse(pair.ours).name in chosen]


def _agreement(
    pair: Counterpart, classifier: Classifier, images: Tensor, labels: Sequence[int]
) -> Agreement:
    theirs, source = _maps(pair.theirs, classifier, images, labels)
    ours, _ = _maps(pair.ours, classifier, images, labels)
    if pair.relu:
        ours = np.maximum(ours, 0)
    return compare(ours, theirs, pair, source, (images.shape[-2], images.shape[-1]))


def _maps(
    text: str, classifier: Classifier, images: Tensor, labels: Sequence[int]
) -> tuple[Maps, str]:
    spec = Spec.parse(text)
    method = METHODS[spec.name]
    forward = pass_for([spec], classifier, images, labels)
    maps = method.maps(forward, spec.options)
    return maps.double().cpu().numpy(), method.source


def pass_for(
    specs: Iterable[Spec], classifier: Classifier, images: Tensor, labels: Sequence[int]
) -> Forward:
    """The shared pass that some methods need, one target for each image."""
    chosen = [(METHODS[spec.name], spec.options) for spec in specs]
    return run_forward(
        classifier,
        images,
        image_index=range(len(images)),
        labels=labels,
        keys=[f"{index}#{label}" for index, label in enumerate(labels)],
        layers=[name for method, options in chosen for name in method.layers(options, classifier)],
        needs={need for method, _ in chosen for need in method.needs},
    )


def compare(
    ours: Maps, theirs: Maps, pair: Counterpart, source: str, input_hw: tuple[int, int]
) -> Agreement:
    """The agreement of two sets of raw maps ``[T, h, w]``, also of different resolutions."""
    boxes = [_boxes(maps) for maps in (ours, theirs)]
    overlap = [float(iou([a], [b]).item()) for a, b in zip(*boxes, strict=True)]
    if ours.shape != theirs.shape:
        ours, theirs = (scoremap.resize(maps, input_hw, "linear") for maps in (ours, theirs))
    finite = np.isfinite(theirs).all() and np.isfinite(ours).all()
    scaled = [scoremap.normalise(maps) for maps in (ours, theirs)]
    difference = float(np.abs(scaled[0] - scaled[1]).max()) if finite else math.nan
    return Agreement(
        ours=pair.ours,
        theirs=pair.theirs,
        source=source,
        difference=difference,
        correlation=float(np.mean([rank_correlation(a, b) for a, b in zip(*scaled, strict=True)])),
        box_iou=float(np.mean(overlap)),
        same_boxes=float(np.mean([value == 1 for value in overlap])),
        same=difference <= SAME,
        departure=pair.departure,
        failure="" if finite else "a map holds NaN or infinity",
    )


def _boxes(maps: Maps) -> list[NDArray[np.float64]]:
    protocol = PROTOCOLS[BOX_PROTOCOL]
    found = [predicted_box(one, protocol, (224, 224)) for one in maps]
    return [np.zeros(4) if box is None else box for box in found]


def rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Spearman's; of two constant maps 1, of a constant and another one 0."""
    from scipy.stats import rankdata

    ranks = [rankdata(one) - (one.size + 1) / 2 for one in (a.ravel(), b.ravel())]
    norms = [float(np.sqrt(rank @ rank)) for rank in ranks]
    if 0 in norms:
        return float(norms[0] == norms[1])
    return float(ranks[0] @ ranks[1] / (norms[0] * norms[1]))


def _failed(pair: Counterpart, error: Exception) -> Agreement:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return Agreement(ours=pair.ours, theirs=pair.theirs, departure=pair.departure, failure=reason)
