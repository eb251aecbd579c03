"""The redaction that `privacy.redact` asks for, made at the first text that is to be kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.adapters.vault_files import FileVault
from assay.monitor.redacted import redacted_trace
from assay.records.digest import plain
from assay.records.operations import Feedback, Trace
from assay.wiring.settings_privacy import RULES, RedactSettings

if TYPE_CHECKING:
    from assay.guard.build import GuardPolicy
    from assay.guard.redacting import Find, Redaction
    from assay.wiring.build import Workspace

VAULT = "vault"
PAGE = 500


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


def every_trace(place: Workspace, tenant: str = "") -> Iterator[tuple[Trace, tuple[Feedback, ...]]]:
    """Every trace once, newest first, with the opinions on it, redacted once more: one that was kept under earlier
    settings leaves as one that is kept today."""
    redact, store = redactor(place), place.stores.traces
    before, size, seen = "", PAGE, set[str]()
    while page := store.list(tenant or None, size, before):
        for trace in page:
            if trace.trace_id not in seen:
                seen.add(trace.trace_id)
                given = tuple(
                    replace(one, comment=redact(one.comment, one.tenant)) for one in store.feedback(trace.trace_id)
                )
                yield redacted_trace(trace, redact), given
        if len(page) < size:
            return
        # Traces of one moment share it: the next page begins at that moment, or is larger where they fill a page.
        before, size = (before, size * 2) if page[0].at == page[-1].at else (f"{page[-1].at}~", size)


def exported(place: Workspace, tenant: str = "") -> Iterator[dict[str, Any]]:
    """Every trace as JSON values, with the opinions on it."""
    for trace, given in every_trace(place, tenant):
        yield {"trace": plain(trace), "feedback": plain(given)}
