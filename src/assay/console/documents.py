"""Documents as they were read: the list of what the caller may see, and one copy with the cited span marked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import islice, pairwise

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from assay.console.house import Copy
from assay.console.page import Pages
from assay.records.access import Scope
from assay.records.documents import Document
from assay.records.errors import InputError

BEFORE = 4_000
WINDOW = 24_000
LISTED = 100


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text that stands on one page (0: no pages) and is cited, or not."""

    page: int
    text: str
    cited: bool
    new_page: bool


@dataclass(frozen=True)
class Documents:
    pages: Pages

    async def listing(self, http: HttpRequest) -> Response:
        """`GET /documents?after=`: what the caller may see, by identity."""
        caller = await self.pages.house.doorman.caller(http)
        after = http.query_params.get("after", "")
        found = await asyncio.to_thread(self._visible, caller.scope, after)
        shown, more = found[:LISTED], found[LISTED - 1].doc_id if len(found) > LISTED else ""
        values = {"documents": shown, "more": more, "after": after}
        return self.pages.show(http, "documents.html", caller, values)

    def _visible(self, scope: Scope, after: str) -> list[Document]:
        documents = self.pages.house.services.stores.catalog.documents()
        visible = (d for d in documents if d.doc_id > after and scope.allows(d.access))
        return list(islice(visible, LISTED + 1))

    async def document(self, http: HttpRequest) -> Response:
        """`GET /documents/{doc_id}?start=&end=&sha=&chunk=&from=`: the copy around the span, which is marked."""
        house = self.pages.house
        caller = await house.doorman.caller(http)
        params = http.query_params
        copy = await asyncio.to_thread(
            house.copy, caller.scope, http.path_params["doc_id"], params.get("sha", ""), params.get("chunk", "")
        )
        chars = len(copy.text)
        start = _offset(params.get("start", "0"), chars)
        end = max(start, _offset(params.get("end", "0"), chars))
        first = _offset(params.get("from", str(max(0, start - BEFORE))), chars)
        last = min(chars, max(first + WINDOW, end))
        fixed = {"start": start, "end": end, "sha": copy.text_sha256, "chunk": params.get("chunk", "")}
        values = {
            "document": copy.document,
            "current": copy.current,
            "text_sha256": copy.text_sha256,
            "pieces": pieces(copy, first, last, start, end),
            "cited": copy.text[start:end],
            "fixed": fixed,
            "first": first,
            "last": last,
            "chars": chars,
            "earlier": max(0, first - WINDOW) if first else None,
            "later": last if last < chars else None,
        }
        template = "copy.html" if "fragment" in params else "document.html"
        return self.pages.show(http, template, caller, values)


def pieces(copy: Copy, first: int, last: int, start: int, end: int) -> list[Piece]:
    """Characters `first` to `last`, cut where a page begins and where the cited span `start` to `end` does."""
    pages = copy.document.pages if copy.current else ()
    edges = {first, last, *(edge for edge in (start, end) if first < edge < last)}
    edges |= {page.start for page in pages if first < page.start < last}
    ordered = sorted(edges)
    found: list[Piece] = []
    for a, b in pairwise(ordered):
        number = next((page.number for page in reversed(pages) if page.start <= a), 0)
        new_page = bool(number) and (not found or found[-1].page != number)
        found.append(Piece(number, copy.text[a:b], start <= a and b <= end, new_page))
    return found


def _offset(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InputError("console.offset", "start, end and from are whole numbers")
    return min(int(text), most)
