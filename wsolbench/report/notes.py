"""What is said above and below a leaderboard: what was scored, and what to beware of."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

LONGEST = 160  # characters of a reason; the record has all of it
MEANING = {
    "calibrated": "calib: chosen on train-fullsup",
    "fixed": "fixed: chosen beforehand",
    "oracle": "oracle: chosen on these very images, an upper bound",
}


def title_of(data: Mapping[str, Any]) -> str:
    """One line: the data, and the network with how well it classifies them, if there is one."""
    dataset = data["dataset"]
    test = dataset["splits"]["test"]
    return (
        f"{_data_of(data)} test: {test['images']:,} images, {test['targets']:,} targets. "
        f"{_network(data)}. All numbers in percent."
    )


def _data_of(data: Mapping[str, Any]) -> str:
    """The data set with its options; records of old have the name alone."""
    dataset = data["dataset"]
    return str(dataset.get("spec", dataset["name"]))


def _network(data: Mapping[str, Any]) -> str:
    model = data["model"]
    if model["target_layer"] is None:
        return "Score maps from files, no network"
    top = ", ".join(
        f"{name.replace('top', 'top-')} {_percent(one['value'])}"
        for name, one in data["classification"].items()
    )
    return f"{model['name']} ({model['weights']}), layer {model['target_layer']}; classifier {top}"


def notes_of(data: Mapping[str, Any]) -> Iterator[str]:
    """What a reader of the numbers has to know, a line each."""
    yield from _annotation_notes(data)
    yield from _threshold_notes(data)
    yield from _direction_notes(data)
    yield from _undefined_notes(data)
    for name, split in data["dataset"]["splits"].items():
        yield from _split_notes(name, split)
    for method, bad in data["not_finite"].items():
        yield f"! {method}: {bad:,} {_maps(bad)} with NaN or infinity, scored as misses."
    yield from _left_out_notes(data["left_out"])
    fingerprints = ", ".join(f"{p['label']} {p['fingerprint']}" for p in data["protocols"])
    yield f"Protocols: {fingerprints}"


def _annotation_notes(data: Mapping[str, Any]) -> Iterator[str]:
    """What cannot be scored for want of boxes or masks; records of old do not tell."""
    kinds, name = data["dataset"].get("annotations"), _data_of(data)
    if kinds is None:
        return
    missing = [kind for kind in ("boxes", "masks") if kind not in kinds]
    if not data["metrics"]:
        why = f"{name} has no boxes and no masks"
        if len(missing) < 2:
            why = "the images found have none of the boxes or masks that these protocols need"
        yield f"! No localization could be scored: {why}. Maps and classification remain."
        return
    for kind in missing:
        yield f"{name} has no {kind}: metrics of {kind} are not scored."


def _left_out_notes(left_out: Mapping[str, str]) -> Iterator[str]:
    for reason in dict.fromkeys(left_out.values()):
        names = [name for name, own in left_out.items() if own == reason]
        subject = "" if reason.startswith(names[0]) else f"{', '.join(names)}: "
        yield f"Left out: {subject}{_short(reason)}."


def _threshold_notes(data: Mapping[str, Any]) -> Iterator[str]:
    present = {row["policy"] for row in data["metrics"]}
    meanings = [meaning for policy, meaning in MEANING.items() if policy in present]
    if meanings:
        yield f"Thresholds: {'; '.join(meanings)}."
    if meanings and data["dataset"]["no_calibration"]:
        yield f"None calibrated: {_short(data['dataset']['no_calibration'])}."


def _direction_notes(data: Mapping[str, Any]) -> Iterator[str]:
    down = [row["metric"] for row in data["metrics"] if not row.get("higher_is_better", True)]
    if down:
        yield f"Lower is better: {', '.join(dict.fromkeys(down))}."


def _undefined_notes(data: Mapping[str, Any]) -> Iterator[str]:
    undefined = [row["metric"] for row in data["metrics"] if row["value"] is None]
    if undefined:
        names = ", ".join(dict.fromkeys(undefined))
        yield f"Undefined on these data, for want of any pixel or target to count: {names}."


def _split_notes(name: str, split: Mapping[str, Any]) -> Iterator[str]:
    expected = split["expected_images"]
    if expected is not None and expected != split["images"]:
        yield (
            f"{name}: {split['images']:,} of {expected:,} images; do not compare with published "
            "numbers."
        )
    if split["problems"]:
        first = split["problems_listed"][0]
        yield (
            f"{name}: {split['problems']:,} could not be used, the first: {first['id']}: "
            f"{_short(first['reason'])}."
        )
    if split["rescaled"]:
        yield (
            f"{name}: {split['rescaled']:,} files are resized copies; boxes were scaled from the "
            "official frame."
        )
    if split["logits_not_finite"]:
        yield (
            f"{name}: the network gives NaN or infinity for {split['logits_not_finite']:,} images, "
            "counted as classified wrongly."
        )


def _short(reason: str) -> str:
    return textwrap.shorten(reason, LONGEST, placeholder=" ...").rstrip(".")


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _maps(number: int) -> str:
    return "map" if number == 1 else "maps"
