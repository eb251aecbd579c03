"""The redaction that `privacy.redact` asks for, made at the first text that is to be kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.adapters.vault_files import FileVault
from assay.records.operations import Trace
from assay.wiring.settings_privacy import RULES, RedactSettings

if TYPE_CHECKING:
    from assay.guard.build import GuardPolicy
    from assay.guard.redacting import Find, Redaction
    from assay.wiring.build import Workspace

VAULT = "vault"


@dataclass
class Redactor:
    """What keeps texts: callable with a text and its tenant. Raises ConfigError `detect.unknown_rule` when made."""

    settings: RedactSettings
    store: Path
    _made: list[Redaction] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        if self.settings.rules != RULES:
            from assay.detect.registry import chosen

            chosen(self.settings.rules)

    def __call__(self, text: str, tenant: str = "") -> str:
        return self.redaction.text(text, tenant)

    @property
    def redaction(self) -> Redaction:
        if not self._made:
            self._made.append(self._with(self._find()))
        return self._made[0]

    def also(self, *finds: Find) -> Redaction:
        """The same for what these find too."""
        from assay.guard.redacting import either

        return self._with(either(self._find(), *finds))

    def _with(self, find: Find) -> Redaction:
        from assay.guard.redacting import How, Redaction

        return Redaction(find, How(self.settings.how), FileVault(self.store / VAULT))

    def _find(self) -> Find:
        from assay.detect.registry import chosen
        from assay.detect.scanning import scan

        ids = chosen(self.settings.rules)
        return lambda text: scan(text, ids)


def redactor(place: Workspace) -> Redactor:
    """As this workspace's settings have it."""
    return Redactor(place.settings.privacy.redact, place.store)


def by_policies(place: Workspace, app: str, guards: Sequence[GuardPolicy]) -> Callable[[Trace], Trace] | None:
    """What takes out of a trace what the app's policies change; None for an app without one.

    A trace stands outside the guards, so its question is as it was asked. Only findings that a policy masks, hashes or
    pseudonymises are taken out: what it refuses is what a later replay has to see.
    """
    from assay.guard.build import PolicyPolicy

    acting = [guard.acting for guard in guards if isinstance(guard, PolicyPolicy)]
    if not acting:
        return None
    from assay.guard.policy import Context, Where
    from assay.guard.redacting import of_policy

    own = redactor(place)

    def kept(where: Where, text: str, tenant: str) -> str:
        finds = [of_policy(one, Context(where, tenant, app)) for one in acting]
        return own.also(*finds).text(text, tenant) if text else ""

    def prepared(trace: Trace) -> Trace:
        return replace(
            trace,
            question=kept(Where.QUESTION, trace.question, trace.tenant),
            answer=kept(Where.ANSWER, trace.answer, trace.tenant),
        )

    return prepared


def strings(redact: Callable[[str], str], value: Any, left: frozenset[str] = frozenset()) -> Any:
    """A JSON value with every string redacted but those under members named in `left`, such as ids and hashes."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [strings(redact, one, left) for one in value]
    if isinstance(value, dict):
        return {name: one if name in left else strings(redact, one, left) for name, one in value.items()}
    return value


def exported(place: Workspace, value: Any, left: frozenset[str]) -> Any:
    """A JSON value as it may leave in an export: redacted where `privacy.redact.exports` says so."""
    if not place.settings.privacy.redact.exports:
        return value
    return strings(partial(redactor(place), tenant=""), value, left)
