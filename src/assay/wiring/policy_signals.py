"""Signals, languages and hidden text in a policy: checked against its rules, pinned by digest, and made detectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from assay.detect import texts
from assay.detect.signals import packaged
from assay.guard.acting import Looking, Timed
from assay.guard.policy import Action
from assay.guard.whole import Unit, WholeText
from assay.ports.reading import LanguageIdentifier, Signal
from assay.records.errors import ConfigError
from assay.records.findings import Finding

if TYPE_CHECKING:
    from assay.wiring.settings_guards import PolicyFile, PolicyRuleSetting
    from assay.wiring.settings_policy_signals import SignalUse
    from assay.wiring.settings_signals import OnnxSignalSetting

CHANGES = ("mask", "hash", "pseudonymise")
REFUSING = frozenset({"toxicity"})
"""Models on whose word a text may be refused without more ado."""


@dataclass(frozen=True)
class Chosen:
    """A signal as a policy uses it: `signal` speaks from `threshold` on, `unit` by `unit`."""

    rule_id: str
    signal: Signal
    threshold: float
    unit: Unit

    @property
    def pin(self) -> str:
        """What decides about its findings. Costs a digest of the model file where the model is one's own."""
        return f"{self.signal.recipe}@{self.threshold:.6g}/{self.unit}"


def declared(file: PolicyFile) -> frozenset[str]:
    """Ids of findings about texts that rules of this policy may name."""
    languages = (texts.OTHER_LANGUAGE,) if file.languages else ()
    return frozenset((*texts.SPANS, *languages, *(f"{texts.SIGNAL}{name}" for name in file.signals)))


def checked(file: PolicyFile, rule: PolicyRuleSetting, place: str) -> frozenset[str]:
    """Ids of findings about texts that a rule names. Raises ConfigError `policy.signal` for one that the policy does
    not declare, and for what a rule may not do about it. `place` is the rule's file and line."""
    named = texts.ids_of([name for name in rule.find if texts.known(name)])
    for name in named:
        if name not in declared(file):
            raise _error(rule, place, f"nothing declares {name}", _declare(name))
        if texts.is_whole(name):
            _allowed(file, rule, name, place)
    return frozenset(named)


def _allowed(file: PolicyFile, rule: PolicyRuleSetting, name: str, place: str) -> None:
    if rule.action in CHANGES:
        raise _error(
            rule, place, f"{name} is about a whole text and leaves no part to {rule.action}",
            "use lower_rights or escalate; for passages also refuse, which leaves the passage out",
        )  # fmt: skip
    if rule.action != "refuse" or not name.startswith(texts.SIGNAL) or tuple(rule.where) == ("passages",):
        return
    short = name.removeprefix(texts.SIGNAL)
    use = file.signals[short]
    may = use.may_refuse if use.may_refuse is not None else (use.model or short) in REFUSING
    if not may:
        raise _error(
            rule, place, f"{name} is a guess and only lowers rights; it may not refuse a text",
            f"use lower_rights or escalate, where: [passages], or say may_refuse: true under signals.{short}",
        )  # fmt: skip


def _declare(name: str) -> str:
    if name == texts.OTHER_LANGUAGE:
        return "say which languages are welcome, such as languages: [en, de]"
    if name.startswith(texts.SIGNAL):
        return f"add it to the policy: signals: {{{name.removeprefix(texts.SIGNAL)}: {{}}}}; assay signal list"
    return f"use one of {', '.join((*texts.RULE_OF, texts.GROUP))}"


def _error(rule: PolicyRuleSetting, place: str, what: str, remedy: str) -> ConfigError:
    return ConfigError("policy.signal", f"the rule {rule.id}: {what}", where=place, remedy=remedy)


def chosen(name: str, use: SignalUse, own: Mapping[str, OnnxSignalSetting], root: Path) -> Chosen:
    """The signal that a policy names. Raises ConfigError `signal.unknown` and `signal.point`, and those of the
    model."""
    from assay.wiring.signals import signal_named, threshold_of

    model = use.model or name
    points = packaged.points(model) if model in packaged.NAMES else {}
    stated = use.threshold
    point = points.get(stated or packaged.DEFAULT) if isinstance(stated, str) else None
    if isinstance(stated, str) and stated and point is None:
        raise ConfigError(
            "signal.point", "the model's card has no such operating point", where=f"signals.{name}.threshold",
            remedy=f"a score from 0 to 1, or one of: {', '.join(points) or 'none for this model'}",
        )  # fmt: skip
    signal = signal_named(model, own, root)
    threshold = threshold_of(signal) if point is None else point.threshold
    if not isinstance(stated, str):
        threshold = stated
    unit = Unit(use.unit or (point.unit if point else Unit.WINDOW))
    return Chosen(f"{texts.SIGNAL}{name}", speaking_from(signal, threshold), threshold, unit)


def speaking_from(signal: Signal, threshold: float) -> Signal:
    """The signal with another threshold."""
    from assay.adapters.onnx_classifier import OnnxClassifier
    from assay.detect.signals.linear import LinearSignal

    if isinstance(signal, LinearSignal):
        return replace(signal, threshold=threshold)
    if isinstance(signal, OnnxClassifier):
        return signal.speaking_from(threshold)
    raise TypeError("a signal of another make has no threshold")


def pins(file: PolicyFile, own: Mapping[str, OnnxSignalSetting], root: Path) -> dict[str, str]:
    """The pin of every signal. Raises ConfigError `policy.signal_changed` where the policy holds another one."""
    found = {}
    for name, use in file.signals.items():
        found[name] = chosen(name, use, own, root).pin
        if use.pin and use.pin != found[name]:
            raise ConfigError(
                "policy.signal_changed", "the model or its threshold is not the one that the policy was frozen with",
                where=f"signals.{name}",
                remedy="restore the model, or judge the new one: assay bundle APP freezes it; in a file take pin out",
            )  # fmt: skip
    return found


def looking(file: PolicyFile, own: Mapping[str, OnnxSignalSetting], root: Path) -> tuple[Looking, ...]:
    """Detectors of what this policy says about texts; only what some rule names."""
    named = {one for rule in file.rules for one in texts.ids_of([name for name in rule.find if texts.known(name)])}
    stated = file.rules_detector
    found = []
    if spans := named & set(texts.SPANS):
        detector = Timed("texts", "1", texts.find, stated.budget_ms)
        found.append(Looking("texts", detector, frozenset(spans), Action(stated.on_timeout)))
    if texts.OTHER_LANGUAGE in named:
        found.append(_languages(file))
    found += [
        _signal(chosen(name, use, own, root), use)
        for name, use in file.signals.items()
        if f"{texts.SIGNAL}{name}" in named
    ]
    return tuple(found)


def _signal(one: Chosen, use: SignalUse) -> Looking:
    from assay.detect.signals.linear import LinearSignal

    detector = WholeText(
        one.rule_id, one.pin, partial(_spoken, one.signal), use.budget_ms,
        slow=not isinstance(one.signal, LinearSignal), rule_id=one.rule_id, unit=one.unit,
        warm=_Once(partial(one.signal.score, "warm")),
    )  # fmt: skip
    return _whole(detector, use.on_timeout)


def _whole(detector: WholeText, on_timeout: str) -> Looking:
    as_found = on_timeout == "found"
    action = Action.REFUSE if as_found else Action(on_timeout)
    return Looking(detector.name, detector, frozenset({detector.rule_id}), action, as_found, whole=True)


def _languages(file: PolicyFile) -> Looking:
    from assay.adapters.language import Py3LangId

    languages: LanguageIdentifier = Py3LangId()
    detector = WholeText(
        texts.OTHER_LANGUAGE, "1", partial(_foreign, languages, file.languages), file.rules_detector.budget_ms,
        rule_id=texts.OTHER_LANGUAGE, warm=_Once(partial(languages.identify, "so that the model is loaded")),
    )  # fmt: skip
    return _whole(detector, "found")


def _spoken(signal: Signal, text: str, _ids: tuple[str, ...]) -> tuple[Finding, ...]:
    return signal.find(text)


def _foreign(
    languages: LanguageIdentifier, welcome: tuple[str, ...], text: str, _ids: tuple[str, ...]
) -> tuple[Finding, ...]:
    return texts.other_language(text, languages.identify, welcome)


class _Once:
    """Work that is done at the first call."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work, self._done = work, False

    def __call__(self) -> None:
        if not self._done:
            self._work()
            self._done = True
