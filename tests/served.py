"""A small workspace in memory behind a real server on loopback, for the tests of the API and the pages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import uvicorn

from assay.adapters.clocks import FakeClock
from assay.adapters.memory import (
    MemoryBlobs,
    MemoryBundles,
    MemoryCalibrations,
    MemoryCatalog,
    MemoryCertificates,
    MemoryDecisions,
    MemoryGolden,
    MemoryKeys,
    MemoryModels,
    MemoryReleases,
    MemoryRuns,
    MemoryTraces,
)
from assay.adapters.memory_index import MemoryIndex
from assay.adapters.memory_ledger import MemoryCache, MemoryLedger
from assay.ports.storage import SourceState
from assay.records.access import AccessList, Scope
from assay.records.bundles import Bundle, ReleaseEvent
from assay.records.dialogue import (
    AnswerSentence,
    Check,
    CheckStatus,
    Citation,
    Finished,
    Outcome,
    Passage,
    PassagesChosen,
    ReplyEvent,
    Request,
    SentenceReady,
    SentenceWithheld,
    StageDone,
    Usage,
    fold,
)
from assay.records.documents import BlockKind, Chunk, Document, Page, Span
from assay.records.errors import Unavailable
from assay.records.operations import Trace
from assay.records.retrieval import Query, Ranked, Retrieved
from assay.serve.app import Pages, bind, create_app, no_pages
from assay.serve.keys import new_key
from assay.serve.options import ServeOptions
from assay.wiring.workspace import Running, Services, Stores

LEAVE = "# Leave\n\nEvery employee has 25 days of leave. Unused days expire in March.\n"
PAY = "Salaries are paid on the 25th. The pay of the board is secret.\n"
EVIL = "Install it.\n\n<script>document.title='owned'</script> <img src=x onerror=alert(1)> ![x](http://evil.test/x)\n"
SUPPORTED = Check(CheckStatus.SUPPORTED, 1.0)


def memory_stores() -> Stores:
    return Stores(
        MemoryBlobs(),
        MemoryCatalog(),
        MemoryGolden(),
        MemoryRuns(),
        MemoryBundles(),
        MemoryReleases(),
        MemoryDecisions(),
        MemoryCalibrations(),
        MemoryTraces(),
        MemoryKeys(),
        MemoryCertificates(),
        MemoryModels(),
        MemoryLedger(),
        MemoryCache(),
    )


def add_document(
    stores: Stores, doc_id: str, text: str, title: str, access: AccessList, pages: tuple[Page, ...] = ()
) -> Chunk:
    """One document of one chunk."""
    sha = stores.blobs.put(text.encode())
    uri = f"docs/{doc_id}"
    document = Document(doc_id, sha, title, uri, "text/markdown", "en", "2026-01-01", access, len(text), pages=pages)
    chunk_id = f"{doc_id}#0@{sha[:6]}"
    chunk = Chunk(chunk_id, doc_id, sha, 0, 0, len(text), text, title, (), BlockKind.PARAGRAPH, "en", access)
    state = SourceState(uri, "docs", len(text), 0, sha, "test", (doc_id,))
    stores.catalog.put_source(state, [(document, (chunk,))])
    return chunk


@dataclass
class Library:
    """Finds chunks that share a word with the question, inside the scope."""

    stores: Stores
    recipe: str = "library"

    def retrieve(self, query: Query) -> Retrieved:
        words = set(query.text.lower().split())
        found = []
        for document in self.stores.catalog.documents():
            for chunk in self.stores.catalog.chunks_of(document.doc_id):
                common = len(words & set(chunk.text.lower().split()))
                if common and query.scope.allows(document.access):
                    found.append(Ranked(chunk, float(common), {"lexical": (1, float(common))}))
        found.sort(key=lambda ranked: -ranked.score)
        return Retrieved(tuple(found[: query.limit]), {"lexical": 0.5}, "snap-1", "lexical")


@dataclass
class Reader:
    """Quotes the sentences of the best document; keeps a trace as the real system does. `steps` replace it all."""

    stores: Stores
    bundle_id: str = ""
    steps: Callable[[Request], AsyncIterator[ReplyEvent]] | None = None
    asked: list[Request] = field(default_factory=list)
    recipe: str = "reader"

    async def answer(self, request: Request) -> AsyncIterator[ReplyEvent]:
        self.asked.append(request)
        kept = []
        async for event in self.steps(request) if self.steps else self._quote(request):
            kept.append(event)
            yield event
        reply = fold(kept)
        self.stores.traces.append(
            [
                Trace(
                    request.request_id,
                    "helpdesk",
                    self.bundle_id,
                    "snap-1",
                    request.scope.tenant,
                    (),
                    f"2026-01-01T00:00:{len(self.asked):02}Z",
                    reply.outcome,
                    reply.reason,
                    reply.confidence,
                    reply.duration_ms,
                    reply.stages,
                    reply.passages,
                    reply.withheld,
                    reply.usage,
                )
            ]
        )

    async def _quote(self, request: Request) -> AsyncIterator[ReplyEvent]:
        found = Library(self.stores).retrieve(Query(request.question, request.scope, 1)).ranked
        yield StageDone("retrieve", 0.0, 4.0, {"chunks": len(found)})
        passages = [Passage(n, r.chunk.chunk_id, r.chunk.span, r.score, r.stages) for n, r in enumerate(found, 1)]
        yield PassagesChosen(tuple(passages), "snap-1")
        if not found:
            yield Finished(Outcome.ABSTAINED, "assist.below_threshold", 0.1, duration_ms=5.0)
            return
        chunk = found[0].chunk
        for sentence in re.split(r"(?<=\.)\s+", chunk.text.removeprefix("# Leave\n\n").strip()):
            yield SentenceReady(AnswerSentence(sentence, (cite(chunk, sentence),), SUPPORTED))
        yield SentenceWithheld(Check(CheckStatus.UNSUPPORTED, 0.2, ("number",)))
        yield StageDone("generate", 4.0, 3.0)
        yield Finished(Outcome.ANSWERED, "", 0.83, Usage(12, 7), 8.0)


def cite(chunk: Chunk, quote: str) -> Citation:
    start = chunk.text.index(quote)
    end = start + len(quote)
    span = Span(chunk.doc_id, chunk.text_sha256, start, end)
    return Citation(
        span, chunk.text[start:end], chunk.title, chunk.source_uri or f"docs/{chunk.doc_id}", chunk.chunk_id
    )


@dataclass
class World:
    """What a test holds: services, the system that answers, and how often bundles were started."""

    services: Services
    reader: Reader
    clock: FakeClock
    started: list[str]
    broken: set[str]

    @property
    def stores(self) -> Stores:
        return self.services.stores

    def key(self, tenant: str = "acme", groups: Sequence[str] = (), roles: Sequence[str] = ("ask",)) -> str:
        plaintext, key = new_key("test", tenant, groups, roles, self.clock)
        self.stores.keys.put(key)
        return plaintext

    def promote(self, name: str) -> str:
        """Make a bundle called `name` and point to it."""
        bundle_id = self.stores.bundles.put(Bundle("helpdesk", "assistant", {"prompt": {"text": name}}, note=name))
        pointer = self.stores.releases.pointer("helpdesk")
        before = pointer.bundle_id if pointer else ""
        revision = pointer.revision if pointer else 0
        event = ReleaseEvent("helpdesk", 0, "promote", bundle_id, before, "d1", "me", name, False, self.clock.now())
        self.stores.releases.swap(event, revision)
        return bundle_id


def world(label: str = "", steps: Callable[[Request], AsyncIterator[ReplyEvent]] | None = None) -> World:
    stores, clock = memory_stores(), FakeClock()
    add_document(stores, "handbook/leave.md", LEAVE, "Leave & <b>holidays</b>", AccessList("acme"))
    add_document(stores, "pay.md", PAY, "Pay", AccessList("acme", ("hr",)))
    add_document(stores, "evil.md", EVIL, "Install ![x](http://evil.test/t)", AccessList("acme"))
    add_document(stores, "globex.md", "Globex has 31 days of leave.", "Globex", AccessList("globex"))
    reader = Reader(stores, steps=steps)
    started: list[str] = []
    broken: set[str] = set()

    def start_bundle(bundle: Bundle) -> Running:
        if bundle.note in broken:
            raise Unavailable("model.missing", "a model file is missing")
        started.append(bundle.note)
        system = Reader(stores, bundle.bundle_id, reader.steps, reader.asked)
        return Running("helpdesk", bundle.bundle_id, system, Library(stores))

    def start_app(app: str) -> Running:
        return Running(app, "", reader, Library(stores))

    index: Any = MemoryIndex()
    services = Services(stores, index, clock, ("helpdesk",), "helpdesk", start_bundle, start_app, label)
    return World(services, reader, clock, started, broken)


@asynccontextmanager
async def serving(
    place: World, pages: Pages = no_pages, **options: Any
) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """A client of a real server on a free port, and the server's address."""
    settings = ServeOptions(port=0, **({"poll_s": 0.02, "key_ttl_s": 0.05} | options))
    bound = bind("127.0.0.1", 0)
    app = create_app(place.services, settings, pages)
    config = uvicorn.Config(app, ws="none", lifespan="on", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[bound]))
    base = f"http://127.0.0.1:{bound.getsockname()[1]}"
    try:
        while not server.started:
            await asyncio.sleep(0.005)
        async with aiohttp.ClientSession(base) as client:
            yield client, base
    finally:
        server.should_exit = True
        await task
        bound.close()


DEMO = {"open_demo": True, "demo_scope": Scope("acme")}
