"""Networks by name and their weights: torchvision's classifiers and the suite's own.

Importing this module does not import torch, so that names can be listed at once.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsolbench.errors import ModelError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from torch import Tensor, nn

    StateDict = dict[str, Tensor]

OWN_MODEL = "digit-net"
SHIPPED, IMAGENET, NO_WEIGHTS = "shipped", "imagenet", "none"
SUFFIXES = (".safetensors", ".pt", ".pth")
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

_BUILDER = re.compile(r"^@register_model\(\)\n(?:@.*\n)*def (\w+)\(", re.MULTILINE)
_DENSENET_OLD_KEY = re.compile(r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)")
_WRAPPERS = ("state_dict", "model")


@cache
def list_models() -> tuple[str, ...]:
    """Names of every network that `load_classifier` builds, sorted.

    torchvision's are read from its source, because importing it takes seconds.
    """
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return (OWN_MODEL,)
    sources = (Path(spec.origin).parent / "models").glob("*.py")
    names = (name for source in sources for name in _BUILDER.findall(source.read_text("utf-8")))
    return tuple(sorted({OWN_MODEL, *names}))


def default_weights(name: str) -> str:
    """The weights that a network gets when none are asked for."""
    return SHIPPED if name == OWN_MODEL else IMAGENET


def build(name: str, num_classes: int, weights: str, seed: int) -> nn.Module:
    """The network ``name`` with ``num_classes`` outputs and its weights, in evaluation mode.

    Args:
        name: one of `list_models`.
        num_classes: number of logits.
        weights: "shipped", "imagenet" (torchvision's own, downloaded once), "none" (random from
            ``seed``), or a ``.safetensors``, ``.pt`` or ``.pth`` file of tensors.
        seed: of random weights.

    Raises:
        UnknownNameError: no such network.
        UsageError: no such weights.
        ModelError: weights that cannot be read, or do not fit (says which keys).
    """
    if name not in list_models():
        raise UnknownNameError("model", name, list_models(), "See `wsolbench list models`.")
    state = (
        None if weights in (IMAGENET, NO_WEIGHTS) else read_weights(_weights_file(name, weights))
    )
    if weights == IMAGENET:
        state = _imagenet_weights(name)
    network = _construct(name, num_classes, seed, aux=_has_aux(state))
    if state is not None:
        fit_weights(network, state, what=f"{name} with {num_classes} classes")
    return network.eval()


def preprocessing(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of the RGB channels that a network of this name expects."""
    if name == OWN_MODEL:
        return IMAGENET_MEAN, IMAGENET_STD
    from torchvision.models import get_model_weights

    transform = get_model_weights(name).DEFAULT.transforms()
    return tuple(transform.mean), tuple(transform.std)


def describe_weights(name: str, weights: str, seed: int) -> str:
    """Where the weights came from, for records: a version, a seed or a file's name."""
    if weights == NO_WEIGHTS:
        return f"{weights} (seed {seed})"
    if weights == IMAGENET:
        from torchvision.models import get_model_weights

        return f"{weights} ({get_model_weights(name).DEFAULT.name})"
    return Path(weights).name


def read_weights(path: Path) -> StateDict:
    """The tensors of a weights file; code in it is never run.

    Raises:
        ModelError: there is no such file, or it does not hold tensors alone.
    """
    if not path.is_file():
        raise ModelError(f"expected a weights file, but {path} is none")
    state = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickle(path)
    return {_plain_key(key): tensor for key, tensor in state.items()}


def fit_weights(network: nn.Module, state: Mapping[str, Tensor], *, what: str) -> None:
    """Copy ``state`` into ``network``, all of it; half precision becomes the network's own.

    Raises:
        ModelError: names keys that are missing, not expected or of another shape.
    """
    own = network.state_dict()
    counters = {
        key for key in own if key.endswith("num_batches_tracked")
    }  # no inference needs them
    reshaped = [
        f"{key}: {_shape(state[key])} instead of {_shape(own[key])}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    faults = {
        "missing": [key for key in own if key not in state and key not in counters],
        "not expected": [key for key in state if key not in own],
        "of another shape": reshaped,
    }
    found = [f"{len(keys)} keys {fault} ({_some(keys)})" for fault, keys in faults.items() if keys]
    if found:
        raise ModelError(f"the weights do not fit {what}: {'; '.join(found)}")
    network.load_state_dict({**{key: own[key] for key in counters}, **state})


def digest(network: nn.Module) -> str:
    """SHA-256 over names, types, shapes and values of all parameters and buffers."""
    import torch

    sha = hashlib.sha256()
    for key, tensor in sorted(network.state_dict().items()):
        sha.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        sha.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return sha.hexdigest()


def _weights_file(name: str, weights: str) -> Path:
    if weights == SHIPPED and name == OWN_MODEL:
        return Path(str(files("wsolbench") / "weights" / f"{name.replace('-', '_')}.safetensors"))
    if Path(weights).suffix in SUFFIXES:
        return Path(weights)
    own = SHIPPED if name == OWN_MODEL else IMAGENET
    raise UsageError(
        f"expected weights of {name} to be {own!r}, 'none' or a file ({', '.join(SUFFIXES)}), "
        f"but got {weights!r}"
    )


def _construct(name: str, num_classes: int, seed: int, *, aux: bool) -> nn.Module:
    """A network with random weights; the global random state stays as it was.

    GoogLeNet and Inception renormalise their input as torchvision's trained ones do, and have the
    auxiliary classifiers that their weights come with.
    """
    import torch

    options: dict[str, Any] = {}
    if name in ("googlenet", "inception_v3"):
        options = {"init_weights": False, "transform_input": True, "aux_logits": aux}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name == OWN_MODEL:
            from wsolbench.digit_net import DigitNet

            return DigitNet(num_classes=num_classes)
        from torchvision.models import get_model

        network: nn.Module = get_model(name, weights=None, num_classes=num_classes, **options)
        return network


def _imagenet_weights(name: str) -> StateDict:
    if name == OWN_MODEL:
        raise ModelError(f"there are no ImageNet weights for {name}; use weights 'shipped'")
    from torchvision.models import get_model_weights

    try:
        state: StateDict = get_model_weights(name).DEFAULT.get_state_dict(progress=True)
    except OSError as error:
        raise ModelError(
            f"the ImageNet weights of {name} cannot be downloaded ({error}); give a file with "
            "--weights instead"
        ) from error
    return {_plain_key(key): tensor for key, tensor in state.items()}


def _read_safetensors(path: Path) -> StateDict:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state: StateDict = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is no readable safetensors file: {error}") from error
    return state


def _read_pickle(path: Path) -> StateDict:
    import pickle
    import warnings

    import torch

    try:
        with warnings.catch_warnings():  # of pickle protocols: what counts is whether it loads
            warnings.simplefilter("ignore", UserWarning)
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # torch's own text advises to switch the check off
        raise ModelError(
            f"{path} is damaged or no file of tensors alone (files that would run code are "
            "refused); give a state_dict saved as .safetensors, .pt or .pth"
        ) from error
    except (RuntimeError, EOFError, OSError, KeyError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{path} is no readable file of tensors: {reason}") from error
    for wrapper in _WRAPPERS:
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not isinstance(state, dict) or not all(map(torch.is_tensor, state.values())):
        raise ModelError(f"expected {path} to hold a state_dict (name -> tensor), but it does not")
    return dict(state)


def _plain_key(key: str) -> str:
    """Without the prefix of DataParallel, and as today's DenseNet is called."""
    return _DENSENET_OLD_KEY.sub(r"\1\2", key.removeprefix("module."))


def _has_aux(state: StateDict | None) -> bool:
    return state is not None and any(key.lower().startswith("aux") for key in state)


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    return ", ".join(keys[:3]) + more
