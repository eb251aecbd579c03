"""The home page: a question, an answer whose every sentence leads to its source, and an opinion on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response, StreamingResponse

from assay.console.answer import ShownAnswer
from assay.console.page import Pages
from assay.records.access import Caller
from assay.records.dialogue import Request
from assay.records.digest import plain
from assay.records.errors import AssayError
from assay.wiring.workspace import Running

STREAMED = "application/x-ndjson"
KEPT_FOR_BACK = "private, no-cache"
"""Whoever follows a citation without JavaScript must find the answer again with the browser's Back."""


@dataclass(frozen=True)
class Ask:
    pages: Pages

    async def home(self, http: HttpRequest) -> Response:
        """`GET /`: the ask box."""
        caller = await self.pages.house.doorman.caller(http)
        return await self._page(http, caller, None)

    async def ask(self, http: HttpRequest) -> Response:
        """`POST /ask`: the page with its answer, or, for the page's own script, the answer piece by piece."""
        house = self.pages.house
        caller = await house.doorman.caller(http)
        form = await http.form(max_files=0, max_fields=8)
        request = house.question(str(form.get("question", "")), caller.scope, who=caller.key_id)
        running = await house.live.running(str(form.get("app", "")))
        shown = ShownAnswer(
            request.request_id, running.app, running.bundle_id, request.question, age_of=house.services.age_of
        )
        if STREAMED in http.headers.get("accept", ""):
            return StreamingResponse(self._pieces(running, request, shown, caller), media_type=STREAMED)
        async with aclosing(_events(self.pages, running, request)) as events:
            async for event in events:
                shown.add(event)
        page = await self._page(http, caller, shown)
        page.headers["Cache-Control"] = KEPT_FOR_BACK
        return page

    async def feedback(self, http: HttpRequest) -> Response:
        """`POST /feedback`: keep an opinion and say so."""
        house = self.pages.house
        caller = await house.doorman.caller(http)
        form = await http.form(max_files=0, max_fields=8)
        trace_id, rating, comment = (str(form.get(name, "")) for name in ("trace_id", "rating", "comment"))
        given = await house.rate(caller.scope, trace_id, rating, comment)
        return self.pages.show(http, "thanks.html", caller, {"rating": given.rating, "trace_id": given.trace_id})

    async def _page(self, http: HttpRequest, caller: Caller, shown: ShownAnswer | None) -> Response:
        services = self.pages.house.services
        app = shown.app if shown else services.default_app
        calibration = await asyncio.to_thread(services.stores.calibrations.get, app)
        values = {"apps": services.apps, "app": app, "answer": shown, "calibration": calibration}
        return self.pages.show(http, "ask.html", caller, values, _twin(shown) if shown else {"apps": services.apps})

    async def _pieces(
        self, running: Running, request: Request, shown: ShownAnswer, caller: Caller
    ) -> AsyncGenerator[bytes, None]:
        """One JSON object a line: `sentence` and `summary` with their HTML, ready to be put into the page."""
        try:
            async with aclosing(_events(self.pages, running, request)) as events:
                async for event in events:
                    sentence = shown.add(event)
                    if sentence is not None:
                        yield _line("sentence", self.pages.fragment("sentence.html", shown=sentence))
            yield _line("summary", self.pages.fragment("summary.html", answer=shown, roles=caller.roles))
        except AssayError as error:
            yield _line("error", self.pages.fragment("problem.html", what=error.what, remedy=error.remedy))


def _line(kind: str, html: str) -> bytes:
    return msgspec.json.encode({"kind": kind, "html": html}) + b"\n"


async def _events(pages: Pages, running: Running, request: Request) -> AsyncGenerator[Any, None]:
    """The answer's events; leaving early ends the answer."""
    events = pages.house.answer(running, request)
    try:
        async for event in events:
            yield event
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()


def _twin(shown: ShownAnswer) -> dict[str, Any]:
    finished = shown.finished
    return {
        "trace_id": shown.trace_id,
        "app": shown.app,
        "bundle_id": shown.bundle_id,
        "outcome": finished.outcome,
        "reason": finished.reason,
        "confidence": finished.confidence,
        "withheld": shown.withheld,
        "sentences": [plain(sentence.sentence) for sentence in shown.sentences],
        "conflicts": [plain(conflict) for conflict in shown.conflicts],
    }
