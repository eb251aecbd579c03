"""What every endpoint and page is handed: the services, what is live, who is asking, and the ways to ask."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from math import inf
from time import monotonic

from assay.govern.audited import ACTOR
from assay.records.access import Scope
from assay.records.dialogue import ReplyEvent, Request, Turn
from assay.records.errors import AssayError, InputError, NotFound
from assay.records.operations import Feedback, Trace
from assay.serve.documents import Copy, read_copy
from assay.serve.doorman import Doorman
from assay.serve.failures import status_of
from assay.serve.live import Live
from assay.serve.options import ServeOptions
from assay.serve.traces import ShownTrace, asked_inside, opinions, shown
from assay.wiring.workspace import Running, Services

MOST_COMMENT_CHARS = 2_000
TRACE_WAIT_S = 3.0
BEGUN_KEPT = 1_000


@dataclass(frozen=True)
class House:
    """Made once per server. Everything that reads on behalf of a caller takes the caller's scope."""

    services: Services
    options: ServeOptions
    live: Live
    doorman: Doorman
    _begun: dict[str, tuple[str, float]] = field(default_factory=dict, init=False, repr=False)
    """The newest requests' tenants and when they began, by id."""

    @staticmethod
    def open(services: Services, options: ServeOptions) -> House:
        live = Live(services, options.poll_s)
        doorman = Doorman(services.stores.keys, services.clock, options, services.auditor)
        return House(services, options, live, doorman)

    def question(self, text: str, scope: Scope, history: Sequence[Turn] = (), who: str = "") -> Request:
        """A request under a fresh id, which is also its trace's. Raises InputError for an empty or endless question."""
        if not text.strip():
            raise InputError("serve.empty_question", "the question is empty")
        if len(text) > self.options.max_question_chars:
            limit = self.options.max_question_chars
            raise InputError("serve.question_too_long", f"the question is longer than {limit:,} characters")
        metadata = {ACTOR: who} if who else {}
        request = Request(secrets.token_hex(16), text, scope, tuple(history), metadata)
        self._begun[request.request_id] = (scope.tenant, monotonic())
        while len(self._begun) > BEGUN_KEPT:
            self._begun.pop(next(iter(self._begun)))
        return request

    def answer(self, running: Running, request: Request) -> AsyncIterator[ReplyEvent]:
        return running.system.answer(request)

    def copy(self, scope: Scope, doc_id: str, text_sha256: str = "", chunk_id: str = "") -> Copy:
        """See `documents.read_copy`."""
        return read_copy(self.services.stores, scope, doc_id, text_sha256, chunk_id)

    async def traces(self, scope: Scope, limit: int, before: str = "") -> list[ShownTrace]:
        """The tenant's newest traces, without what the caller may not see."""
        stores = self.services.stores
        found = await asyncio.to_thread(stores.traces.list, scope.tenant, limit, before)
        return await asyncio.to_thread(shown, stores.catalog, scope, found)

    async def trace(self, scope: Scope, trace_id: str) -> ShownTrace:
        """The trace with exactly this id, without what the caller may not see. Raises NotFound for another tenant's."""
        trace = await self._own_trace(scope, trace_id)
        (seen,) = await asyncio.to_thread(shown, self.services.stores.catalog, scope, [trace])
        return seen

    async def opinions(self, scope: Scope, seen: ShownTrace) -> tuple[Feedback, ...]:
        """The feedback on a trace of the caller's tenant."""
        given = await asyncio.to_thread(self.services.stores.traces.feedback, seen.trace.trace_id)
        return opinions(scope, seen, given)

    async def _own_trace(self, scope: Scope, trace_id: str) -> Trace:
        """The trace with exactly this id, when it is the tenant's own; the same NotFound otherwise.

        Traces are written behind the answer, so one that was begun here moments ago is waited for.
        """
        tenant, begun = self._begun.get(trace_id, ("", 0.0))
        deadline = begun + TRACE_WAIT_S if tenant == scope.tenant else -inf
        while True:
            try:
                return await asyncio.to_thread(self._kept_trace, scope, trace_id)
            except NotFound:
                if monotonic() > deadline:
                    raise
            await asyncio.sleep(0.05)

    def _kept_trace(self, scope: Scope, trace_id: str) -> Trace:
        try:
            trace = self.services.stores.traces.get(trace_id)
        except NotFound:
            raise _no_trace() from None
        if trace.tenant != scope.tenant or trace.trace_id != trace_id:
            raise _no_trace()
        return trace

    async def rate(self, scope: Scope, trace_id: str, rating: str, comment: str = "") -> Feedback:
        """Keep an opinion. Raises NotFound for a trace of another tenant, or of somebody who may see more than the
        caller; InputError for a comment without end."""
        if rating not in ("up", "down"):
            raise InputError("serve.rating", "a rating is up or down", where="$.rating")
        if len(comment) > MOST_COMMENT_CHARS:
            raise InputError("serve.comment_too_long", f"a comment has at most {MOST_COMMENT_CHARS:,} characters")
        trace = await self._own_trace(scope, trace_id)
        if not asked_inside(scope, trace):
            raise _no_trace()
        now = self.services.clock.now()
        given = Feedback(secrets.token_hex(8), trace.trace_id, scope.tenant, rating, comment, now)
        await asyncio.to_thread(self.services.stores.traces.add_feedback, given)
        return given

    def status_of(self, error: AssayError) -> int:
        """The HTTP status that fits an error."""
        return status_of(error)


def _no_trace() -> NotFound:
    return NotFound("serve.no_trace", "there is no such trace here")
