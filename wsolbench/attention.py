"""The attention of a transformer: which blocks attend to all tokens, and what they attend to."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from wsolbench.hooks import check_logits, freeze
from wsolbench.layers import Layer, random_images

if TYPE_CHECKING:
    from wsolbench.models import Classifier

_found: WeakKeyDictionary[Classifier, Attention | None] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Attention:
    """What was measured of a network's attention.

    Attributes:
        blocks: the module around each attention, in order; returns all tokens.
        tokens: how to read tokens as maps; its ``prefix`` counts class token and registers.
    """

    blocks: tuple[str, ...]
    tokens: Layer


def attention_of(classifier: Classifier) -> Attention | None:
    """The self-attention over all tokens, ``None`` where there is none (or only in windows)."""
    if classifier not in _found:
        _found[classifier] = _measure(classifier)
    return _found[classifier]


def _measure(classifier: Classifier) -> Attention | None:
    tokens = [layer for layer in classifier.layers.values() if layer.layout == "tokens"]
    if not tokens:
        return None
    module, running, callers = classifier.module, [""], []
    handles = []
    for name, part in module.named_modules():
        handles.append(part.register_forward_pre_hook(partial(_enter, running, name)))
        handles.append(part.register_forward_hook(partial(_leave, running)))
    try:
        with (
            freeze(module),
            torch.no_grad(),
            keep_attention(module, told=lambda: callers.append(running[-1])) as kept,
        ):
            module(random_images(module, classifier.input_hw))
    finally:
        for handle in handles:
            handle.remove()
    count = tokens[-1].prefix + tokens[-1].grid_hw[0] * tokens[-1].grid_hw[1]
    blocks = tuple(caller.rpartition(".")[0] for caller in callers)
    whole = all(weights.shape[-2:] == (count, count) for weights in kept)
    known = all(name in classifier.layers for name in blocks)
    return Attention(blocks, tokens[-1]) if kept and whole and known else None


def _enter(running: list[str], name: str, *_: Any) -> None:
    running.append(name)


def _leave(running: list[str], *_: Any) -> None:
    running.pop()


@contextmanager
def keep_attention(
    module: nn.Module, *, leaf: bool = False, told: Callable[[], object] = lambda: None
) -> Iterator[list[Tensor]]:
    """Keep the weights ``[B, heads, N, N]`` of every attention that runs, in order.

    Fused attention never has its weights in memory, so while this lasts
    `torch.nn.functional.scaled_dot_product_attention` (which torchvision, timm and most others go
    through) is computed step by step in this thread, and `torch.nn.MultiheadAttention` takes that
    road even where weights are asked for.

    Args:
        module: the network.
        leaf: start a graph at the weights that do not belong to one yet.
        told: called at every attention.
    """
    functional, mine = torch.nn.functional, threading.get_ident()
    fused, kept = functional.scaled_dot_product_attention, []

    def attend(
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        **options: Any,
    ) -> Tensor:
        if threading.get_ident() != mine or is_causal or options.get("enable_gqa"):
            result: Tensor = fused(query, key, value, attn_mask, dropout_p, is_causal, **options)
            return result
        weights = _weights(query, key, attn_mask, options.get("scale"))
        if leaf and not weights.requires_grad:
            weights = weights.detach().requires_grad_()
        kept.append(weights)
        told()
        return weights @ value

    fast = torch.backends.mha.get_fastpath_enabled()
    handles = [
        part.register_forward_pre_hook(_without_weights, with_kwargs=True)
        for part in module.modules()
        if isinstance(part, nn.MultiheadAttention)
    ]
    try:
        functional.scaled_dot_product_attention = attend  # type: ignore[assignment]
        torch.backends.mha.set_fastpath_enabled(False)
        yield kept
    finally:
        functional.scaled_dot_product_attention = fused
        torch.backends.mha.set_fastpath_enabled(fast)
        for handle in handles:
            handle.remove()


def _weights(query: Tensor, key: Tensor, mask: Tensor | None, scale: float | None) -> Tensor:
    scores = query @ key.mT * (query.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None and mask.dtype == torch.bool:
        scores = scores.masked_fill(~mask, -torch.inf)
    elif mask is not None:
        scores = scores + mask
    return scores.softmax(-1)


def _without_weights(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Ask a `torch.nn.MultiheadAttention` for its output alone."""
    named = dict(zip(inspect.signature(module.forward).parameters, args, strict=False))
    return (), {**named, **kwargs, "need_weights": False}


def classify_tokens(classifier: Classifier, image: Tensor, tokens: Tensor) -> Tensor:
    """The logits of single tokens, as if every token after the last block were that one.

    Args:
        classifier: a network with attention.
        image: ``[1, 3, H, W]``, any; it only brings the network to its last block.
        tokens: ``[N, C]``; carries the graph where gradients are enabled.

    Returns:
        ``[N, K]``.

    Raises:
        ModelError: the network goes on with other than these tokens.
    """
    found = attention_of(classifier)
    assert found is not None  # noqa: S101 - `needs` says so
    module = classifier.module

    def replace(_: nn.Module, __: Any, output: Tensor) -> Tensor:
        return tokens.to(output)[:, None].expand(-1, output.shape[1], -1)

    handle = module.get_submodule(found.blocks[-1]).register_forward_hook(replace)
    try:
        with freeze(module):
            return check_logits(module(image), len(tokens))
    finally:
        handle.remove()
