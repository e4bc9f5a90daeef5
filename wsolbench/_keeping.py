"""What a forward pass keeps on its way, for what the methods need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from wsolbench._bias_taps import BiasTaps
from wsolbench.attention import keep_attention
from wsolbench.hooks import freeze, keep_outputs, out_of_place

if TYPE_CHECKING:
    from wsolbench.models import Classifier

_FROM_IMAGES = {"input-gradients", "bias-gradients"}
_WITH_GRAPH = {"gradients", "attention-gradients", "curvature", *_FROM_IMAGES}
_WITH_ATTENTION = {"attention", "attention-gradients"}


@dataclass(frozen=True)
class Kept:
    """What a pass keeps.

    Attributes:
        needs: what it was made for.
        outputs: layer -> what it returned.
        attention: the weights of every block.
        biases: sees the gradients at layers with a bias.
    """

    needs: frozenset[str]
    outputs: dict[str, Tensor] = field(repr=False)
    attention: list[Tensor] = field(repr=False)
    biases: BiasTaps = field(repr=False)

    @property
    def from_images(self) -> bool:
        """Whether the graph starts at the images."""
        return bool(self.needs & _FROM_IMAGES)


@contextmanager
def keep(classifier: Classifier, layers: Iterable[str], needs: frozenset[str]) -> Iterator[Kept]:
    """Prepare the network for one pass, and give it back as it was.

    Raises:
        UnknownNameError: no such layer.
        ModelError: a layer without maps.
    """
    names = tuple(dict.fromkeys(layers))
    rectified = {name for name in names if classifier.layer(name).rectified}
    module, leaf, biases = classifier.module, bool(needs & _WITH_GRAPH), BiasTaps()
    attention: list[Tensor] = []
    with ExitStack() as stack:
        enter = stack.enter_context
        enter(freeze(module))
        enter(torch.set_grad_enabled(leaf))
        if needs & _FROM_IMAGES:
            enter(out_of_place(module))
        if "curvature" in needs:
            enter(sdpa_kernel(SDPBackend.MATH))  # the others have no second derivative
        if "bias-gradients" in needs:
            enter(biases.placed(module))
        if needs & _WITH_ATTENTION:
            attention = enter(keep_attention(module, leaf="attention-gradients" in needs))
        outputs = enter(keep_outputs(module, names, leaf=leaf, rectified=rectified))
        yield Kept(needs, outputs, attention, biases)
