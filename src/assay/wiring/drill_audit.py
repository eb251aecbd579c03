"""Reading the real workspace as an access drill does: real documents, real lists, identities that must not see them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from assay.govern.drill import Outcome
from assay.govern.drill_plan import Identity, may_read, shapes
from assay.ports.answering import Retriever
from assay.records.access import AccessList
from assay.records.documents import Document
from assay.records.errors import CannotJudge, NotFound
from assay.records.retrieval import Query
from assay.wiring import apps
from assay.wiring.build import Workspace
from assay.wiring.drill_canaries import scope_of

DOCUMENTS_PER_LIST = 3
LISTS = 40
QUERY_CHARS = 300
LIMIT = 20
SEARCHES = 600
"""Searches in each state of the index."""
SNAPSHOTS = 8
HEAD = "real.head"


@dataclass
class Audit:
    """What was read: `snapshots` are the states of the index that were searched, the head first."""

    snapshots: list[str] = field(default_factory=list)
    documents: int = 0
    lists: int = 0
    lists_left_out: int = 0


def sample(place: Workspace) -> tuple[dict[AccessList, list[Document]], int, int]:
    """A few documents of every access list, how many documents there are, and lists beyond the limit."""
    by_list: dict[AccessList, list[Document]] = {}
    for document in place.stores.catalog.documents():
        kept = by_list.setdefault(document.access, [])
        if len(kept) < DOCUMENTS_PER_LIST:
            kept.append(document)
    return dict(islice(by_list.items(), LISTS)), place.stores.catalog.counts()[0], max(0, len(by_list) - LISTS)


def identities(lists: Sequence[AccessList]) -> list[Identity]:
    """For every tenant: no group, each group; and a tenant that does not exist, with all groups."""
    found, _ = shapes(lists, len(lists) + 1, LISTS)
    made = [Identity("t", shape.tenant, groups) for shape in found for groups in ((), *((g,) for g in shape.groups))]
    every = tuple(dict.fromkeys(group for access in lists for group in access.groups if not group.startswith("!")))
    return [*made, Identity("stranger", "drill-stranger", every)]


def audit(place: Workspace, app: str, outcome: Outcome, progress: Callable[[int, int, str], object]) -> Audit:
    """Search the head and every snapshot for real documents' own words, as everybody: each hit must be allowed by
    today's lists, and the same words must find the document for somebody who may read it."""
    by_list, documents, left_out = sample(place)
    done = Audit(documents=documents, lists=len(by_list), lists_left_out=left_out)
    if not documents:
        raise CannotJudge(
            "drill.empty",
            "the workspace holds no document, so there is nothing to certify",
            remedy="assay ingest PATH…",
        )
    pairs = [(document, who) for some in by_list.values() for document in some for who in identities(list(by_list))]
    if len(pairs) > SEARCHES:
        pairs = random.Random(len(pairs)).sample(pairs, SEARCHES)  # noqa: S311 - a sample, no secret
    states = retrievers(place, app)
    for number, (snapshot_id, retriever) in enumerate(states):
        done.snapshots.append(snapshot_id)
        found: dict[str, bool] = {}
        for at, (document, identity) in enumerate(pairs):
            _probe(place, retriever, document, identity, outcome, found, head=not number)
            progress(number * len(pairs) + at + 1, len(states) * len(pairs), "real documents")
        for _ in (doc_id for doc_id, seen in found.items() if not seen and not number):
            outcome.miss(HEAD, "a real document's own words find nothing")
    return done


def retrievers(place: Workspace, app: str) -> list[tuple[str, Retriever]]:
    """The head and the newest snapshots behind the app's own search."""
    settings, embedder = apps.app_settings(place, app).retrieve, place.settings.index.embedder
    readers = [place.index.head()]
    newest = sorted(place.index.snapshots(), key=lambda snapshot: snapshot.created_at)[-SNAPSHOTS:]
    others = (one.snapshot_id for one in reversed(newest) if one.snapshot_id != readers[0].snapshot_id)
    readers += [place.index.open(snapshot_id) for snapshot_id in others]
    return [(reader.snapshot_id, apps.retriever(place, reader, settings, embedder)) for reader in readers]


def _probe(
    place: Workspace, retriever: Retriever, document: Document, identity: Identity, outcome: Outcome,
    found: dict[str, bool], *, head: bool,
) -> None:  # fmt: skip
    """One search with a document's own words. `found` notes which were found by somebody who may read them."""
    chunks = place.stores.catalog.chunks_of(document.doc_id)
    if not chunks:
        return
    path = HEAD if head else "real.snapshot"
    tally = outcome.tally(path)
    tally.probes += 1
    text = f"{document.title} {chunks[0].text}"[:QUERY_CHARS]
    hits = retriever.retrieve(Query(text, scope_of(identity), LIMIT)).ranked
    for chunk in (chunk for hit in hits for chunk in (hit.chunk, *hit.also)):
        if not may_read(identity, _today(place, chunk.doc_id)):
            outcome.leak(path, "today's list of a real document")
    if may_read(identity, document.access):
        tally.found += bool(hits)
        found[document.doc_id] = found.get(document.doc_id, False) or bool(hits)


def _today(place: Workspace, doc_id: str) -> AccessList:
    """The list in force; a document that is gone is nobody's."""
    try:
        return place.stores.catalog.document(doc_id).access
    except NotFound:
        return AccessList("!gone", ("!gone",))
