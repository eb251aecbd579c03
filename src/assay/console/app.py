"""The console: server-rendered pages that work without JavaScript, each with a JSON twin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from assay.console.ask import Ask
from assay.console.documents import Documents
from assay.console.house import House
from assay.console.judged import Judged
from assay.console.operate import Operate
from assay.console.page import Handler, Pages, guarded

STATIC = Path(__file__).parent / "static"


def console(house: House) -> Sequence[BaseRoute]:
    """The pages' routes, for `serve.app.create_app`."""
    pages = Pages(house)
    ask, documents, operate, judged = Ask(pages), Documents(pages), Operate(pages), Judged(pages)

    def get(path: str, handler: Handler) -> Route:
        return Route(path, guarded(pages, handler))

    def post(path: str, handler: Handler) -> Route:
        return Route(path, guarded(pages, handler), methods=["POST"])

    return [
        get("/", ask.home),
        post("/ask", ask.ask),
        post("/feedback", ask.feedback),
        get("/documents", documents.listing),
        get("/documents.json", documents.listing),
        get("/documents/{doc_id:path}", documents.document),
        get("/runs", judged.runs),
        get("/runs.json", judged.runs),
        get("/compare", judged.compare),
        get("/compare.json", judged.compare),
        get("/compare/report", judged.report),
        get("/traces", operate.traces),
        get("/traces.json", operate.traces),
        get("/traces/{trace_id}", operate.trace),
        get("/releases", operate.releases),
        get("/releases.json", operate.releases),
        get("/login", operate.login),
        post("/login", operate.sign_in),
        post("/logout", operate.sign_out),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
