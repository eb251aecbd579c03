"""The signals that come with the package: plain arrays without pickle, each with a card that says what it is for."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from assay.detect.signals.linear import LinearSignal
from assay.records.errors import ConfigError, Unavailable

NAMES = ("injection", "toxicity")
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Point:
    """An operating point: the score from which a text counts, the `unit` that is scored (`window` or `sentence`), and
    what it was chosen for."""

    threshold: float
    unit: str
    what: str


def points(name: str) -> dict[str, Point]:
    """The named operating points of a signal's card; `default` is always one. Raises ConfigError `signal.unknown`."""
    told = card(name)
    default = Point(float(told["threshold"]), "window", str(told["threshold_rule"]))
    stated = {one: Point(float(at["threshold"]), at["unit"], at["what"]) for one, at in told.get("points", {}).items()}
    return {DEFAULT: default, **stated}


def card(name: str) -> dict[str, Any]:
    """The card of a signal: data sets with licences and digests, splits, measures, threshold, uses and misuses.

    Raises ConfigError `signal.unknown`.
    """
    loaded: dict[str, Any] = json.loads(_file(name, "json"))
    return loaded


@cache
def load(name: str) -> LinearSignal:
    """A signal by its name, loaded once. Raises ConfigError `signal.unknown` and Unavailable `signal.digest` when the
    arrays are not those that the card names."""
    told, data = card(name), _file(name, "npz")
    digest = hashlib.sha256(data).hexdigest()
    if digest != told["arrays_sha256"]:
        raise Unavailable(
            "signal.digest", "the arrays of a packaged signal are not those of its card", where=name,
            remedy="install assay again",
        )  # fmt: skip
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        weights = arrays["weights"].astype(np.float32) * np.float32(arrays["scale"])
        bias, slope, offset = (float(value) for value in arrays["shape"])
    return LinearSignal(
        name, int(told["version"]), weights, bias, slope, offset, float(told["threshold"]), digest,
        folds_groups=bool(told.get("folds_groups", False)),
    )  # fmt: skip


def _file(name: str, ending: str) -> bytes:
    if name not in NAMES:
        raise ConfigError(
            "signal.unknown", "there is no such signal in the package", where="name", remedy=f"use {' or '.join(NAMES)}"
        )
    return files("assay.detect.signals").joinpath(f"{name}.{ending}").read_bytes()
