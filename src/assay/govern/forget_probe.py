"""Asking the workspace itself for what was forgotten: through search, and through what its stores give to readers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from assay.govern.forget import Remain
from assay.govern.forget_marks import SHINGLE, Marks, words
from assay.ports.index import Embedder, IndexReader
from assay.ports.storage import Catalog, GoldenStore, RunStore, TraceStore
from assay.records.access import RESERVED, AccessList, Scope
from assay.records.digest import canonical_json

MOST_SEARCHES = 20_000
"""More shingles than this are searched by an even sample; the bytes are looked at for every one."""
MOST_EMBEDDED = 200
_PAGE = 500


def spoken(texts: Iterable[str]) -> Iterator[str]:
    """The shingles of texts as words to search for."""
    for text in texts:
        found = words(text)
        for start in range(max(1, len(found) - SHINGLE + 1) if found else 0):
            yield " ".join(found[start : start + SHINGLE])


def widest_scopes(access: Iterable[AccessList]) -> tuple[Scope, ...]:
    """For every tenant a caller who is in all groups that its documents name: together they may see everything that
    anybody may see."""
    groups: dict[str, set[str]] = {}
    for one in access:
        groups.setdefault(one.tenant, set()).update(one.groups)
    return tuple(
        Scope(tenant, frozenset(name for name in named if not name.startswith(RESERVED)))
        for tenant, named in sorted(groups.items())
        if not tenant.startswith(RESERVED)
    )


def probe_search(
    reader: IndexReader, catalog: Catalog, marks: Marks, texts: Sequence[str], embedder: Embedder | None
) -> tuple[dict[str, int], list[Remain]]:
    """Search for every shingle by words, and for whole texts by meaning; what comes back must be marked nowhere."""
    scopes = widest_scopes(document.access for document in catalog.documents())
    asked = _sampled(list(dict.fromkeys(spoken(texts))), MOST_SEARCHES)
    hit_ids: set[str] = set()
    for text in asked:
        for scope in scopes:
            hit_ids.update(hit.chunk_id for hit in reader.lexical(text, scope, 10))
    embedded = 0
    if embedder is not None and reader.vectors:
        some = _sampled(list(texts), MOST_EMBEDDED)
        for vector in embedder.embed(some):
            embedded += 1
            for scope in scopes:
                hit_ids.update(hit.chunk_id for hit in reader.dense(vector, scope, 10))
    remains = [Remain("search", "index", n)] if (n := sum(map(marks.is_name, hit_ids))) else []
    held = sum(1 for chunk in catalog.chunks(sorted(hit_ids)).values() if marks.holds(chunk.text))
    remains += [Remain("search", "passages", held)] if held else []
    return {"searches": len(asked) * len(scopes), "dense_searches": embedded * len(scopes)}, remains


def _sampled(items: list[str], most: int) -> list[str]:
    if len(items) <= most:
        return items
    step = len(items) / most
    return [items[int(number * step)] for number in range(most)]


def probe_stores(
    catalog: Catalog, golden: GoldenStore, runs: RunStore, traces: TraceStore, marks: Marks
) -> tuple[dict[str, int], list[Remain]]:
    """Read everything that the stores give to readers, and look for marks in every string of it."""
    looked = 0
    remains: list[Remain] = []
    for name, records in (
        ("catalog", _catalog(catalog)),
        ("golden", _golden(golden)),
        ("runs", (s for run in runs.runs() for s in runs.samples(run.run_id))),
        ("traces", _traces(traces)),
    ):
        count = 0
        for record in records:
            looked += 1
            count += bool(marks.in_json(canonical_json(record).decode()))
        if count:
            remains.append(Remain("stores", name, count))
    return {"records": looked}, remains


def _catalog(catalog: Catalog) -> Iterator[object]:
    for document in catalog.documents():
        yield document
        yield from catalog.chunks_of(document.doc_id)
    yield from catalog.source_states()


def _golden(golden: GoldenStore) -> Iterator[object]:
    for name in golden.names():
        for version, _, _ in golden.versions(name):
            yield from golden.get(name, version).cases


def _traces(traces: TraceStore) -> Iterator[object]:
    """Newest first; moments that several traces share are asked for in one larger page."""
    before, size = "", _PAGE
    while page := traces.list(None, size, before):
        yield from page
        for trace in page:
            yield from traces.feedback(trace.trace_id)
        if len(page) < size:
            return
        same = page[0].at == page[-1].at
        before, size = (before, size * 2) if same else (_after(page[-1].at), size)


def _after(moment: str) -> str:
    """A bound just above this moment, so that traces of the same microsecond are not passed over."""
    return moment + "~"
