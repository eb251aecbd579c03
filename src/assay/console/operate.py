"""Pages for those who run the service: traces, releases, and the way in and out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response

from assay.console.page import COOKIE, Pages
from assay.records.errors import AccessDenied

LISTED = 50


@dataclass(frozen=True)
class Operate:
    pages: Pages

    async def traces(self, http: HttpRequest) -> Response:
        """`GET /traces?before=`: the tenant's newest answers."""
        caller = await self.pages.house.doorman.caller(http, "operate")
        before = http.query_params.get("before", "")
        found = [seen.trace for seen in await self.pages.house.traces(caller.scope, LISTED, before)]
        more = found[-1].at if len(found) == LISTED else ""
        return self.pages.show(http, "traces.html", caller, {"traces": found, "more": more, "before": before})

    async def trace(self, http: HttpRequest) -> Response:
        """`GET /traces/{id}`: one answer's stages as a waterfall."""
        house = self.pages.house
        caller = await house.doorman.caller(http, "operate")
        trace_id = http.path_params["trace_id"].removesuffix(".json")
        seen = await house.trace(caller.scope, trace_id)
        trace = seen.trace
        opinions = await house.opinions(caller.scope, seen)
        ids = [passage.chunk_id for passage in trace.passages]
        chunks = await asyncio.to_thread(house.services.stores.catalog.chunks, ids)
        whole_ms = max([trace.duration_ms, *(s.started_ms + s.duration_ms for s in trace.stages)], default=0.0)
        values = {
            "trace": trace,
            "feedback": opinions,
            "whole_ms": whole_ms or 1.0,
            "titles": {chunk_id: chunk.title for chunk_id, chunk in chunks.items()},
            "withheld": {"passages": seen.passages_withheld, "content": seen.content_withheld},
        }
        twin = {"trace": trace, "feedback": opinions, "withheld": values["withheld"]}
        return self.pages.show(http, "trace.html", caller, values, twin)

    async def releases(self, http: HttpRequest) -> Response:
        """`GET /releases`: what is live for every app, and every change of it."""
        house = self.pages.house
        caller = await house.doorman.caller(http, "operate")
        history = await asyncio.to_thread(self._history)
        states = house.live.states()
        return self.pages.show(http, "releases.html", caller, {"states": states, "history": history})

    def _history(self) -> dict[str, Any]:
        services = self.pages.house.services
        return {app: services.stores.releases.history(app) for app in services.apps}

    async def login(self, http: HttpRequest) -> Response:
        """`GET /login`: where a key is entered once."""
        return self._login_page(http, http.query_params.get("next", "/"), "")

    async def sign_in(self, http: HttpRequest) -> Response:
        """`POST /login`: a session for the holder of a valid key."""
        form = await http.form(max_files=0, max_fields=4)
        back = local_path(str(form.get("next", "/")))
        try:
            token = await self.pages.house.doorman.sign_in(str(form.get("key", "")))
        except AccessDenied:
            return self._login_page(http, back, "This key is not valid here, or it was revoked.", 401)
        response = RedirectResponse(back, 303)
        secure = http.url.scheme == "https"
        response.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure, path="/")
        return response

    async def sign_out(self, http: HttpRequest) -> Response:
        """`POST /logout`: end the session."""
        self.pages.house.doorman.sign_out(http.cookies.get(COOKIE, ""))
        response = RedirectResponse("/login", 303)
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return response

    def _login_page(self, http: HttpRequest, back: str, problem: str, status: int = 200) -> Response:
        values = {"next": local_path(back), "problem": problem}
        return self.pages.show(http, "login.html", None, values, status=status)


def local_path(path: str) -> str:
    """`path` when it stays on this server, else the home page: nobody is led away after signing in."""
    plain_path = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if plain_path else "/"
