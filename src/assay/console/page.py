"""Every page: the same frame, a JSON twin, errors in words, and everything that came from outside escaped."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response

from assay.console.house import House
from assay.records.access import Caller
from assay.records.dialogue import Citation, Outcome
from assay.records.digest import plain
from assay.records.documents import public_source
from assay.records.errors import AssayError

if TYPE_CHECKING:
    import jinja2

COOKIE = "assay_session"
HTML = "text/html"
JSON = "application/json"

OUTCOMES = {
    Outcome.ANSWERED: ("✓", "Answered"),
    Outcome.ABSTAINED: ("?", "Does not know"),
    Outcome.REFUSED: ("⛔", "Stopped by a guard"),
    Outcome.FAILED: ("!", "Failed"),
}


def evidence_url(citation: Citation) -> str:
    """The page that shows the citation's document with exactly its span marked."""
    span = citation.span
    where = {"start": span.start, "end": span.end, "sha": span.text_sha256, "chunk": citation.chunk_id}
    return f"{document_url(span.doc_id)}?{urlencode(where)}#evidence"


def document_url(doc_id: str) -> str:
    return f"/documents/{quote(doc_id, safe='')}"


def percent(share: float, digits: int = 0) -> str:
    return f"{100 * share:.{digits}f}\u00a0%"


def moment(at: str) -> str:
    """An ISO moment to the second, for people."""
    return at[:19].replace("T", " ")


def wants_json(http: HttpRequest) -> bool:
    """The twin is asked for by `.json` at the end of the path, or by an Accept that names JSON and not HTML."""
    accept = http.headers.get("accept", "")
    return http.url.path.endswith(".json") or (JSON in accept and HTML not in accept)


@dataclass(frozen=True)
class Pages:
    """Renders pages for one server."""

    house: House

    @cached_property
    def _templates(self) -> jinja2.Environment:
        import jinja2

        templates = jinja2.Environment(
            loader=jinja2.PackageLoader("assay.console"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        templates.filters |= {"percent": percent, "moment": moment, "public": public_source}
        templates.globals |= {"evidence_url": evidence_url, "document_url": document_url, "outcomes": OUTCOMES}
        return templates

    def fragment(self, template: str, **values: Any) -> str:
        return self._templates.get_template(template).render(values)

    def show(
        self,
        http: HttpRequest,
        template: str,
        caller: Caller | None,
        values: Mapping[str, Any],
        twin: Mapping[str, Any] | None = None,
        status: int = 200,
    ) -> Response:
        """The page, or `twin` (else `values`) as JSON."""
        if wants_json(http):
            body = json.dumps(plain(values if twin is None else twin), ensure_ascii=False, allow_nan=False)
            return Response(body, status, media_type=JSON)
        frame = {
            "label": self.house.services.label,
            "path": http.url.path,
            "roles": caller.roles if caller else frozenset(),
            "tenant": caller.scope.tenant if caller else "",
            "groups": sorted(caller.scope.groups) if caller else [],
            "signed_in": COOKIE in http.cookies,
        }
        return Response(self.fragment(template, **frame, **values), status, media_type=HTML)

    def error(self, http: HttpRequest, error: AssayError) -> Response:
        """What went wrong and what to do. Callers without a credential are led to the sign-in page."""
        status = self.house.status_of(error)
        if status == 401 and not wants_json(http):
            back = http.url.path if http.method == "GET" else "/"
            if http.method == "GET" and http.url.query:
                back += f"?{http.url.query}"
            return RedirectResponse(f"/login?{urlencode({'next': back})}", 303)
        values = {"code": error.code, "what": error.what, "remedy": error.remedy}
        return self.show(http, "error.html", None, values, {"error": values}, status)


Handler = Callable[[HttpRequest], Awaitable[Response]]


def guarded(pages: Pages, handler: Handler) -> Handler:
    """`handler` with its errors shown as pages."""

    async def guarded_handler(http: HttpRequest) -> Response:
        try:
            return await handler(http)
        except AssayError as error:
            return pages.error(http, error)

    return guarded_handler
