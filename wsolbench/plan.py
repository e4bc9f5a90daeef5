"""A plan: every name of a request resolved to the thing it means, before any work is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from wsolbench.data.find import DATA_VARIABLE, find, search_roots
from wsolbench.dataset import TEST, TRAIN_FULLSUP, Dataset
from wsolbench.errors import DataError, ModelError, OptionError, UnknownNameError
from wsolbench.method import Method
from wsolbench.models import Classifier, as_classifier, list_models, load_classifier
from wsolbench.names import find_dataset, find_protocols, refuse_repetition, without_all
from wsolbench.protocol import Protocol
from wsolbench.registry import METHODS
from wsolbench.sample import Split
from wsolbench.settings import ALL, DEFAULT_INPUT_SIZE, Settings
from wsolbench.spec import Spec

COSTLY = "many forward passes for each target; run when named"


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
        left_out: method -> why "all" does not include it.
        protocols: every protocol to score under.
        settings: what was asked for.
    """

    classifier: Classifier
    dataset: Dataset
    test: Split
    calibration: Split | None
    no_calibration: str
    methods: tuple[PlannedMethod, ...]
    left_out: dict[str, str]
    protocols: tuple[Protocol, ...]
    settings: Settings

    @property
    def splits(self) -> tuple[Split, ...]:
        """Those to pass over: the one that is scored, then the one to choose thresholds on."""
        return (self.test,) if self.calibration is None else (self.test, self.calibration)

    def without_calibration(self, reason: str) -> Plan:
        """The same plan with no split to choose thresholds on."""
        return replace(self, calibration=None, no_calibration=reason)

    @property
    def layers(self) -> tuple[str, ...]:
        """Every layer that some method reads, without repetition."""
        return tuple(dict.fromkeys(layer for method in self.methods for layer in method.layers))

    @property
    def needs(self) -> frozenset[str]:
        """Everything that some method needs of the shared pass."""
        return frozenset(need for planned in self.methods for need in planned.method.needs)

    @property
    def needs_gradients(self) -> bool:
        """Whether some method reads gradients of a layer."""
        return "gradients" in self.needs


def make_plan(
    model: str | nn.Module | Classifier, dataset: str | Dataset, settings: Settings
) -> Plan:
    """Resolve a request; every name is checked before a network is built or data are read.

    Raises:
        UsageError: a name or option that does not exist.
        DataError: no data where it should be.
        ModelError: a network or weights that do not fit.
    """
    card = find_dataset(dataset)
    protocols = find_protocols(settings.protocols)
    _check_methods(settings.methods)
    settings = _with_root(card, settings)
    card = card.bind(settings.data_root)
    _check_model(model)
    test, calibration, no_calibration = find_splits(card, settings)  # before weights are fetched
    classifier = find_classifier(model, card, settings)
    methods, left_out = find_methods(settings.methods, classifier)
    return Plan(
        classifier=classifier,
        dataset=card,
        test=test,
        calibration=calibration,
        no_calibration=no_calibration,
        methods=methods,
        left_out=left_out,
        protocols=protocols,
        settings=settings,
    )


def find_classifier(
    model: str | nn.Module | Classifier, dataset: Dataset, settings: Settings
) -> Classifier:
    """The network, checked to speak of the data set's classes.

    Raises:
        UnknownNameError: no such network or layer.
        OptionError: no network at all, a device that is not there, or weights for a network that
            has its own.
        ModelError: weights that do not fit, or another number of outputs than there are classes.
    """
    if isinstance(model, str):
        classifier = _classifier_by_name(model, dataset, settings)
    else:
        if not isinstance(model, nn.Module | Classifier):
            raise OptionError(
                "expected a network's name, a torch.nn.Module or a Classifier as model, but got "
                f"{model!r}"
            )
        if settings.weights is not None:
            raise OptionError("weights go with a network's name; a module comes with its own")
        classifier = _classifier_of(model, settings)
    if classifier.num_classes != len(dataset.classes):
        raise ModelError(
            f"{classifier.name} has {classifier.num_classes} outputs, but {dataset.name} has "
            f"{len(dataset.classes)} classes: its labels would mean something else; "
            "choose weights that were trained for these classes"
        )
    return classifier


def _classifier_by_name(name: str, dataset: Dataset, settings: Settings) -> Classifier:
    size = settings.input_size or DEFAULT_INPUT_SIZE
    return load_classifier(
        name,
        num_classes=len(dataset.classes),
        weights=settings.weights,
        layer=settings.layer,
        input_hw=(size, size),
        device=find_device(settings.device or "cpu"),
        seed=settings.seed,
    )


def _classifier_of(model: nn.Module | Classifier, settings: Settings) -> Classifier:
    """A network of the caller's, where it is already; what it says of itself stands."""
    asked = settings.input_size
    size = asked or DEFAULT_INPUT_SIZE
    if isinstance(model, nn.Module):
        return as_classifier(model, layer=settings.layer, input_hw=(size, size))
    if asked is not None and (asked, asked) != model.input_hw:
        raise OptionError(
            f"expected no input_size, for {model.name} was traced with images of "
            f"{model.input_hw}, but got {asked}; give input_hw to as_classifier instead"
        )
    if settings.layer is None:
        return model
    return replace(model, target_layer=model.layer(settings.layer).name)


def find_device(name: str) -> torch.device:
    """A device of this machine.

    Raises:
        OptionError: there is no such device.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, ValueError, NotImplementedError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise OptionError(f"device {name!r} cannot be used here: {reason}; try cpu") from error
    return device


def _check_model(model: object) -> None:
    """Refuse the name of no network before anything is read."""
    if isinstance(model, str) and model not in list_models():
        raise UnknownNameError("model", model, list_models(), "See `wsolbench list models`.")


def find_methods(
    specs: Sequence[Spec], classifier: Classifier
) -> tuple[tuple[PlannedMethod, ...], dict[str, str]]:
    """The methods asked for, and those that "all" leaves out with the reason.

    "all" is every method that this network can serve and that needs no more than a few passes.

    Raises:
        UnknownNameError: no such method.
        OptionError: no such option, or a method twice.
        UnsupportedError: a method named by the user that this network cannot serve.
    """
    reasons = {name: _left_out_of_all(method, classifier) for name, method in METHODS.items()}
    able = tuple(name for name, reason in reasons.items() if reason is None)
    planned = tuple(_planned(spec, classifier) for spec in without_all(specs, able))
    if not planned:
        raise OptionError(f"no method works on {classifier.name}")
    refuse_repetition("method", [one.label for one in planned])
    asked_for_all = any(spec.name == ALL for spec in specs)
    left_out = {name: reason for name, reason in reasons.items() if reason and asked_for_all}
    return planned, left_out


def _left_out_of_all(method: Method, classifier: Classifier) -> str | None:
    unsupported = method.unsupported_by(classifier)
    return COSTLY if unsupported is None and method.cost == "many" else unsupported


def _check_methods(specs: Sequence[Spec]) -> None:
    for spec in specs:
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


def _with_root(dataset: Dataset, settings: Settings) -> Settings:
    """The settings with where the data are; refuses a request without data before any network."""
    if settings.data_root is None and dataset.embedded is None:
        found = find(dataset, search_roots())
        if found is None:
            raise OptionError(
                f"{dataset.name} needs --data-root DIR (data_root=...), a folder that holds it; it "
                f"is not below the folder of ${DATA_VARIABLE} either.{dataset.directions}"
            )
        return replace(settings, data_root=found.root)
    if settings.data_root is not None and not settings.data_root.exists():
        raise DataError(
            f"expected a folder as data root of {dataset.name}, but there is no "
            f"{settings.data_root}"
        )
    return settings


def find_splits(dataset: Dataset, settings: Settings) -> tuple[Split, Split | None, str]:
    """The test split, train-fullsup where it is there, and why not where it is not.

    Raises:
        DataError: the test split is not there or holds no usable image.
    """
    if TEST not in dataset.splits:
        names = ", ".join(dataset.splits) or "none"
        raise DataError(f"{dataset.name} has no {TEST} split to score; its splits: {names}")
    test = _first(dataset.load(TEST, settings.data_root), settings.limit)
    if TRAIN_FULLSUP not in dataset.splits:
        return test, None, f"{dataset.name} has no {TRAIN_FULLSUP} split"
    try:
        calibration = _first(dataset.load(TRAIN_FULLSUP, settings.data_root), settings.limit)
    except DataError as error:
        return test, None, str(error)
    return test, calibration, ""


def _first(split: Split, limit: int | None) -> Split:
    return split if limit is None else replace(split, samples=split.samples[:limit])
