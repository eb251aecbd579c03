"""Account of every answer and of every act: who, what, on which versions, with which outcome, and no content."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from assay.ports.answering import System
from assay.ports.auditing import AuditLog, Pseudonyms
from assay.ports.reading import Clock
from assay.records.audit import AuditEvent
from assay.records.dialogue import Finished, Outcome, Reply, ReplyEvent, Request, step
from assay.records.errors import AssayError

server_log = logging.getLogger(__name__)

ACTOR = "actor"
"""The name in `Request.metadata` under which the server says which key is asking."""


class Auditor(Protocol):
    """What the rest of the product tells of what it does."""

    def note(
        self, action: str, outcome: str, *, tenant: str = "", who: str = "", subject: dict[str, str] | None = None,
        counts: dict[str, int | float] | None = None,
    ) -> None:  # fmt: skip
        """Take an event; written within a moment."""
        ...

    def record(
        self, action: str, outcome: str, *, tenant: str = "", who: str = "", subject: dict[str, str] | None = None,
        counts: dict[str, int | float] | None = None,
    ) -> None:  # fmt: skip
        """Durable when it returns."""
        ...

    def hidden(self, tenant: str, text: str) -> str:
        """A keyed hash of a text: tells that two are the same, and nothing else."""
        ...

    def missed(self, error: AssayError) -> None:
        """Something could not be logged. Raises the error again where account is required."""
        ...


@dataclass(frozen=True)
class NoAudit:
    """For workspaces that keep no audit log."""

    def note(self, action: str, outcome: str, **_: object) -> None:
        """Nothing."""

    def record(self, action: str, outcome: str, **_: object) -> None:
        """Nothing."""

    def hidden(self, tenant: str, text: str) -> str:  # noqa: ARG002 - the shape of an Auditor
        return ""

    def missed(self, error: AssayError) -> None:
        """Nothing."""


@dataclass
class Keeping:
    """Auditor over a log. People and texts appear under keyed names only.

    Where account is `required`, what cannot be logged raises. Else it is counted, told once in the server's log, and
    the count is an event of its own (`audit.missed`) as soon as there is room again.
    """

    log: AuditLog
    names: Pseudonyms
    clock: Clock
    required: bool = False
    _missed: int = 0

    def missed(self, error: AssayError) -> None:
        if self.required:
            raise error
        if not self._missed:
            server_log.error("events are missing in the audit log (%s)", error.code)
        self._missed += 1

    def note(
        self, action: str, outcome: str, *, tenant: str = "", who: str = "", subject: dict[str, str] | None = None,
        counts: dict[str, int | float] | None = None,
    ) -> None:  # fmt: skip
        try:
            self.log.note(self._event(action, outcome, tenant, who, subject or {}, counts or {}))
            if self._missed:
                self.log.note(AuditEvent("audit.missed", "lost", self.clock.now(), counts={"events": self._missed}))
                self._missed = 0
        except AssayError as error:
            self.missed(error)

    def record(
        self, action: str, outcome: str, *, tenant: str = "", who: str = "", subject: dict[str, str] | None = None,
        counts: dict[str, int | float] | None = None,
    ) -> None:  # fmt: skip
        try:
            self.log.write([self._event(action, outcome, tenant, who, subject or {}, counts or {})])
        except AssayError as error:
            self.missed(error)

    def hidden(self, tenant: str, text: str) -> str:
        return self.names.name(tenant, text) if text else ""

    def _event(
        self, action: str, outcome: str, tenant: str, who: str, subject: dict[str, str], counts: dict[str, int | float]
    ) -> AuditEvent:
        told = {name: text for name, text in subject.items() if text}
        actor = self.names.person(tenant, who) if who else ""
        return AuditEvent(action, outcome, self.clock.now(), tenant, actor, told, counts)


class Audited:
    """A System whose every answer is accounted for.

    The event stands in the log's queue before the end of the answer is given out. When the log cannot take it and
    account is required, the answer ends as failed with the log's code (`audit.disk`, `audit.behind`, `audit.cut_off`).
    """

    def __init__(self, system: System, auditor: Auditor, *, app: str, bundle_id: str) -> None:
        self._system, self._auditor = system, auditor
        self._app, self._bundle_id = app, bundle_id

    @property
    def recipe(self) -> str:
        return self._system.recipe

    async def answer(self, request: Request) -> AsyncIterator[ReplyEvent]:
        reply = Reply(Outcome.FAILED, reason="client.gone")
        events = self._system.answer(request)
        told = False
        try:
            async for event in events:
                reply = step(reply, event)
                if isinstance(event, Finished):
                    told = True
                    try:
                        self._note(request, reply)
                    except AssayError as error:
                        event = Finished(Outcome.FAILED, error.code, duration_ms=event.duration_ms)
                yield event
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()
            if not told:
                self._note(request, reply)

    def _note(self, request: Request, reply: Reply) -> None:
        try:
            self._tell(request, reply)
        except AssayError as error:
            self._auditor.missed(error)

    def _tell(self, request: Request, reply: Reply) -> None:
        tenant = request.scope.tenant
        hidden = self._auditor.hidden
        cited = sorted({citation.span.doc_id for citation in reply.citations})
        subject = {
            "app": self._app,
            "bundle": self._bundle_id,
            "request": request.request_id,
            "snapshot": reply.snapshot_id,
            "reason": reply.reason,
            "input_hmac": hidden(tenant, request.question),
            "output_hmac": hidden(tenant, reply.text),
            "cited_hmac": ",".join(hidden(tenant, doc_id)[:16] for doc_id in cited),
        }
        counts: Counter[str] = Counter()
        for stage in reply.stages:
            if stage.name == "guard":
                counts.update({name: n for name, n in stage.detail.items() if isinstance(n, int)})
        numbers: dict[str, int | float] = {
            "passages": len(reply.passages),
            "sentences": len(reply.sentences),
            "withheld": len(reply.withheld),
            "ms": round(reply.duration_ms, 1),
            **counts,
        }
        who = request.metadata.get(ACTOR, "")
        self._auditor.note("answer", reply.outcome.value, tenant=tenant, who=who, subject=subject, counts=numbers)
