"""Keeping the catalog and the index in step with folders of files: only what changed is touched, nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from assay.ingest.publishing import Publisher
from assay.ingest.reading import Reader, Record, Rejected, Stopped, stated_access
from assay.ingest.roots import Root, source_path, source_uri
from assay.ports.reading import Parser, SourceEntry, SourceTree
from assay.ports.storage import BlobStore, Catalog, SourceState
from assay.records.access import AccessList
from assay.records.digest import sha256_bytes
from assay.records.documents import IngestReport, ParseOutcome, ParseStatus
from assay.records.errors import InputError, NotFound

DUPLICATE = "ingest.duplicate_id"
EMPTY = "ingest.empty"
_SKIPPED = {
    "ingest.symlink_loop": "a symbolic link that leads back to itself",
    "ingest.symlink_outside": "a symbolic link to somewhere outside; ingest its target by its own path",
    "ingest.broken_symlink": "a symbolic link to nothing",
    "ingest.not_a_file": "a device, pipe or socket",
}
_UNREADABLE = {
    "ingest.unreadable": "this user has no right to read it; give it that right",
    "ingest.unreadable_name": "its name is no Unicode; rename it",
    "ingest.unreadable_folder": "this user has no right to list it; nothing below it was touched",
}
_TOLD_RECORDS = 20
"""Rejected records of one file that are told one by one; the rest is a number."""


@dataclass(frozen=True)
class Ingest:
    """Everything that a sync needs. The caller holds the workspace's write lock."""

    tree: SourceTree
    reader: Reader
    catalog: Catalog
    blobs: BlobStore
    publisher: Publisher
    max_file_mb: float = 50.0

    def sync(
        self,
        roots: Sequence[str],
        progress: Callable[[int, int, str], object] = lambda *_: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> IngestReport:
        """Bring the catalog and the index in step with `roots`, folders or files.

        Every file is one transaction, published in batches; an exception or a stop at any point loses nothing, and the
        next sync goes on from there. Deletions happen only below folders that could be listed. Raises NotFound
        `ingest.no_source` before anything is touched when a root does not exist; whatever catalog, blobs or index
        raise passes through.
        """
        stages = self.reader.stages
        resolved = [Root(path) for path in dict.fromkeys(self.tree.resolve(root) for root in roots)]
        with stages.timed("walk"):
            walked = [(root, list(self.tree.walk(root.path))) for root in resolved]
        with stages.timed("index"):
            self.publisher.publish()
        with stages.timed("catalog"):
            states = {state.source_uri: state for state in self.catalog.source_states()}
        run = _Run(self, states, stop)
        with stages.timed("catalog"):
            run.apply_access(resolved)
            for root, entries in walked:
                run.remove_gone(root, entries)
        self._read_all(run, walked, progress)
        with stages.timed("index"):
            self.publisher.publish()
        return IngestReport(
            tuple(run.outcomes), {name: round(ms, 3) for name, ms in stages.ms.items()}, run.interrupted
        )

    def _read_all(
        self, run: _Run, walked: list[tuple[Root, list[SourceEntry]]], progress: Callable[[int, int, str], object]
    ) -> None:
        """Take up every entry once, then those that failed over an identifier once more: its owner may have left."""
        jobs = [(root, entry) for root, entries in walked for entry in entries]
        for root, entries in walked:
            if not entries:
                run.tell(root.uri, ParseStatus.SKIPPED, "ingest.empty_folder", "it holds no file; check the path")
        for done, (root, entry) in enumerate(jobs, start=1):
            if run.halted():
                return
            run.take(root, entry)
            with self.reader.stages.timed("index"):
                self.publisher.publish_when_due()
            progress(done, len(jobs), entry.relative)
        for root, entry in tuple(run.contested):
            if not run.halted() and run.settled(entry):
                run.untell(source_uri(entry.path))
                run.take(root, entry)


@dataclass
class _Run:
    """The state of one sync."""

    work: Ingest
    states: dict[str, SourceState]
    stop: Callable[[], bool]
    outcomes: list[ParseOutcome] = field(default_factory=list)
    interrupted: bool = False
    contested: list[tuple[Root, SourceEntry]] = field(default_factory=list)
    lost: dict[str, dict[str, str]] = field(default_factory=dict)
    """By file: the ids it could not have, with the file that owned each."""

    def __post_init__(self) -> None:
        self.owners = {doc_id: uri for uri, state in self.states.items() for doc_id in state.doc_ids}

    def halted(self) -> bool:
        self.interrupted = self.interrupted or self.stop()
        return self.interrupted

    def tell(self, uri: str, status: ParseStatus, code: str = "", reason: str = "", docs: int = 0, n: int = 0) -> None:
        self.outcomes.append(ParseOutcome(uri, status, code, reason, docs, n))

    def untell(self, uri: str) -> None:
        """Take back what was told about a file that is taken up once more."""
        self.outcomes = [o for o in self.outcomes if o.source_uri.partition("#")[0] != uri]

    def apply_access(self, roots: Sequence[Root]) -> None:
        """Give known documents the access list that today's rules say, before any file is read."""
        changed: dict[str, AccessList] = {}
        sources: dict[str, int] = {}
        for document in self.work.catalog.documents():
            uri = self.owners.get(document.doc_id, "")
            if not any(root.holds(uri) for root in roots):
                continue
            path = Root(self.states[uri].source).named(source_path(uri))
            allowed = self.work.reader.access.resolve(document.doc_id, path, stated_access(document))
            if allowed != document.access:
                changed[document.doc_id] = allowed
                sources[uri] = sources.get(uri, 0) + 1
        if changed:
            self.work.catalog.set_access(changed)
        for uri, count in sources.items():
            self.tell(uri, ParseStatus.CHANGED, "ingest.access_changed", "the rules give another access list", count)

    def remove_gone(self, root: Root, entries: Sequence[SourceEntry]) -> None:
        """Drop what the catalog knows below `root` and the walk did not meet; folders it could not list stay."""
        seen = {source_uri(entry.path) for entry in entries}
        closed = [Root(entry.path) for entry in entries if entry.problem == "ingest.unreadable_folder"]
        for uri in sorted(self.states):
            if root.holds(uri) and uri not in seen and not any(folder.holds(uri) for folder in closed):
                removed = self._forget(uri)
                self.tell(uri, ParseStatus.DELETED, docs=len(removed))

    def _forget(self, uri: str) -> tuple[str, ...]:
        removed = self.work.catalog.remove_source(uri)
        del self.states[uri]
        for doc_id in removed:
            self.owners.pop(doc_id, None)
        return removed

    def take(self, root: Root, entry: SourceEntry) -> None:
        """Bring one file up to date and tell what happened to it."""
        uri = source_uri(entry.path)
        parser = self.work.reader.parser(entry.relative)
        state = self.states.get(uri)
        if entry.problem in _SKIPPED:
            self.tell(uri, ParseStatus.SKIPPED, entry.problem, _SKIPPED[entry.problem])
        elif entry.problem:
            self.tell(uri, ParseStatus.FAILED, entry.problem, _UNREADABLE.get(entry.problem, "it cannot be read"))
        elif parser is None:
            self.tell(uri, ParseStatus.SKIPPED, "ingest.unsupported_type", "no parser for this kind of file")
        elif state is not None and self._same(state, entry, parser):
            self._tell_unchanged(state)
        else:
            self._update(root, entry, parser, uri, state)

    def _same(self, state: SourceState, entry: SourceEntry, parser: Parser) -> bool:
        stamp = (state.size, state.mtime_ns, state.recipe)
        return stamp == (entry.size, entry.mtime_ns, self.work.reader.recipe(parser)) and state.code != DUPLICATE

    def _tell_unchanged(self, state: SourceState) -> None:
        if state.doc_ids or state.code in ("", EMPTY):
            self.tell(state.source_uri, ParseStatus.UNCHANGED, state.code, docs=len(state.doc_ids))
        else:
            self.tell(state.source_uri, ParseStatus.FAILED, state.code, "as before: it has not changed since")

    def _update(self, root: Root, entry: SourceEntry, parser: Parser, uri: str, state: SourceState | None) -> None:
        """Read, parse and store one file that is new or looks changed."""
        fresh = SourceState(
            source_uri=uri,
            source=state.source if state is not None else root.path,
            size=entry.size,
            mtime_ns=entry.mtime_ns,
            sha256="",
            recipe=self.work.reader.recipe(parser),
            doc_ids=(),
        )
        try:
            data = self._bytes(entry)
            fresh = replace(fresh, sha256=sha256_bytes(data))
            same = state is not None and (state.sha256, state.recipe) == (fresh.sha256, fresh.recipe)
            if state is not None and same and state.code != DUPLICATE:
                self._tell_unchanged(state)
                return
            path = Root(fresh.source).named(entry.path)
            records, rejected = self.work.reader.read(parser, entry, uri, path, data, self.stop)
        except (InputError, NotFound) as error:
            self._keep_failure(fresh, state, error.code)
            self.tell(uri, ParseStatus.FAILED, error.code, "; ".join(filter(None, (error.what, error.remedy))))
        except Stopped:
            self.interrupted = True
        else:
            kept, doubles = self._unique(records, uri)
            if self.lost[uri]:
                self.contested.append((root, entry))
            self._put(fresh, state, kept, [*doubles, *rejected])

    def _bytes(self, entry: SourceEntry) -> bytes:
        limit = int(self.work.max_file_mb * 1_000_000)
        if entry.size > limit:
            raise InputError(
                "ingest.too_large",
                f"{entry.size / 1e6:.1f} MB are more than ingest.max_file_mb ({self.work.max_file_mb:g})",
                remedy="split it, or raise the limit in assay.yaml",
            )
        with self.work.reader.stages.timed("read"):
            return self.work.tree.read(entry.path, limit)

    def _keep_failure(self, fresh: SourceState, state: SourceState | None, code: str) -> None:
        """Remember that a file's content failed, so that it is not parsed again until it changes.

        Documents of an earlier version stay until the file can be read again, and a file that could not even be read
        is tried at every sync.
        """
        if fresh.sha256 and (state is None or not state.doc_ids):
            self._store(replace(fresh, code=code), [])

    def _unique(self, records: Sequence[Record], uri: str) -> tuple[list[Record], list[Rejected]]:
        """Records whose ids are free or this file's own, and the others with where their id already stands."""
        kept: dict[str, Record] = {}
        doubles: list[Rejected] = []
        self.lost[uri] = {}
        for record in records:
            doc_id = record.document.doc_id
            owner = self.owners.get(doc_id, uri)
            if owner != uri and not self.work.tree.exists(source_path(owner)):
                self._forget(owner)
                owner = uri
            if owner == uri and doc_id not in kept:
                kept[doc_id] = record
                continue
            if owner == uri:
                place = f"record {kept[doc_id].origin or '1'} of the same file"
            else:
                place = source_path(owner)
                self.lost[uri][doc_id] = owner
            why = f"its document id already stands in {place}; give one of the two another id"
            doubles.append(Rejected(record.origin, DUPLICATE, why))
        return list(kept.values()), doubles

    def settled(self, entry: SourceEntry) -> bool:
        """True when an id that this file could not have has no owner any more, or another one."""
        lost = self.lost.get(source_uri(entry.path), {})
        return any(self.owners.get(doc_id) != owner for doc_id, owner in lost.items())

    def _put(
        self, fresh: SourceState, state: SourceState | None, records: list[Record], rejected: list[Rejected]
    ) -> None:
        """Store what was read, unless nothing of it is new or all of it failed where an earlier version stands."""
        failed = [reject.code for reject in rejected if reject.code != EMPTY]
        code = failed[0] if failed else "" if records else EMPTY
        fresh = replace(fresh, doc_ids=tuple(record.document.doc_id for record in records), code=code)
        keeps_old = state is not None and state.doc_ids and failed and not records
        new = not keeps_old and fresh != state
        if new:
            self._store(fresh, records)
        self._tell_records(fresh.source_uri, state, records, rejected, new=new)

    def _store(self, state: SourceState, records: Sequence[Record]) -> None:
        """Texts first, then one transaction, so that the catalog never names a text that is not there."""
        with self.work.reader.stages.timed("catalog"):
            for record in records:
                self.work.blobs.put(record.text.encode())
            self.work.catalog.put_source(state, [(record.document, record.chunks) for record in records])
        old = self.states.get(state.source_uri)
        for doc_id in old.doc_ids if old else ():
            self.owners.pop(doc_id, None)
        self.states[state.source_uri] = state
        self.owners.update(dict.fromkeys(state.doc_ids, state.source_uri))

    def _tell_records(
        self, uri: str, state: SourceState | None, records: Sequence[Record], rejected: Sequence[Rejected], *, new: bool
    ) -> None:
        if records:
            warned = next((warning for record in records for warning in record.document.warnings), "")
            code, _, reason = warned.partition(": ")
            before = state is not None and state.doc_ids
            status = (ParseStatus.CHANGED if before else ParseStatus.ADDED) if new else ParseStatus.UNCHANGED
            chunks = sum(len(record.chunks) for record in records) if new else 0
            self.tell(uri, status, code, reason, len(records), chunks)
        elif not rejected:
            self.tell(uri, ParseStatus.SKIPPED, EMPTY, "it holds no text")
        for reject in rejected[:_TOLD_RECORDS]:
            status = ParseStatus.SKIPPED if reject.code == EMPTY else ParseStatus.FAILED
            self.tell(f"{uri}#{reject.origin}" if reject.origin else uri, status, reject.code, reject.reason)
        if len(rejected) > _TOLD_RECORDS:
            more = len(rejected) - _TOLD_RECORDS
            self.tell(uri, ParseStatus.FAILED, rejected[-1].code, f"and {more} more records of this file")
