"""What a method is: a card of facts and a pure function from a forward pass to raw score maps."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wsolbench.errors import MapError, OptionError, UnsupportedError
from wsolbench.registry import METHODS
from wsolbench.spec import Spec

if TYPE_CHECKING:
    from torch import Tensor

    from wsolbench.attention import Attention
    from wsolbench.forward import Forward
    from wsolbench.models import Classifier

FAMILIES = (
    "activation", "gradient", "perturbation", "input-gradient", "transformer", "floor", "peer",
)  # fmt: skip
NEEDS = (
    "activations", "gradients", "curvature", "head", "input-gradients", "bias-gradients",
    "attention", "attention-gradients", "blocks", "excitation",
)  # fmt: skip
_NEED_ATTENTION = {"attention", "attention-gradients", "blocks"}
COSTS = ("free", "forward", "backward", "many")


@dataclass(frozen=True)
class Paper:
    """Where a method was published."""

    authors: str
    title: str
    venue: str
    year: int
    link: str


@dataclass(frozen=True)
class Method:
    """A way to turn a classifier's forward pass into score maps: the card, and the function.

    Attributes:
        name: as in ``--methods``; the name of the adapter's file.
        function: ``(forward, **options) -> [T, h, w]`` raw score maps, larger where the object is.
            Its keyword-only parameters are the options; ``layers`` says which layers it reads.
        title: one line for people.
        family: one of `FAMILIES`.
        needs: of `NEEDS`. "activations", "gradients" and "curvature" (second derivatives) are those
            of the layers that it reads, "head" is global average pooling and one linear layer,
            "input-gradients" are those at the images, "bias-gradients" those at every layer with a
            bias, "attention" and its gradients are those of every block of a transformer, "blocks"
            what those return, "excitation" a network that excitation backprop has rules for.
        cost: what it adds to the shared pass: nothing ("free", "forward"), a backward pass through
            what follows the layer ("backward"), or many passes ("many").
        paper: where it was published; ``None`` for floors.
        supervision: what it consumed besides the image: "none" or "image labels".
    """

    name: str
    function: Callable[..., Tensor] = field(repr=False)
    title: str
    family: str
    needs: tuple[str, ...] = ()
    cost: str = "forward"
    paper: Paper | None = field(default=None, repr=False)
    supervision: str = "image labels"

    @property
    def source(self) -> str:
        """The module that registered it."""
        return self.function.__module__

    @property
    def options(self) -> dict[str, Any]:
        """Every option with its default."""
        parameters = inspect.signature(self.function).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}

    def resolve(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """All options: those given, and the defaults of the others.

        Raises:
            OptionError: an option that the method does not have, or of another type.
        """
        defaults = self.options
        for key, value in options.items():
            if key not in defaults:
                raise OptionError(
                    f"method {self.name} has no option {key!r}; "
                    f"options: {', '.join(defaults) or 'none'}"
                )
            _check_type(self.name, key, value, defaults[key])
        return {**defaults, **options}

    def spec(self, options: Mapping[str, Any]) -> Spec:
        """The canonical spec: only the options that differ from their defaults."""
        defaults = self.options
        resolved = self.resolve(options)
        return Spec(self.name, {k: v for k, v in resolved.items() if v != defaults[k]})

    def layers(self, options: Mapping[str, Any], classifier: Classifier) -> tuple[str, ...]:
        """The layers whose maps the method will read with these options.

        Raises:
            UnknownNameError: the network has no such layer.
            ModelError: a layer without maps.
        """
        if "head" in self.needs and classifier.head is not None:
            return (classifier.head.layer,)
        if "blocks" in self.needs:
            found = _attention_of(classifier)
            return found.blocks if found is not None else ()
        if not {"activations", "gradients"}.intersection(self.needs):
            return ()
        names = layer_names(self.resolve(options).get("layers")) or (classifier.target_layer,)
        return tuple(classifier.layer(name).name for name in names)

    def unsupported_by(self, classifier: Classifier) -> str | None:
        """Why the method cannot work on this network; ``None`` where it can."""
        if "head" in self.needs and classifier.head is None:
            return (
                f"{self.name} needs a network that ends in global average pooling and one linear "
                f"layer, and {classifier.name} does not"
            )
        if not _NEED_ATTENTION.isdisjoint(self.needs) and _attention_of(classifier) is None:
            return (
                f"{self.name} needs a transformer in which every token attends to all others, and "
                f"{classifier.name} is none"
            )
        if "excitation" in self.needs:
            from wsolbench.excitation import refusal

            return refusal(classifier) or None
        return None

    def require(self, classifier: Classifier) -> None:
        """Refuse a network that the method cannot work on.

        Raises:
            UnsupportedError: says why, and which methods do work.
        """
        reason = self.unsupported_by(classifier)
        if reason is not None:
            able = [m.name for m in METHODS.values() if m.unsupported_by(classifier) is None]
            raise UnsupportedError(f"{reason}; methods that work on it: {', '.join(able)}")

    def maps(self, forward: Forward, options: Mapping[str, Any] | None = None) -> Tensor:
        """The raw score maps of every target, ``[T, h, w]`` float32; they may hold NaN.

        Raises:
            OptionError: an option that does not exist.
            UnsupportedError: the method cannot work on this network.
            MapError: the function returned something else than T maps.
        """
        import torch

        resolved = self.resolve(options or {})
        self.require(forward.classifier)
        precise = torch.autocast(forward.images.device.type, enabled=False)
        with torch.no_grad(), precise:
            maps = self.function(forward, **resolved)
        if not isinstance(maps, torch.Tensor) or maps.ndim != 3 or len(maps) != len(forward):
            got = tuple(maps.shape) if isinstance(maps, torch.Tensor) else type(maps).__name__
            raise MapError(f"expected maps [{len(forward)}, h, w] from {self.name}, but got {got}")
        return maps.float()


def non_finite(maps: Tensor) -> Tensor:
    """Which maps hold NaN or infinity: ``[T, h, w] -> [T]`` bool."""
    return ~maps.isfinite().flatten(1).all(1)


def layer_names(layers: object) -> tuple[str, ...]:
    """The layers that the option ``layers`` names.

    >>> layer_names("layer3+layer4")
    ('layer3', 'layer4')
    """
    if layers is None:
        return ()
    if isinstance(layers, (list, tuple)):
        return tuple(map(str, layers))
    return tuple(name.strip() for name in str(layers).split("+"))


def _attention_of(classifier: Classifier) -> Attention | None:
    from wsolbench.attention import attention_of

    return attention_of(classifier)


def _check_type(method: str, key: str, value: object, default: object) -> None:
    """A default that is a number, text or truth value also says the option's type."""
    kind = type(default)
    fits = isinstance(value, kind) or (kind is float and isinstance(value, int))
    if kind not in (bool, int, float, str) or (fits and isinstance(value, bool) == (kind is bool)):
        return
    raise OptionError(
        f"expected option {key} of method {method} to be of type {kind.__name__}, as its default "
        f"{default!r}, but got {value!r}"
    )
