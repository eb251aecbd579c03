"""On random graphs of tenants and groups, whatever searches returns exactly what a naive oracle allows.

No leak and no under-return: also after access lists changed, documents were removed, and for a snapshot frozen before.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from retrieve_examples import catalog_with, chunk

from assay.adapters.clocks import FakeClock
from assay.adapters.embedded_index.index import EmbeddedIndex
from assay.adapters.hashing_embedder import HashingEmbedder
from assay.adapters.memory import MemoryCatalog
from assay.adapters.memory_index import MemoryIndex
from assay.ingest.publishing import Publisher
from assay.ports.index import Index, IndexReader
from assay.records.access import AccessList, Scope
from assay.records.retrieval import Query
from assay.retrieve.backfill import embed_missing
from assay.retrieve.retriever import HybridRetriever, RetrievePolicy

TENANTS = ("acme", "globex", "*")
GROUPS = ("hr", "board", "it", "sales", "*", "a,b", "ä")
"""Names that an engine's own syntax could trip over stand among them."""
EMBEDDER = HashingEmbedder(16)
MANY = 500

lists = st.builds(
    AccessList, st.sampled_from(TENANTS), st.lists(st.sampled_from(GROUPS), max_size=3, unique=True).map(tuple)
)
scopes = st.builds(Scope, st.sampled_from((*TENANTS, "nowhere")), st.frozensets(st.sampled_from(GROUPS), max_size=4))


@dataclass(frozen=True)
class Change:
    """What happens to some documents after the snapshot: another list, or removal (None)."""

    to: Mapping[int, AccessList | None] = field(default_factory=dict)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[AccessList], Change, list[Scope]]:
    stated = draw(st.lists(lists, min_size=1, max_size=14))
    touched = st.dictionaries(st.integers(0, len(stated) - 1), st.one_of(lists, st.none()), max_size=5)
    return stated, Change(draw(touched)), draw(st.lists(scopes, min_size=1, max_size=4))


def may_read(scope: Scope, access: AccessList | None) -> bool:
    """The oracle, written apart from the product's rule."""
    if access is None:
        return False
    if access.tenant != "*" and access.tenant != scope.tenant:
        return False
    return len(access.groups) == 0 or any(group in scope.groups for group in access.groups)


@contextmanager
def engines() -> Iterator[Sequence[Index]]:
    with tempfile.TemporaryDirectory() as folder:
        embedded = EmbeddedIndex(Path(folder))
        yield (MemoryIndex(), embedded)
        embedded.close()


def build(index: Index, stated: Sequence[AccessList]) -> MemoryCatalog:
    """Every document has two chunks, every chunk the common word."""
    pieces = [
        chunk(f"d{number}", f"common word{number} part{part}", part, access=access)
        for number, access in enumerate(stated)
        for part in (0, 1)
    ]
    catalog = catalog_with(pieces)
    Publisher(catalog, index, FakeClock()).publish()
    embed_missing(index, catalog, EMBEDDER)
    return catalog


def apply(catalog: MemoryCatalog, change: Change) -> None:
    catalog.set_access({f"d{number}": access for number, access in change.to.items() if access is not None})
    for number, access in change.to.items():
        if access is None:
            catalog.remove_source(f"file:d{number}")


def documents(chunk_ids: Sequence[str]) -> list[str]:
    return sorted(chunk_id.partition("#")[0] for chunk_id in chunk_ids)


def allowed(state: Sequence[AccessList | None], scope: Scope) -> list[str]:
    """Two chunks of each document that the scope may read."""
    return sorted(f"d{number}" for number, access in enumerate(state) if may_read(scope, access) for _ in (0, 1))


def engine_alone(reader: IndexReader, scope: Scope) -> tuple[list[str], list[str]]:
    vector = EMBEDDER.embed(["common"])[0]
    words = reader.lexical("common", scope, MANY)
    near = reader.dense(vector, scope, MANY)
    return documents([hit.chunk_id for hit in words]), documents([hit.chunk_id for hit in near])


def searched(reader: IndexReader, catalog: MemoryCatalog, scope: Scope, mode: str, candidates: int) -> list[str]:
    """The whole retriever, made to ask again and again: it begins with few candidates."""
    policy = RetrievePolicy(candidates=candidates, min_vector_share=0.0)
    retriever = HybridRetriever(reader, catalog, EMBEDDER, policy, FakeClock())
    found = retriever.retrieve(Query("common", scope, MANY, mode)).ranked
    return documents([ranked.chunk.chunk_id for ranked in found])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs())
def test_every_search_returns_exactly_what_the_oracle_allows(
    graph: tuple[list[AccessList], Change, list[Scope]],
) -> None:
    stated, change, asking = graph
    now = [change.to.get(number, access) for number, access in enumerate(stated)]
    with engines() as both:
        for index in both:
            catalog = build(index, stated)
            snapshot = index.open(index.freeze().snapshot_id)
            for scope in asking:
                assert engine_alone(snapshot, scope) == (allowed(stated, scope),) * 2
            apply(catalog, change)
            before = {scope: _both(stated, now, scope) for scope in asking}
            _retriever_agrees(snapshot, catalog, before)
            _retriever_agrees(index.head(), catalog, before)
            Publisher(catalog, index, FakeClock()).publish()
            embed_missing(index, catalog, EMBEDDER)
            head = index.head()
            for scope in asking:
                assert engine_alone(head, scope) == (allowed(now, scope),) * 2
            _retriever_agrees(head, catalog, {scope: allowed(now, scope) for scope in asking})
            _retriever_agrees(snapshot, catalog, before)


def _both(then: Sequence[AccessList], now: Sequence[AccessList | None], scope: Scope) -> list[str]:
    """A pinned state shows what was allowed when it was frozen and is allowed today."""
    kept = [today if may_read(scope, before) else None for before, today in zip(then, now, strict=True)]
    return allowed(kept, scope)


def _retriever_agrees(reader: IndexReader, catalog: MemoryCatalog, expected: Mapping[Scope, Sequence[str]]) -> None:
    for scope, documents_ in expected.items():
        for mode in ("lexical", "dense", "hybrid"):
            assert searched(reader, catalog, scope, mode, 1) == documents_


@settings(max_examples=40, deadline=None)
@given(st.lists(lists, min_size=1, max_size=20), scopes, st.integers(1, 6))
def test_a_limit_is_filled_as_long_as_there_is_something_to_show(
    stated: list[AccessList], scope: Scope, limit: int
) -> None:
    """Half of what the engine finds was closed meanwhile, and the retriever asks for more."""
    index = MemoryIndex()
    catalog = build(index, stated)
    closed = {f"d{number}": replace(access, tenant="elsewhere") for number, access in enumerate(stated) if number % 2}
    catalog.set_access(closed)
    now = [None if number % 2 else access for number, access in enumerate(stated)]
    policy = RetrievePolicy(candidates=1, min_vector_share=0.0)
    retriever = HybridRetriever(index.head(), catalog, EMBEDDER, policy, FakeClock())
    found = retriever.retrieve(Query("common", scope, limit)).ranked
    assert len(found) == min(limit, len(allowed(now, scope)))
