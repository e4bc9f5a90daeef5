"""The methods of pytorch-grad-cam (`grad-cam:GradCAM`).

Their raw map is what ``get_cam_image`` returns, with the ReLU that the library applies to every
map; it is taken on its way to being scaled to [0, 1] and resized. Fusions (FullGrad, RefineCAM,
SESS) and GuidedBackpropReLUModel have no such map: FullGrad, RefineCAM and SESS give their output,
in [0, 1] at the input's size, the last one the sum of the gradient's absolute values over the
channels. FinerCAM chooses its own class where it compares several, so the target's class and the
three closest are given to it as a target. Left out: DeepFeatureFactorization, whose concepts
belong to no class.

Given one target at a time: RandomCAM (random), GuidedBackpropReLUModel (one image a call).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wsolbench.errors import UnknownNameError
from wsolbench.peers.base import (
    COMMON,
    SEED,
    Call,
    PeerMethod,
    adapter,
    library,
    plain_options,
    split_options,
)

PREFIX, DISTRIBUTION = "grad-cam", "grad-cam"
GUIDED, FINER = "GuidedBackpropReLUModel", "FinerCAM"
WHOLE = ("RefineCAM", "SESS")
RANDOM = "RandomCAM"
SINGLY = (RANDOM, GUIDED)
MANY = ("AblationCAM", "ScoreCAM", "SESS")
ACTIVATION = ("EigenCAM", "FEM", "KPCA_CAM")
NOT_OPTIONS = ("eigen_smooth", "aug_smooth", "detach", "compute_input_gradient", "uses_gradients")


def names() -> tuple[str, ...]:
    """Every class that can be named.

    Raises:
        UsageError: the library is not installed.
    """
    module = _module()
    base = module.base_cam.BaseCAM
    cams = [
        name
        for name, kind in vars(module).items()
        if isinstance(kind, type) and issubclass(kind, base)
    ]
    return tuple(sorted({*cams, FINER, GUIDED, *WHOLE}.intersection(vars(module))))


def resolve(name: str) -> PeerMethod:
    """One of them as a method.

    Raises:
        UnknownNameError: no such class.
        UsageError: the library is not installed.
    """
    if name not in names():
        raise UnknownNameError(f"method of {PREFIX}", name, names())
    kind = getattr(_module(), name)
    options = {} if name in (GUIDED, FINER, *WHOLE) else plain_options(kind)
    options = {key: value for key, value in options.items() if key not in NOT_OPTIONS}
    run = _guided if name == GUIDED else _cam
    return PeerMethod(
        name=f"{PREFIX}:{name}",
        function=adapter(partial(run, kind), singly=name in SINGLY),
        title=f"{name} of pytorch-grad-cam",
        family="peer",
        cost="many" if name in MANY else "forward" if name in ACTIVATION else "backward",
        supervision="none" if name in ACTIVATION else "image labels",
        distribution=DISTRIBUTION,
        defaults={**COMMON, **(SEED if name == RANDOM else {}), **options},
    )


def _module() -> ModuleType:
    return library("pytorch_grad_cam", PREFIX)


def _cam(kind: Any, call: Call) -> Tensor:
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget, FinerWeightedTarget

    raw: list[Any] = []
    transform = None if call.layer.layout == "maps" else call.to_maps
    options = split_options(call.options, kind)
    cam = kind(call.module, [call.part], reshape_transform=transform, **options)
    targets: list[Any] = [ClassifierOutputTarget(label) for label in call.labels]
    inner = cam
    if kind.__name__ == FINER:
        inner = cam.base_cam
        closest = _closest(call)
        targets = [FinerWeightedTarget(one, three, 1.0) for one, three in closest]
    if kind.__name__ not in WHOLE:
        inner.get_cam_image = _noting(inner.get_cam_image, raw)
    output = cam(call.images, targets)
    maps = np.maximum(raw[0], 0) if raw else output
    return torch.as_tensor(np.asarray(maps, dtype=np.float32))


def _noting(function: Callable[..., Any], results: list[Any]) -> Callable[..., Any]:
    """The same function, but what it returns is appended to a list as well."""

    def noting(*arguments: Any, **keywords: Any) -> Any:
        results.append(function(*arguments, **keywords))
        return results[-1]

    return noting


def _closest(call: Call) -> list[tuple[int, list[int]]]:
    """Every label with the three classes whose logits are the closest to its own."""
    with torch.no_grad():
        logits = call.module(call.images)
    own = logits.gather(1, torch.tensor(call.labels, device=logits.device)[:, None])
    order = (logits - own).abs().argsort(1).tolist()
    return [
        (label, [other for other in row if other != label][:3])
        for label, row in zip(call.labels, order, strict=True)
    ]


def _guided(kind: Any, call: Call) -> Tensor:
    guided = kind(call.module, call.images.device)
    gradient = guided(call.images, target_category=call.labels[0])
    return torch.from_numpy(np.abs(gradient).sum(2))[None]
