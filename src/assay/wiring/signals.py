"""Signals by name: those that come with the package, and the workspace's own ONNX classifiers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.detect.signals import packaged
from assay.records.errors import ConfigError
from assay.wiring.scanning import texts

if TYPE_CHECKING:
    from assay.ports.reading import Signal
    from assay.wiring.settings_signals import OnnxSignalSetting

_SAMPLE = 2000


@dataclass(frozen=True, slots=True)
class Scored:
    """One signal's look at one text: the score, the threshold, the language by py3langid (empty when unsure), and the
    spans that reach the threshold as (start, end, score)."""

    text: str
    signal: str
    score: float
    threshold: float
    language: str
    spans: tuple[tuple[int, int, float], ...]


def signal_named(name: str, own: Mapping[str, OnnxSignalSetting], root: Path) -> Signal:
    """A signal by its name; a packaged name stands for the packaged signal. Raises ConfigError `signal.unknown`,
    `signal.path` and `signal.taken`."""
    if name in own:
        if name in packaged.NAMES:
            raise ConfigError(
                "signal.taken", "this name belongs to a signal of the package", where=f"signals.{name}",
                remedy="give your classifier another name",
            )  # fmt: skip
        from assay.adapters.onnx_classifier import OnnxClassifier

        stated = own[name]
        return OnnxClassifier(
            name, root / stated.model, root / stated.tokenizer if stated.tokenizer else None,
            positive=stated.positive, threshold=stated.threshold, max_tokens=stated.max_tokens,
            threads=stated.threads, sha256=stated.sha256,
        )  # fmt: skip
    if name not in packaged.NAMES:
        raise ConfigError(
            "signal.unknown", "there is no such signal", where="--signal",
            remedy=f"use one of {', '.join((*packaged.NAMES, *own))}, or add it under signals in assay.yaml",
        )  # fmt: skip
    return packaged.load(name)


def threshold_of(signal: Signal) -> float:
    """The threshold of a signal made here."""
    return float(getattr(signal, "threshold", 0.5))


def scored(source: str, signals: Mapping[str, Signal]) -> Iterator[Scored]:
    """Scores of every text in a file, or in standard input where `source` is `-`. Raises InputError
    `scan.unreadable`, `scan.not_text` and those of the parsers."""
    from assay.adapters.language import Py3LangId

    languages = Py3LangId()
    for label, text in texts(source):
        language = languages.identify(text[:_SAMPLE])
        for name, signal in signals.items():
            spans = tuple((one.start, one.end, round(one.score, 4)) for one in signal.find(text))
            yield Scored(label, name, round(signal.score(text), 4), threshold_of(signal), language, spans)


def listed(own: Mapping[str, OnnxSignalSetting]) -> list[dict[str, Any]]:
    """Name, kind, threshold and recipe or file of every signal."""
    rows: list[dict[str, Any]] = []
    for name in packaged.NAMES:
        signal = packaged.load(name)
        rows.append({"name": name, "kind": "packaged", "threshold": signal.threshold, "from": signal.recipe})
    rows += [
        {"name": name, "kind": "onnx", "threshold": stated.threshold, "from": str(stated.model)}
        for name, stated in own.items()
    ]
    return rows
