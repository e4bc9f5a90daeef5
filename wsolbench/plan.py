"""A plan: every name of a request resolved to the thing it means, before any work is done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from wsolbench.dataset import TEST, TRAIN_FULLSUP, Dataset
from wsolbench.errors import DataError, ModelError, OptionError
from wsolbench.method import Method
from wsolbench.models import Classifier, as_classifier, load_classifier
from wsolbench.protocol import PROTOCOLS, Protocol, resolve_protocol
from wsolbench.registry import DATASETS, METHODS
from wsolbench.sample import Split
from wsolbench.spec import Spec, parse_specs

DEFAULT_DATASET, DEFAULT_MODEL = "digit-scenes", "digit-net"
ALL = "all"
DEFAULT_PROTOCOLS = ("wsol2020", "pointing-game")


@dataclass(frozen=True)
class PlannedMethod:
    """A method with the options of this run.

    Attributes:
        method: the card and function.
        options: those that were given.
        layers: what it reads of this network.
        label: names it in tables and records: name and the options that differ from the default.
    """

    method: Method
    options: dict[str, Any]
    layers: tuple[str, ...]
    label: str


@dataclass(frozen=True)
class Plan:
    """What a run will do.

    Attributes:
        classifier: the network.
        dataset: the data set's card.
        test: the split that is scored.
        calibration: train-fullsup, ``None`` where it is not there.
        no_calibration: why there is none.
        methods: every method with its options.
        left_out: method -> why it cannot work on this network (only where "all" was asked for).
        protocols: every protocol to score under.
    """

    classifier: Classifier
    dataset: Dataset
    test: Split
    calibration: Split | None
    no_calibration: str
    methods: tuple[PlannedMethod, ...]
    left_out: dict[str, str]
    protocols: tuple[Protocol, ...]

    @property
    def layers(self) -> tuple[str, ...]:
        """Every layer that some method reads, without repetition."""
        return tuple(dict.fromkeys(layer for method in self.methods for layer in method.layers))

    @property
    def needs_gradients(self) -> bool:
        """Whether some method reads gradients."""
        return any("gradients" in planned.method.needs for planned in self.methods)


def make_plan(
    model: str | nn.Module | Classifier,
    dataset: str | Dataset,
    *,
    methods: str | Iterable[str | Spec],
    protocols: str | Iterable[str | Spec],
    weights: str | Path | None,
    data_root: str | Path | None,
    layer: str | None,
    input_size: int,
    device: str,
    limit: int | None,
    seed: int,
) -> Plan:
    """Resolve a request; the arguments are those of `wsolbench.evaluate`."""
    card = find_dataset(dataset)
    scoring = find_protocols(protocols)
    _check_names(methods)
    classifier = find_classifier(
        model,
        card,
        weights=weights,
        layer=layer,
        input_size=input_size,
        device=device,
        seed=seed,
    )
    planned, left_out = find_methods(methods, classifier)
    test, calibration, no_calibration = find_splits(
        card, None if data_root is None else Path(data_root), limit
    )
    return Plan(
        classifier=classifier,
        dataset=card,
        test=test,
        calibration=calibration,
        no_calibration=no_calibration,
        methods=planned,
        left_out=left_out,
        protocols=scoring,
    )


def find_dataset(dataset: str | Dataset) -> Dataset:
    """The card of a data set, by name or as it is."""
    return DATASETS[dataset] if isinstance(dataset, str) else dataset


def find_classifier(
    model: str | nn.Module | Classifier,
    dataset: Dataset,
    *,
    weights: str | Path | None,
    layer: str | None,
    input_size: int,
    device: str,
    seed: int,
) -> Classifier:
    """The network, checked to speak of the data set's classes.

    Raises:
        ModelError: it has another number of outputs than the data set has classes.
    """
    size = (input_size, input_size)
    if isinstance(model, str):
        classifier = load_classifier(
            model,
            num_classes=len(dataset.classes),
            weights=weights,
            layer=layer,
            input_hw=size,
            device=device,
            seed=seed,
        )
    else:
        if weights is not None:
            raise OptionError("weights go with a model's name; a module comes with its own")
        if isinstance(model, nn.Module):
            model = model.to(device)
        classifier = as_classifier(model, layer=layer, input_hw=size)
    if classifier.num_classes != len(dataset.classes):
        raise ModelError(
            f"{classifier.name} has {classifier.num_classes} outputs, but {dataset.name} has "
            f"{len(dataset.classes)} classes: its labels would mean something else; "
            "choose weights that were trained for these classes"
        )
    return classifier


def find_methods(
    methods: str | Iterable[str | Spec], classifier: Classifier
) -> tuple[tuple[PlannedMethod, ...], dict[str, str]]:
    """The methods asked for, and those of "all" that this network cannot serve with the reason.

    Raises:
        UnknownNameError: no such method.
        OptionError: no such option, or a method twice.
        UnsupportedError: a method named by the user that this network cannot serve.
    """
    specs = _specs(methods)
    left_out: dict[str, str] = {}
    if any(spec.name == ALL for spec in specs):
        for name, method in METHODS.items():
            reason = method.unsupported_by(classifier)
            if reason is not None:
                left_out[name] = reason
        specs = [spec for spec in specs if spec.name != ALL]
        named = {spec.name for spec in specs}
        specs += [Spec(name) for name in METHODS if name not in left_out and name not in named]
    planned = tuple(_planned(spec, classifier) for spec in specs)
    if not planned:
        raise OptionError("expected at least one method, but got none; name some or say all")
    _refuse_repetition("method", [one.label for one in planned])
    return planned, left_out


def _check_names(methods: str | Iterable[str | Spec]) -> None:
    """Refuse unknown methods and options before a network is built."""
    for spec in _specs(methods):
        if spec.name != ALL:
            METHODS[spec.name].resolve(spec.options)


def _planned(spec: Spec, classifier: Classifier) -> PlannedMethod:
    method = METHODS[spec.name]
    method.require(classifier)
    options = dict(spec.options)
    return PlannedMethod(
        method=method,
        options=options,
        layers=method.layers(options, classifier),
        label=str(method.spec(options)),
    )


def find_protocols(protocols: str | Iterable[str | Spec]) -> tuple[Protocol, ...]:
    """The protocols asked for; "all" means every one."""
    specs = _specs(protocols)
    if any(spec.name == ALL for spec in specs):
        specs = [Spec(name) for name in PROTOCOLS]
    found = tuple(resolve_protocol(spec) for spec in specs)
    if not found:
        raise OptionError("expected at least one protocol, but got none")
    _refuse_repetition("protocol", [protocol.fingerprint for protocol in found])
    return found


def _specs(given: str | Iterable[str | Spec]) -> list[Spec]:
    if isinstance(given, str):
        return parse_specs(given)
    return [Spec.parse(one) if isinstance(one, str) else one for one in given]


def _refuse_repetition(kind: str, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise OptionError(f"{kind} given more than once: {', '.join(twice)}")


def find_splits(
    dataset: Dataset, root: Path | None, limit: int | None
) -> tuple[Split, Split | None, str]:
    """The test split, train-fullsup where it is there, and why not where it is not.

    Raises:
        DataError: the test split is not there or holds no usable image.
    """
    test = _first(dataset.load(TEST, root), limit)
    if not test.samples:
        reasons = "; ".join(f"{p.id}: {p.reason}" for p in test.problems[:3])
        raise DataError(f"the test split of {dataset.name} holds no usable image. {reasons}")
    if TRAIN_FULLSUP not in dataset.splits:
        return test, None, f"{dataset.name} has no train-fullsup split"
    try:
        calibration = _first(dataset.load(TRAIN_FULLSUP, root), limit)
    except DataError as error:
        return test, None, str(error)
    if not calibration.samples:
        return test, None, f"train-fullsup of {dataset.name} holds no usable image"
    return test, calibration, ""


def _first(split: Split, limit: int | None) -> Split:
    if limit is None:
        return split
    if limit < 1:
        raise OptionError(f"expected a limit of at least 1 image, but got {limit}")
    return Split(
        split.dataset, split.name, split.samples[:limit], split.problems, split.expected_images
    )
