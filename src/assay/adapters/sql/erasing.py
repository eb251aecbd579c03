"""Erasing in the database: what a document left there, the journal of erasures, and records without their text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select, update

from assay.adapters.sql.codec import from_text, to_text
from assay.adapters.sql.database import Database
from assay.adapters.sql.lookup import all_of, batches, upsert
from assay.adapters.sql.owned import paged
from assay.adapters.sql.schema import (
    bundles,
    chunks,
    decisions,
    documents,
    erasures,
    feedback,
    golden,
    keys,
    ledger,
    metadata,
    release_events,
    removals,
    samples,
    sources,
    traces,
    versions,
)
from assay.govern import forget_redact
from assay.govern.forget import Erasure
from assay.govern.forget_marks import Marks
from assay.ports.storage import SourceState
from assay.records.documents import Chunk, Document
from assay.records.evaluation import Sample
from assay.records.golden import GoldenSet
from assay.records.operations import Feedback, Trace

PAGE = 500


class SqlJournal:
    """Journal of erasures."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, erasure: Erasure) -> None:
        row = {
            "erasure_id": erasure.erasure_id,
            "state": erasure.state,
            "created_at": erasure.created_at,
            "record": to_text(erasure),
        }
        with self._database.write() as connection:
            _overwriting(connection)
            upsert(connection, erasures, [row])

    def erasures(self) -> tuple[Erasure, ...]:
        """Oldest first."""
        found = select(erasures.c.record).order_by(erasures.c.created_at, erasures.c.erasure_id)
        with self._database.read() as connection:
            return tuple(from_text(Erasure, text) for text in connection.execute(found).scalars())


@dataclass(frozen=True, slots=True)
class Held:
    """What the catalog holds of some documents, all versions."""

    chunk_ids: frozenset[str]
    texts: frozenset[str]
    """Hashes of text copies."""
    source_uris: frozenset[str]
    titles: frozenset[str]
    files: frozenset[str]
    """SHA-256 of the files that held these documents and no others."""
    by_document: dict[str, frozenset[tuple[str, str]]]
    """`("text", hash)` and `("file", hash)` of each document, files that held others too left out."""


@dataclass(frozen=True, slots=True)
class Others:
    """What documents that stay have: hashes of their texts and files, addresses, and what they are called."""

    texts: frozenset[str]
    uris: frozenset[str]
    spoken: frozenset[str]


class SqlErasing:
    """What `assay forget` does to the database. Every method may be repeated and finds nothing to do then."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- what there is

    def every_document(self) -> frozenset[str]:
        """Ids of documents in the catalog, and of those of which only superseded pieces or versions are left."""
        with self._database.read() as connection:
            parts = [connection.execute(select(t.c.doc_id).distinct()).scalars() for t in (documents, chunks, versions)]
            return frozenset(doc_id for part in parts for doc_id in part)

    def held(self, doc_ids: Sequence[str]) -> Held:
        """What the catalog holds of these documents."""
        names: dict[str, set[str]] = {"chunks": set(), "uris": set(), "titles": set()}
        hashes: dict[str, set[tuple[str, str]]] = {doc_id: set() for doc_id in doc_ids}
        with self._database.read() as connection:
            for row in all_of(connection, select(documents), documents.c.doc_id, doc_ids):
                document = from_text(Document, row.record)
                hashes[row.doc_id].add(("text", document.text_sha256))
                names["uris"] |= {document.source_uri, row.source_uri}
                names["titles"].add(document.title)
            for row in all_of(connection, select(chunks), chunks.c.doc_id, doc_ids):
                chunk = from_text(Chunk, row.record)
                hashes[row.doc_id].add(("text", chunk.text_sha256))
                names["chunks"].add(chunk.chunk_id)
                names["uris"].add(chunk.source_uri)
                names["titles"] |= {chunk.title, *chunk.heading_path}
            for row in all_of(connection, select(versions), versions.c.doc_id, doc_ids):
                hashes[row.doc_id].add(("text", row.text_sha256))
        for state in self._states():
            if state.sha256 and state.doc_ids and hashes.keys() >= set(state.doc_ids):
                for doc_id in state.doc_ids:
                    hashes[doc_id].add(("file", state.sha256))
        kept = {name: frozenset(filter(None, held)) for name, held in names.items()}
        by_kind = {
            kind: frozenset(h for held in hashes.values() for k, h in held if k == kind) for kind in ("text", "file")
        }
        by_document = {doc_id: frozenset(held) for doc_id, held in hashes.items()}
        return Held(kept["chunks"], by_kind["text"], kept["uris"], kept["titles"], by_kind["file"], by_document)

    def others(self, doc_ids: Iterable[str]) -> Others:
        """What every other document has: what may legitimately stand in the workspace."""
        gone = set(doc_ids)
        texts, uris, spoken = set[str](), set[str](), set[str]()
        for row in self._paged(chunks, chunks.c.chunk_id):
            if row.doc_id not in gone:
                chunk = from_text(Chunk, row.record)
                texts.add(chunk.text_sha256)
                uris.add(chunk.source_uri)
                spoken |= {chunk.title, *chunk.heading_path, chunk.doc_id}
        for row in self._paged(documents, documents.c.doc_id):
            if row.doc_id not in gone:
                document = from_text(Document, row.record)
                texts.add(document.text_sha256)
                uris |= {document.source_uri, row.source_uri}
                spoken |= {document.title, document.doc_id, *(value for _, value in document.metadata)}
        with self._database.read() as connection:
            found = select(versions.c.doc_id, versions.c.text_sha256)
            texts.update(row.text_sha256 for row in connection.execute(found) if row.doc_id not in gone)
        for state in self._states():
            if not gone.issuperset(state.doc_ids) or not state.doc_ids:
                texts.add(state.sha256)
                uris.add(state.source_uri)
        return Others(frozenset(texts), frozenset(filter(None, uris)), frozenset(filter(None, spoken)))

    def named(self, marks: Marks) -> tuple[str, ...]:
        """Documents of which something is still in the catalog."""
        return tuple(sorted(filter(marks.is_name, self.every_document())))

    def awaiting(self, marks: Marks) -> tuple[str, ...]:
        """Documents that are gone from the catalog and that the index may still hold."""
        with self._database.read() as connection:
            return tuple(filter(marks.is_name, connection.execute(select(removals.c.doc_id)).scalars()))

    def left_index(self, doc_ids: Sequence[str]) -> None:
        """The index holds these no more."""
        with self._database.write() as connection:
            _overwriting(connection)
            for ids in batches(doc_ids):
                connection.execute(delete(removals).where(removals.c.doc_id.in_(ids)))

    def bundle_texts(self) -> Iterator[str]:
        """The components of every bundle: prompts and settings, which are no documents."""
        for row in self._paged(bundles, bundles.c.bundle_id):
            yield row.record

    def documents_with_text(self, matches: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
        """`(document id, text hash)` of every version, and with an empty hash where title or metadata match."""
        for row in self._paged(chunks, chunks.c.chunk_id):
            chunk = from_text(Chunk, row.record)
            yield row.doc_id, chunk.text_sha256
            if matches(" ".join((chunk.title, *chunk.heading_path))):
                yield row.doc_id, ""
        for row in self._paged(documents, documents.c.doc_id):
            document = from_text(Document, row.record)
            yield row.doc_id, document.text_sha256
            if matches(" ".join((document.title, document.doc_id, *(v for _, v in document.metadata)))):
                yield row.doc_id, ""

    def below(self, holds: Callable[[str], bool]) -> tuple[frozenset[str], frozenset[str]]:
        """`(document ids, addresses)` of everything that came from an address that `holds` takes, all versions."""
        uris = {state.source_uri for state in self._states() if holds(state.source_uri)}
        doc_ids = {doc_id for state in self._states() if state.source_uri in uris for doc_id in state.doc_ids}
        kinds: tuple[tuple[Table, type[Document] | type[Chunk]], ...] = ((documents, Document), (chunks, Chunk))
        for table, kind in kinds:
            for row in self._paged(table, next(iter(table.primary_key))):
                record: Document | Chunk = from_text(kind, row.record)
                if holds(record.source_uri):
                    doc_ids.add(row.doc_id)
        return frozenset(doc_ids), frozenset(uris)

    def _states(self) -> list[SourceState]:
        with self._database.read() as connection:
            return [from_text(SourceState, text) for text in connection.execute(select(sources.c.record)).scalars()]

    def touched(self, marks: Marks) -> dict[str, int]:
        """How many records of each kind would lose text."""
        counts = {}
        for kind, redact in _REDACTIONS.items():
            with self._database.read() as connection:
                counts[kind] = sum(1 for _ in redact(connection, marks))
        return counts

    # --- taking it away

    def erase_documents(self, marks: Marks) -> int:
        """Documents, all their chunks and versions, and their part in sources; the number of rows. Until the index has
        followed, `awaiting` names them."""
        gone = self.named(marks)
        with self._database.write() as connection:
            _overwriting(connection)
            upsert(connection, removals, [{"doc_id": doc_id} for doc_id in gone])
            count = 0
            for ids in batches(gone):
                for table in (chunks, versions, documents):
                    count += connection.execute(delete(table).where(table.c.doc_id.in_(ids))).rowcount
            for text in connection.execute(select(sources.c.record)).scalars().all():
                count += _leave_source(connection, from_text(SourceState, text), marks)
        return count

    def redact(self, kind: str, marks: Marks) -> int:
        """Take forgotten text out of one kind of record of `KINDS`; how many changed."""
        with self._database.write() as connection:
            _overwriting(connection)
            changes = list(_REDACTIONS[kind](connection, marks))
            for change in changes:
                change(connection)
        return len(changes)

    def make_tight(self) -> None:
        """Have a database server rewrite its tables without what was deleted; SQLite is a file and tightened as one."""
        if self._database.engine.dialect.name != "postgresql":
            return
        with self._database.engine.connect() as connection:
            now = connection.execution_options(isolation_level="AUTOCOMMIT")
            for table in metadata.sorted_tables:
                now.exec_driver_sql(f'VACUUM (FULL) "{table.name}"')

    def golden_changes(self, marks: Marks) -> dict[str, str]:
        """`name@old version` to the new version, for every version that would change."""
        found = {}
        for row in self._paged(golden, golden.c.seq):
            record = from_text(GoldenSet, row.record)
            new = forget_redact.golden_set(record, marks)
            if new is not record:
                found[f"{row.name}@{row.version}"] = new.version
        return found

    def _paged(self, table: Table, key: Any) -> Iterator[Any]:
        return paged(self._database, table, key)


def _leave_source(connection: Connection, state: SourceState, marks: Marks) -> int:
    """Take documents out of what is remembered of a file; the file too when it held nothing else or is marked."""
    mine = sources.c.source_uri == state.source_uri
    kept = tuple(doc_id for doc_id in state.doc_ids if not marks.is_name(doc_id))
    if marks.is_name(state.source_uri) or (state.doc_ids and not kept):
        return connection.execute(delete(sources).where(mine)).rowcount
    if kept != state.doc_ids:
        connection.execute(update(sources).where(mine).values(record=to_text(replace(state, doc_ids=kept))))
    return 0


def _overwriting(connection: Connection) -> None:
    """What is deleted or replaced on this connection is overwritten with zeros in the file."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")


Change = Callable[[Connection], object]


def _set(table: Table, key: Any, value: Any, **columns: object) -> Change:
    return lambda connection: connection.execute(update(table).where(key == value).values(**columns))


def _golden(connection: Connection, marks: Marks) -> Iterator[Change]:
    """Each version that held it is replaced where it stands in the history; equal ones fall together."""
    rows = connection.execute(select(golden).order_by(golden.c.seq)).all()
    taken = {(row.name, row.version) for row in rows}
    for row in rows:
        record = from_text(GoldenSet, row.record)
        new = forget_redact.golden_set(record, marks)
        if new is record:
            continue
        if new.version != row.version and (row.name, new.version) in taken:
            yield _without(golden, golden.c.seq, row.seq)
            continue
        taken.add((row.name, new.version))
        yield _set(golden, golden.c.seq, row.seq, version=new.version, record=to_text(new))


def _without(table: Table, key: Any, value: Any) -> Change:
    return lambda connection: connection.execute(delete(table).where(key == value))


def _runs(connection: Connection, marks: Marks) -> Iterator[Change]:
    for row in _pages(connection, samples, samples.c.seq):
        record = from_text(Sample, row.record)
        new = forget_redact.sample(record, marks)
        if new is not record:
            yield _set(samples, samples.c.seq, row.seq, record=to_text(new))


def _traces(connection: Connection, marks: Marks) -> Iterator[Change]:
    touched: set[str] = set()
    for row in _pages(connection, traces, traces.c.trace_id):
        record = from_text(Trace, row.record)
        new = forget_redact.trace(record, marks)
        if new is not record:
            touched.add(row.trace_id)
            yield _set(traces, traces.c.trace_id, row.trace_id, record=to_text(new))
    for row in _pages(connection, feedback, feedback.c.feedback_id):
        opinion = from_text(Feedback, row.record)
        bare = forget_redact.feedback(opinion, marks, of_touched_trace=opinion.trace_id in touched)
        if bare != opinion:
            yield _set(feedback, feedback.c.feedback_id, row.feedback_id, record=to_text(bare))


def _records(connection: Connection, marks: Marks) -> Iterator[Change]:
    """Decisions, the history of releases, keys' labels, labels and judgements: free text that somebody wrote."""
    for table in (decisions, keys, ledger, release_events):
        key = list(table.primary_key)
        for row in connection.execute(select(table)).all():
            record = json.loads(row.record)
            new = forget_redact.json_value(record, marks)
            if new != record:
                text = json.dumps(new, ensure_ascii=False, separators=(",", ":"))
                mine = [column == getattr(row, column.name) for column in key]
                yield _set_where(table, mine, record=text)


def _set_where(table: Table, mine: Sequence[Any], **columns: object) -> Change:
    return lambda connection: connection.execute(update(table).where(*mine).values(**columns))


def _pages(connection: Connection, table: Table, key: Any) -> Iterator[Any]:
    """All rows inside the caller's transaction, some at a time; changes to rows already given do not matter."""
    most = connection.execute(select(func.max(key))).scalar()
    after: Any = None
    while most is not None:
        page = select(table).where(key <= most).order_by(key).limit(PAGE)
        rows = connection.execute(page if after is None else page.where(key > after)).all()
        yield from rows
        if len(rows) < PAGE:
            return
        after = getattr(rows[-1], key.name)


_REDACTIONS: dict[str, Callable[[Connection, Marks], Iterator[Change]]] = {
    "golden": _golden,
    "runs": _runs,
    "traces": _traces,
    "records": _records,
}
KINDS = tuple(_REDACTIONS)
