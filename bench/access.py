"""Random probes of every way to read, judged by a naive oracle: leaks, and what may be read but was not returned.

A workspace of a few thousand documents in random tenants and groups is searched, fetched, cited and asked over HTTP as
random callers, before and after access lists change and documents go. The last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from assay.adapters.embedded_index.index import EmbeddedIndex
from assay.adapters.hashing_embedder import HashingEmbedder
from assay.cli.drill import mint, open_door
from assay.ingest.publishing import Publisher
from assay.ports.index import Index, IndexReader
from assay.ports.storage import SourceState
from assay.records.access import AccessList, Scope
from assay.records.documents import BlockKind, Chunk, Document
from assay.records.errors import NotFound
from assay.records.retrieval import Query
from assay.retrieve.backfill import embed_missing
from assay.retrieve.fuse import reciprocal_ranks
from assay.retrieve.retriever import HybridRetriever, RetrievePolicy
from assay.serve.documents import read_copy
from assay.serve.inprocess import InProcess
from assay.wiring import apps
from assay.wiring.build import Workspace, create_workspace, open_workspace

TENANTS = ("acme", "globex", "initech", "*")
GROUPS = tuple(f"group{number}" for number in range(24))
WORDS = tuple(f"word{number}" for number in range(400))
LIMIT = 10
CHANGED, REMOVED = 0.05, 0.02


@dataclass
class Path_:
    """One way to read: how often it was tried, and what came of it."""

    probes: int = 0
    leaks: int = 0
    under: int = 0
    spent_s: float = 0.0
    floor_s: float = 0.0
    floors: int = 0


@dataclass
class World:
    """What the oracle knows: words and access list of every document; None is a document that is gone."""

    words: list[frozenset[str]]
    access: list[AccessList | None]
    frozen: list[AccessList | None] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(11))

    def scope(self) -> Scope:
        tenant = self.chance.choice((*TENANTS[:3], TENANTS[0], "nowhere"))
        return Scope(tenant, frozenset(self.chance.sample(GROUPS, self.chance.choice((0, 1, 1, 2, 3, 8)))))

    def list(self) -> AccessList:
        groups = self.chance.sample(GROUPS, self.chance.choice((0, 1, 1, 2, 3)))
        return AccessList(self.chance.choice(TENANTS), tuple(groups))


def may_read(scope: Scope, access: AccessList | None) -> bool:
    """The oracle, written apart from the product's rule."""
    if access is None or (access.tenant != "*" and access.tenant != scope.tenant):
        return False
    return len(access.groups) == 0 or any(group in scope.groups for group in access.groups)


def document(number: int, words: Sequence[str], access: AccessList) -> tuple[Document, Chunk, str]:
    from assay.records.digest import sha256_bytes

    text = f"{' '.join(words)}. This is card number {number}."
    sha = sha256_bytes(text.encode())
    doc_id = f"bench/d{number}.md"
    made = Document(
        doc_id,
        sha,
        f"Card {number}",
        f"bench://d{number}",
        "text/plain",
        "en",
        "2026-01-01T00:00:00Z",
        access,
        len(text),
    )
    chunk = Chunk(f"{doc_id}#0", doc_id, sha, 0, 0, len(text), text, made.title, (), BlockKind.PARAGRAPH, "en", access)
    return made, chunk, text


def fill(place: Workspace, world: World, index: Index, *, everybody: bool = False) -> None:
    """All documents into catalog and index; `everybody` builds the index of the floor, without any restriction."""
    made = [
        document(n, sorted(words), access or AccessList())
        for n, (words, access) in enumerate(zip(world.words, world.access, strict=True))
    ]
    if everybody:
        index.add([replace(chunk, access=AccessList()) for _, chunk, _ in made])
        index.commit()
        return
    puts = []
    for record, chunk, text in made:
        place.stores.blobs.put(text.encode())
        state = SourceState(
            record.source_uri, "bench", record.chars, 0, record.text_sha256, "bench.v1", (record.doc_id,)
        )
        puts.append((state, [(record, (chunk,))]))
    for start in range(0, len(puts), 200):
        place.stores.catalog.put_sources(puts[start : start + 200])
    Publisher(place.stores.catalog, index, place.clock).publish()


@dataclass
class Bench:
    place: Workspace
    world: World
    floor: IndexReader
    embedder: HashingEmbedder
    paths: dict[str, Path_] = field(default_factory=dict)
    holding: dict[str, set[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.holding = {word: {n for n, mine in enumerate(self.world.words) if word in mine} for word in WORDS}

    def path(self, name: str) -> Path_:
        return self.paths.setdefault(name, Path_())

    @contextmanager
    def timed(self, name: str, *, floor: bool = False) -> Iterator[None]:
        began = time.perf_counter()
        yield
        took = time.perf_counter() - began
        if floor:
            self.path(name).floor_s += took
            self.path(name).floors += 1
        else:
            self.path(name).spent_s += took
            self.path(name).probes += 1

    def matching(self, scope: Scope, words: frozenset[str], *states: Sequence[AccessList | None]) -> int:
        """Chunks that hold one of the words (of none: all) and that the oracle allows in all states; at most LIMIT."""
        near = sorted(set().union(*(self.holding[word] for word in words))) if words else range(len(self.world.words))
        right = (number for number in near if all(may_read(scope, state[number]) for state in states))
        return len(list(islice(right, LIMIT)))

    def judge(
        self, name: str, scope: Scope, hits: Sequence[str], expected: int, *states: Sequence[AccessList | None]
    ) -> None:
        """A hit that some state forbids is a leak; fewer than the oracle expects are an under-return."""
        found = [number_of(chunk_id) for chunk_id in hits]
        self.path(name).leaks += sum(not all(may_read(scope, state[n]) for state in states) for n in found)
        self.path(name).under += max(0, expected - len(found))


def number_of(chunk_id: str) -> int:
    return int(chunk_id.removeprefix("bench/d").partition(".")[0])


def engine_probes(bench: Bench, reader: IndexReader, probes: int, state: Sequence[AccessList | None]) -> None:
    """The engine's own filters, by words and by vectors."""
    for number in range(probes):
        scope, words = bench.world.scope(), frozenset(bench.world.chance.sample(WORDS, 2))
        text, vector = " ".join(words), bench.embedder.embed([" ".join(words)])[0]
        with bench.timed("engine.lexical"):
            hits = reader.lexical(text, scope, LIMIT)
        bench.judge("engine.lexical", scope, [h.chunk_id for h in hits], bench.matching(scope, words, state), state)
        with bench.timed("engine.dense"):
            hits = reader.dense(vector, scope, LIMIT)
        bench.judge("engine.dense", scope, [h.chunk_id for h in hits], bench.matching(scope, frozenset(), state), state)
        if number % 20 == 0:
            with bench.timed("engine.lexical", floor=True):
                bench.floor.lexical(text, Scope(), LIMIT)
            with bench.timed("engine.dense", floor=True):
                bench.floor.dense(vector, Scope(), LIMIT)


def search_probes(bench: Bench, reader: IndexReader, probes: int, *states: Sequence[AccessList | None]) -> None:
    """The whole retriever: what was allowed when the state was made and is allowed today."""
    policy, catalog = RetrievePolicy(), bench.place.stores.catalog
    retriever = HybridRetriever(reader, catalog, bench.embedder, policy, bench.place.clock)
    for number in range(probes):
        scope, words = bench.world.scope(), frozenset(bench.world.chance.sample(WORDS, 2))
        mode = ("lexical", "dense", "hybrid")[number % 3]
        query = Query(" ".join(words), scope, LIMIT, mode)
        with bench.timed(f"search.{mode}"):
            found = retriever.retrieve(query).ranked
        expected = bench.matching(scope, words if mode == "lexical" else frozenset(), *states)
        bench.judge(f"search.{mode}", scope, [one.chunk.chunk_id for one in found], expected, *states)
        if number % 20 < 3:
            with bench.timed(f"search.{mode}", floor=True):
                unfiltered(bench, query, policy)


def unfiltered(bench: Bench, query: Query, policy: RetrievePolicy) -> None:
    """The same search without scope and check: both engines over an open index, fused, and the chunks looked up."""
    rankings = {}
    if query.mode != "dense":
        rankings["lexical"] = bench.floor.lexical(query.text, Scope(), policy.candidates)
    if query.mode != "lexical":
        vector = bench.embedder.embed([query.text])[0]
        rankings["dense"] = bench.floor.dense(vector, Scope(), policy.candidates)
    fused = reciprocal_ranks(rankings, policy.rrf_k)
    bench.place.stores.catalog.chunks([hit.chunk_id for hit in fused[: query.limit]])


def catalog_probes(bench: Bench, probes: int) -> None:
    """The catalog's check, a document's text, and a citation's version of it."""
    stores, total = bench.place.stores, len(bench.world.words)
    for number in range(probes):
        scope, which = bench.world.scope(), bench.world.chance.randrange(total)
        doc_id, access = f"bench/d{which}.md", bench.world.access[which]
        some = bench.world.chance.sample(range(total), 10)
        with bench.timed("catalog.visible"):
            seen = stores.catalog.visible([f"bench/d{n}.md#0" for n in some], scope)
        right = {n for n in some if may_read(scope, bench.world.access[n])}
        found = {number_of(chunk_id) for chunk_id in seen}
        bench.path("catalog.visible").leaks += len(found - right)
        bench.path("catalog.visible").under += len(right - found)
        for name, more in (("document", ()), ("citation", (f"{doc_id}#0",))):
            sha = document(which, sorted(bench.world.words[which]), AccessList())[0].text_sha256 if more else ""
            with bench.timed(name):
                try:
                    got = bool(read_copy(stores, scope, doc_id, sha, *more).text)
                except NotFound:
                    got = False
            bench.path(name).leaks += got and not may_read(scope, access)
            bench.path(name).under += may_read(scope, access) and not got
            if number % 20 == 0 and access is not None:
                with bench.timed(name, floor=True):
                    stores.blobs.get(stores.catalog.document(doc_id).text_sha256)


async def http_probes(bench: Bench, probes: int) -> None:
    """The server: search and document text, with real keys."""
    callers = []
    for _ in range(40):
        scope = bench.world.scope()
        plaintext, key = mint(scope.tenant, tuple(scope.groups))
        bench.place.stores.keys.put(key)
        callers.append((scope, {"authorization": f"Bearer {plaintext}"}))
    async with open_door(apps.services(bench.place)) as door:
        assert isinstance(door, InProcess)
        for number in range(probes):
            scope, head = bench.world.chance.choice(callers)
            which = bench.world.chance.randrange(len(bench.world.words))
            with bench.timed("http.document"):
                got = await door.call("GET", f"/v1/documents/{quote(f'bench/d{which}.md', safe='')}/text", head)
            allowed = may_read(scope, bench.world.access[which])
            bench.path("http.document").leaks += got.status == 200 and not allowed
            bench.path("http.document").under += allowed and got.status != 200
            if number % 2:
                await http_search(bench, door, scope, head)


async def http_search(bench: Bench, door: InProcess, scope: Scope, head: dict[str, str]) -> None:
    words = frozenset(bench.world.chance.sample(WORDS, 2))
    body = json.dumps({"query": " ".join(words), "limit": LIMIT, "mode": "lexical"}).encode()
    with bench.timed("http.search"):
        answered = await door.call("POST", "/v1/search", {**head, "content-type": "application/json"}, body)
    hits = [hit["chunk_id"] for hit in json.loads(answered.text)["data"]]
    expected = bench.matching(scope, words, bench.world.access)
    bench.judge("http.search", scope, hits, expected, bench.world.access)


def change(bench: Bench) -> None:
    """Other lists for some documents, and some are gone: in the catalog only."""
    world, catalog = bench.world, bench.place.stores.catalog
    world.frozen = list(world.access)
    total = len(world.words)
    changed = {n: world.list() for n in world.chance.sample(range(total), int(CHANGED * total))}
    catalog.set_access({f"bench/d{n}.md": access for n, access in changed.items()})
    for number, access in changed.items():
        world.access[number] = access
    for number in world.chance.sample(range(total), int(REMOVED * total)):
        catalog.remove_source(f"bench://d{number}")
        world.access[number] = None


def told(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run(place: Workspace, folder: Path, documents: int, probes: int) -> Bench:
    world = World([], [])
    world.words = [frozenset(world.chance.sample(WORDS, 12)) for _ in range(documents)]
    world.access = [world.list() for _ in range(documents)]
    embedder = HashingEmbedder(64)
    open_index = EmbeddedIndex(folder / "floor")
    fill(place, world, open_index, everybody=True)
    with place.writing("bench") as index:
        fill(place, world, index)
        embed_missing(index, place.stores.catalog, embedder)
        embed_missing(open_index, place.stores.catalog, embedder)
        bench = Bench(place, world, open_index.head(), embedder)
        told(f"{documents:,} documents; probing the head")
        snapshot = index.open(index.freeze().snapshot_id)
        engine_probes(bench, index.head(), probes * 26 // 100, world.access)
        search_probes(bench, index.head(), probes * 5 // 100, world.access)
        catalog_probes(bench, probes * 5 // 100)
        change(bench)
        told("lists changed and documents removed; the snapshot stands as it was")
        search_probes(bench, snapshot, probes * 6 // 100, world.frozen, world.access)
        catalog_probes(bench, probes * 4 // 100)
        Publisher(place.stores.catalog, index, place.clock).publish()
        embed_missing(index, place.stores.catalog, embedder)
        told("published; probing the new head and the server")
        engine_probes(bench, index.head(), probes * 4 // 100, world.access)
        search_probes(bench, index.head(), probes * 2 // 100, world.access)
        engine_probes(bench, snapshot, probes * 2 // 100, world.frozen)
    asyncio.run(http_probes(bench, max(200, probes * 2 // 100)))
    open_index.close()
    return bench


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=3_000)
    parser.add_argument("--probes", type=int, default=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        place = open_workspace(create_workspace(folder / "lab"), ["index.embedder=none"])
        bench = run(place, folder, given.documents, given.probes)
        place.close()
    print(f"{'path':18}{'probes':>9}{'leaks':>7}{'missed':>8}{'per s':>9}{'floor per s':>13}{'of floor':>10}")
    for label, path in bench.paths.items():
        rate = path.probes / path.spent_s
        floor = path.floors / path.floor_s if path.floors else 0.0
        shown = f"{floor:13,.0f}{rate / floor:10.2f}" if floor else f"{'–':>13}{'–':>10}"
        print(f"{label:18}{path.probes:9,}{path.leaks:7}{path.under:8}{rate:9,.0f}{shown}")
    probes = sum(path.probes for path in bench.paths.values())
    leaks, under = (sum(getattr(path, name) for path in bench.paths.values()) for name in ("leaks", "under"))
    bound = 3.0 / probes
    print(f"the floor is the same without access lists; {leaks} leaks in {probes:,} probes: below {bound:.5%} at 95 %")
    print(json.dumps({"probes": probes, "leaks": leaks, "under_returns": under}))


if __name__ == "__main__":
    main()
