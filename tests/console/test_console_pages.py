"""Every page is plain HTML that works without a script, shows only what the caller may see, and escapes the rest."""

from __future__ import annotations

import json
import re
from html import unescape
from itertools import pairwise

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.console.app import console
from assay.console.documents import pieces
from assay.console.operate import local_path
from assay.records.access import AccessList
from assay.records.bundles import Calibration
from assay.records.documents import Document, Page
from assay.serve.documents import Copy
from judged_runs import two_runs
from served import DEMO, EVIL, add_document, serving, world

PAGES = [
    "/",
    "/documents",
    "/documents/handbook%2Fleave.md",
    "/runs",
    "/compare?a=run-a&b=run-b",
    "/traces",
    "/releases",
]


async def get(client: aiohttp.ClientSession, path: str, **headers: str) -> tuple[int, str]:
    async with client.get(path, headers=headers, allow_redirects=False) as response:
        return response.status, await response.text()


async def ask(client: aiohttp.ClientSession, question: str, accept: str = "text/html") -> str:
    async with client.post("/ask", data={"question": question}, headers={"Accept": accept}) as response:
        return await response.text()


async def test_a_question_gets_its_answer_with_links_to_the_exact_evidence() -> None:
    async with serving(world(), console, **DEMO) as (client, _):
        page = await ask(client, "How many days of leave")
        links = [unescape(link) for link in re.findall(r'class="cite" href="([^"]+)"', page)]
        shown = [await get(client, link) for link in links]
    marks = [re.findall(r'<mark id="evidence">([^<]*)</mark>', text)[0] for _, text in shown]
    assert marks == ["Every employee has 25 days of leave.", "Unused days expire in March."]
    assert "Answered" in page
    assert "83\u00a0%" in page
    assert "1 sentence withheld" in page


async def test_not_knowing_is_said_on_the_page() -> None:
    async with serving(world(), console, **DEMO) as (client, _):
        page = await ask(client, "zebra")
    assert "I do not know" in page
    assert "Does not know" in page


async def test_the_page_streams_to_its_own_script_what_it_shows_without_it() -> None:
    async with serving(world(), console, **DEMO) as (client, _):
        lines = (await ask(client, "leave", "application/x-ndjson")).splitlines()
        whole = await ask(client, "leave")
    kinds = [json.loads(line)["kind"] for line in lines]
    assert kinds == ["sentence", "sentence", "summary"]
    for line in lines[:2]:
        assert json.loads(line)["html"].strip() in whole


async def test_markup_in_documents_and_questions_stays_text() -> None:
    async with serving(world(), console, **DEMO) as (client, _):
        page = await ask(client, "install <script>alert(1)</script>")
        _, copy = await get(client, "/documents/evil.md")
    for text in (page, copy):
        assert "<script>" not in text.replace('<script type="module"', "")
        assert "<img src=x" not in text
    assert EVIL.strip() in unescape(copy)


async def test_pages_carry_no_inline_script_or_style_and_nothing_from_elsewhere() -> None:
    place = world("A demo with a demo model")
    two_runs(place)
    async with serving(place, console, **DEMO) as (client, _):
        await ask(client, "leave")
        trace_id = place.stores.traces.list()[0].trace_id
        for path in [*PAGES, f"/traces/{trace_id}", "/login"]:
            status, page = await get(client, path)
            assert status == 200, path
            assert "A demo with a demo model" in page
            assert not re.search(r"<style|\sstyle=|<script(?! type=\"module\" src=\"/static/)|\son\w+=", page), path
            assert not re.search(r'(?:src|href)="https?:', page), path
            assert page.count("<h1") == 1, path
            assert page.count("<main") == 1, path


async def test_every_page_has_a_json_twin() -> None:
    place = world()
    two_runs(place)
    async with serving(place, console, **DEMO) as (client, _):
        for path in PAGES:
            status, body = await get(client, path, Accept="application/json")
            assert status == 200, path
            assert isinstance(json.loads(body), dict), path
        for path in (
            "/runs.json",
            "/traces.json",
            "/releases.json",
            "/documents.json",
            "/compare.json?a=run-a&b=run-b",
        ):
            assert isinstance(json.loads((await get(client, path))[1]), dict), path


async def test_a_comparison_shows_what_is_worse_and_hides_texts_of_other_scopes() -> None:
    place = world()
    two_runs(place)
    async with serving(place, console, **DEMO) as (client, _):
        _, page = await get(client, "/compare?a=run-a&b=run-b")
        _, report = await get(client, "/compare/report?a=run-a&b=run-b")
    assert "worse in answer_correct" in page
    assert "<svg" in page
    assert "Question &lt;em&gt;1&lt;/em&gt;?" in page
    for text in (page, report):
        assert "GLOBEX SECRET" not in text
        assert "<script>case" not in text
    assert "a scope that you do not have" in page


async def test_two_different_runs_are_needed_for_a_comparison() -> None:
    place = world()
    two_runs(place)
    async with serving(place, console, **DEMO) as (client, _):
        for path in ("/compare", "/compare?a=run-a&b=run-a"):
            status, page = await get(client, path)
            assert (status, "choose two different runs" in page.lower()) == (400, True)
        assert (await get(client, "/compare?a=run-a&b=nothing"))[0] == 404


async def test_the_document_list_and_copies_stay_inside_the_scope() -> None:
    async with serving(world(), console, **DEMO) as (client, _):
        _, listing = await get(client, "/documents")
        assert "handbook/leave.md" in listing
        assert "docs/handbook/leave.md" not in listing  # where it stands on the server's disk is nobody else's business
        assert "pay.md" not in listing
        assert "globex.md" not in listing
        for path in ("/documents/pay.md", "/documents/globex.md", "/documents/nothing"):
            assert (await get(client, path))[0] == 404


async def test_traces_and_releases_show_what_happened() -> None:
    place = world()
    place.promote("one")
    place.promote("<b>two</b>")
    async with serving(place, console, **DEMO) as (client, _):
        await ask(client, "leave")
        trace = place.stores.traces.list()[0]
        _, listing = await get(client, "/traces")
        _, page = await get(client, f"/traces/{trace.trace_id}")
        _, releases = await get(client, "/releases")
    assert trace.trace_id in listing
    assert "retrieve" in page
    assert "handbook%2Fleave.md" in page
    assert "unsupported" in page
    assert "&lt;b&gt;two&lt;/b&gt;" in releases


async def test_an_opinion_is_kept_with_the_trace() -> None:
    place = world()
    async with serving(place, console, **DEMO) as (client, _):
        page = await ask(client, "leave")
        trace_id = re.findall(r'name="trace_id" value="(\w+)"', page)[0]
        form = {"trace_id": trace_id, "rating": "down", "comment": "<i>old</i>"}
        async with client.post("/feedback", data=form) as response:
            assert "Thank you" in await response.text()
        _, trace = await get(client, f"/traces/{trace_id}")
    assert "&lt;i&gt;old&lt;/i&gt;" in trace


async def test_the_calibrated_promise_stands_on_the_home_page() -> None:
    place = world()
    place.stores.calibrations.put(
        Calibration("helpdesk", "smoke", "v", 0.4, 0.05, 0.95, 0.83, 0.03, 0.016, 0.054, 100, 120, "correct")
    )
    async with serving(place, console, **DEMO) as (client, _):
        _, page = await get(client, "/")
    assert re.search(r"83\s%</strong> of the questions at\s+<strong>3.0\s%</strong> error", page)


async def sign_in(client: aiohttp.ClientSession, key: str, back: str = "/") -> aiohttp.ClientResponse:
    async with client.post("/login", data={"key": key, "next": back}, allow_redirects=False) as response:
        await response.read()
        return response


def cookie_of(response: aiohttp.ClientResponse) -> dict[str, str]:
    return {"Cookie": f"assay_session={response.cookies['assay_session'].value}"}


async def test_without_a_session_pages_lead_to_the_sign_in_page_and_back() -> None:
    place = world()
    async with serving(place, console) as (client, _):
        async with client.get("/traces?before=x", allow_redirects=False) as response:
            assert response.status == 303
            assert response.headers["Location"] == "/login?next=%2Ftraces%3Fbefore%3Dx"
        assert (await get(client, "/traces.json"))[0] == 401
        refused = await sign_in(client, "ak_wrong")
        assert refused.status == 401
        entered = await sign_in(client, place.key(roles=("ask", "operate")), "/traces")
        assert (entered.status, entered.headers["Location"]) == (303, "/traces")
        kept = entered.headers["Set-Cookie"]
        assert "HttpOnly" in kept
        assert "SameSite=strict" in kept
        assert (await get(client, "/traces", **cookie_of(entered)))[0] == 200
        async with client.post("/logout", headers=cookie_of(entered), allow_redirects=False) as response:
            assert response.status == 303
        assert (await get(client, "/traces", **cookie_of(entered)))[0] == 303


async def test_a_key_that_may_only_ask_sees_no_operators_pages() -> None:
    place = world()
    async with serving(place, console) as (client, _):
        cookie = cookie_of(await sign_in(client, place.key()))
        _, home = await get(client, "/", **cookie)
        assert "/traces" not in home
        for path in ("/traces", "/runs", "/releases", "/compare?a=x&b=y"):
            assert (await get(client, path, **cookie))[0] == 403


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil.test"}]
)
async def test_forms_of_other_sites_are_refused(headers: dict[str, str]) -> None:
    place = world()
    async with serving(place, console, **DEMO) as (client, base):
        for path in ("/ask", "/feedback", "/login", "/logout", "/v1/chat/completions"):
            async with client.post(path, data={"question": "leave"}, headers=headers) as response:
                assert response.status == 403, path
        async with client.post("/ask", data={"question": "leave"}, headers={"Origin": base}) as response:
            assert response.status == 200
    assert len(place.reader.asked) == 1


@pytest.mark.parametrize("path", ["//evil.test", "/\\evil.test", "https://evil.test", "", "javascript:x", "/a\nb"])
def test_signing_in_never_leads_away(path: str) -> None:
    assert local_path(path) == "/"


def copy(text: str, pages: tuple[Page, ...] = ()) -> Copy:
    document = Document("d", "0" * 64, "T", "u", "text/plain", "en", "", AccessList(), len(text), pages=pages)
    return Copy(document, "0" * 64, text)


cuts = st.integers(0, 40)


@given(st.text(min_size=40, max_size=40), cuts, cuts, cuts, cuts, st.lists(st.integers(1, 39), max_size=3, unique=True))
def test_a_copy_is_shown_whole_and_only_the_span_is_marked(
    text: str, a: int, b: int, c: int, d: int, breaks: list[int]
) -> None:
    edges = [0, *sorted(breaks), 40]
    pages = tuple(Page(n, one, other) for n, (one, other) in enumerate(pairwise(edges), 1))
    (first, last), (start, end) = sorted((a, b)), sorted((c, d))
    shown = pieces(copy(text, pages), first, last, start, end)
    assert "".join(piece.text for piece in shown) == text[first:last]
    marked = "".join(piece.text for piece in shown if piece.cited)
    assert marked == text[max(first, start) : max(min(last, end), max(first, start))]


def test_pages_are_named_where_they_begin() -> None:
    pages = (Page(1, 0, 5), Page(2, 5, 10))
    shown = pieces(copy("aaaaabbbbb", pages), 0, 10, 4, 6)
    assert [(p.page, p.text, p.cited, p.new_page) for p in shown] == [
        (1, "aaaa", False, True),
        (1, "a", True, False),
        (2, "b", True, True),
        (2, "bbbb", False, False),
    ]


async def test_a_long_document_is_shown_piece_by_piece() -> None:
    place = world()
    text = "x" * 60_000 + "needle" + "y" * 60_000
    add_document(place.stores, "long.md", text, "Long", AccessList("acme"))
    async with serving(place, console, **DEMO) as (client, _):
        _, page = await get(client, "/documents/long.md?start=60000&end=60006")
    assert '<mark id="evidence">needle</mark>' in page
    assert len(page) < 60_000
    assert "Earlier text" in page
    assert "Later text" in page


async def test_an_empty_question_and_a_wrong_offset_are_explained() -> None:
    async with serving(world(), console, **DEMO) as (client, _):
        async with client.post("/ask", data={"question": " "}) as response:
            assert response.status == 400
            assert "The question is empty" in await response.text()
        status, page = await get(client, "/documents/handbook%2Fleave.md?start=-1")
        assert (status, "console.offset" in page) == (400, True)
