"""Keeping the catalog and the index in step with folders of files: only what changed is touched, nothing is lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from assay.ingest.parsing import Done, Job, ReadHere, Reading, under_rules
from assay.ingest.poison import QUARANTINED, held
from assay.ingest.poison_known import Known
from assay.ingest.publishing import Publisher
from assay.ingest.reaccess import ruling_of
from assay.ingest.reading import FORGOTTEN, HELD, Reader, Record, Rejected, stated_access
from assay.ingest.roots import Root, source_path, source_uri
from assay.ingest.telling import EMPTY, Telling
from assay.ingest.writing import Writer
from assay.ports.reading import Denials, NamedByContent, Parser, SourceEntry, SourceTree
from assay.ports.storage import BlobStore, Catalog, SourceState
from assay.records.access import AccessList
from assay.records.digest import sha256_bytes
from assay.records.documents import IngestReport, ParseStatus
from assay.records.errors import InputError, NotFound

DUPLICATE = "ingest.duplicate_id"
_READ_AGAIN = (DUPLICATE, FORGOTTEN)
"""What may have been lifted since without a change of the file."""
_FORGOTTEN_WHY = "it was forgotten; `assay forget --allow DOCUMENT` lets it in again"


@dataclass(frozen=True)
class Ingest:
    """Everything that a sync needs. The caller holds the workspace's write lock."""

    tree: SourceTree
    reader: Reader
    catalog: Catalog
    blobs: BlobStore
    publisher: Publisher
    max_file_mb: float = 50.0
    reading: Callable[[int], Reading | None] | None = None
    """Where files are read, by how many there are to read; None reads them here."""
    denied: Denials | None = None
    """What was forgotten and must not come back; None denies nothing."""
    known: Known | None = None
    """What new documents are compared with, and what was decided about those in quarantine."""

    def sync(
        self,
        roots: Sequence[str],
        progress: Callable[[int, int, str], object] = lambda *_: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> IngestReport:
        """Bring the catalog and the index in step with `roots`, folders or files.

        Files are written and published in batches, and `progress` (done, total, name) is told what is written; an
        exception or a stop at any point loses nothing that it was told, and the next sync goes on from there. Deletions
        happen only below folders that could be listed. Raises NotFound `ingest.no_source` before anything is touched
        when a root does not exist; whatever catalog, blobs or index raise passes through.
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
        with stages.timed("access"):
            run.apply_access(resolved)
        with stages.timed("catalog"):
            for root, entries in walked:
                run.remove_gone(root, entries)
        self._read_all(run, walked, progress)
        run.writer.write()
        with stages.timed("index"):
            self.publisher.publish()
            self.publisher.forget(run.held_back())
        return IngestReport(
            tuple(run.told.outcomes),
            {name: round(ms, 3) for name, ms in stages.ms.items()},
            run.interrupted,
            dict(run.told.findings.most_common()),
            dict(run.told.suspicious.most_common()),
            run.told.quarantined,
        )

    def _read_all(
        self, run: _Run, walked: list[tuple[Root, list[SourceEntry]]], progress: Callable[[int, int, str], object]
    ) -> None:
        """Take up every entry once, then those that failed over an identifier once more: its owner may have left."""
        jobs = [(root, entry) for root, entries in walked for entry in entries]
        for root, entries in walked:
            if not entries:
                run.told.tell(root.uri, ParseStatus.SKIPPED, "ingest.empty_folder", "it holds no file; check the path")
        run.reading = self._reading(run, jobs)
        told = 0
        for taken, (root, entry) in enumerate(jobs, start=1):
            if run.halted():
                break
            run.begin(root, entry)
            self._write_when_due(run)
            if run.writer.empty and taken > len(run.begun):
                told = taken - len(run.begun)
                progress(told, len(jobs), jobs[told - 1][1].relative)
        run.finish_all()
        run.writer.write()
        if told < len(jobs) and not run.interrupted:
            progress(len(jobs), len(jobs), jobs[-1][1].relative)
        for root, entry in tuple(run.contested):
            if not run.halted() and run.settled(entry):
                run.told.untell(source_uri(entry.path))
                run.begin(root, entry)
                run.finish_all()

    def _reading(self, run: _Run, jobs: Sequence[tuple[Root, SourceEntry]]) -> Reading:
        there = None if self.reading is None else self.reading(sum(run.looks_new(entry) for _, entry in jobs))
        return ReadHere(self.reader, run.stop) if there is None else there

    def _write_when_due(self, run: _Run) -> None:
        due = self.publisher.due()
        if due or run.writer.full:
            run.writer.write()
        if due:
            with self.reader.stages.timed("index"):
                self.publisher.publish()


@dataclass(frozen=True, slots=True)
class _Begun:
    """A file that is being read: what the catalog will know of it, what it knew, and the outcome to wait for."""

    root: Root
    job: Job
    fresh: SourceState
    state: SourceState | None
    outcome: Callable[[], Done]


@dataclass
class _Run:
    """The state of one sync."""

    work: Ingest
    states: dict[str, SourceState]
    stop: Callable[[], bool]
    told: Telling = field(default_factory=Telling)
    interrupted: bool = False
    contested: list[tuple[Root, SourceEntry]] = field(default_factory=list)
    lost: dict[str, dict[str, str]] = field(default_factory=dict)
    """By file: the ids it could not have, with the file that owned each."""
    begun: deque[_Begun] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.reading: Reading = ReadHere(self.work.reader, self.stop)
        self.writer = Writer(self.work.catalog, self.work.blobs, self.work.reader.stages)
        self.owners = {doc_id: uri for uri, state in self.states.items() for doc_id in state.doc_ids}

    def halted(self) -> bool:
        self.interrupted = self.interrupted or self.stop()
        return self.interrupted

    def apply_access(self, roots: Sequence[Root]) -> None:
        """Give known documents the access list that today's rules say, before any file is read; also those that are
        gone, which a search as of an earlier date may still find."""
        changed: dict[str, AccessList] = {}
        sources: dict[str, int] = {}
        rules, catalog = self.work.reader.access, self.work.catalog
        for document in catalog.documents():
            uri = self.owners.get(document.doc_id, "")
            if not any(root.holds(uri) for root in roots):
                continue
            allowed = ruling_of(document, self.states[uri], rules).access
            if allowed != document.access:
                changed[document.doc_id] = allowed
                sources[uri] = sources.get(uri, 0) + 1
        for version in catalog.gone():
            root = next((root for root in roots if root.holds(version.origin)), None)
            if version.document is not None and root is not None:
                path, stated = root.named(source_path(version.origin)), stated_access(version.document)
                changed[version.doc_id] = rules.resolve(version.doc_id, path, stated)
        if changed:
            catalog.set_access(changed)
        for uri, count in sources.items():
            self.told.tell(
                uri, ParseStatus.CHANGED, "ingest.access_changed", "the rules give another access list", count
            )

    def remove_gone(self, root: Root, entries: Sequence[SourceEntry]) -> None:
        """Drop what the catalog knows below `root` and the walk did not meet; folders it could not list stay."""
        seen = {source_uri(entry.path) for entry in entries}
        closed = [Root(entry.path) for entry in entries if entry.problem == "ingest.unreadable_folder"]
        for uri in sorted(self.states):
            if root.holds(uri) and uri not in seen and not any(folder.holds(uri) for folder in closed):
                removed = self._forget(uri)
                self.told.tell(uri, ParseStatus.DELETED, docs=len(removed))

    def _forget(self, uri: str) -> tuple[str, ...]:
        self.writer.write()
        removed = self.work.catalog.remove_source(uri)
        if self.work.known is not None:
            self.work.known.drop(removed)
        del self.states[uri]
        for doc_id in removed:
            self.owners.pop(doc_id, None)
        return removed

    def looks_new(self, entry: SourceEntry) -> bool:
        """True when the file will probably have to be read."""
        parser, state = self.work.reader.parser(entry.relative), self.states.get(source_uri(entry.path))
        return not entry.problem and parser is not None and not (state and self._same(state, entry, parser))

    def begin(self, root: Root, entry: SourceEntry) -> None:
        """Tell what happened to one file, or begin to read it; files begun before are taken up in their order."""
        uri = source_uri(entry.path)
        parser = self.work.reader.parser(entry.relative)
        state = self.states.get(uri)
        if entry.problem:
            self.told.problem(uri, entry.problem)
        elif parser is None:
            self.told.tell(uri, ParseStatus.SKIPPED, "ingest.unsupported_type", "no parser for this kind of file")
        elif state is not None and self._same(state, entry, parser):
            self.told.unchanged(state)
        else:
            self._update(root, entry, parser, uri, state)

    def _same(self, state: SourceState, entry: SourceEntry, parser: Parser) -> bool:
        stamp = (state.size, state.mtime_ns, state.recipe)
        same = stamp == (entry.size, entry.mtime_ns, self.work.reader.recipe(parser))
        return same and not self._again(state)

    def _again(self, state: SourceState) -> bool:
        """True for a file that is read although it has not changed."""
        return state.code in _READ_AGAIN or self._decided(state.source_uri)

    def _decided(self, uri: str) -> bool:
        return self.work.known is not None and uri in self.work.known.again

    def _update(self, root: Root, entry: SourceEntry, parser: Parser, uri: str, state: SourceState | None) -> None:
        """Begin to read one file that is new or looks changed."""
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
        except (InputError, NotFound) as error:
            self.told.tell(uri, ParseStatus.FAILED, error.code, "; ".join(filter(None, (error.what, error.remedy))))
            return
        fresh = replace(fresh, sha256=sha256_bytes(data))
        same = state is not None and (state.sha256, state.recipe) == (fresh.sha256, fresh.recipe)
        if state is not None and same and not self._again(state):
            self.told.unchanged(state)
            return
        if state is None and self.work.denied is not None and self.work.denied.file(fresh.sha256):
            self.told.tell(uri, ParseStatus.SKIPPED, FORGOTTEN, _FORGOTTEN_WHY)
            return
        job = Job(self._by_content(entry), uri, Root(fresh.source).named(entry.path), data)
        self.begun.append(_Begun(root, job, fresh, state, self.reading.start(job)))
        while len(self.begun) > self.reading.ahead:
            self._finish(self.begun.popleft())

    def finish_all(self) -> None:
        """Take up every file that was begun; after a stop those that are left wait for the next sync."""
        while self.begun:
            begun = self.begun.popleft()
            if not self.halted():
                self._finish(begun)

    def _finish(self, begun: _Begun) -> None:
        done = begun.outcome()
        for stage, ms in done.stage_ms.items():
            self.work.reader.stages.ms[stage] = self.work.reader.stages.ms.get(stage, 0.0) + ms
        uri = begun.job.uri
        if done.stopped:
            self.interrupted = True
        elif done.code:
            self._keep_failure(begun.fresh, begun.state, done.code)
            self.told.tell(uri, ParseStatus.FAILED, done.code, done.reason)
        else:
            records = [under_rules(record, self.work.reader.access, begun.job.path) for record in done.records]
            records, refused = self._without_forgotten(records)
            kept, doubles = self._unique(records, uri)
            if self.work.known is not None:
                with self.work.reader.stages.timed("checks"):
                    kept = self.work.known.judged(kept)
            if self.lost[uri]:
                self.contested.append((begun.root, begun.job.entry))
            self._put(begun.fresh, begun.state, kept, [*doubles, *refused, *done.rejected])

    def _without_forgotten(self, records: Sequence[Record]) -> tuple[list[Record], list[Rejected]]:
        """Records that may come in, and those that were forgotten."""
        denied = self.work.denied
        if denied is None:
            return list(records), []
        gone = [r for r in records if denied.document(r.document.doc_id, r.document.text_sha256)]
        refused = [Rejected(record.origin, FORGOTTEN, _FORGOTTEN_WHY) for record in gone]
        return [record for record in records if record not in gone], refused

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

    def _by_content(self, entry: SourceEntry) -> SourceEntry:
        tree = self.work.tree
        if not isinstance(tree, NamedByContent):
            return entry
        return replace(entry, relative=tree.named(entry.path, entry.relative))

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

    def held_back(self) -> list[str]:
        """Documents that are gone because a rule holds their file back: no earlier version of them is shown either."""
        closed = {uri for uri, state in self.states.items() if state.code in HELD}
        return [version.doc_id for version in self.work.catalog.gone() if version.origin in closed] if closed else []

    def settled(self, entry: SourceEntry) -> bool:
        """True when an id that this file could not have has no owner any more, or another one."""
        lost = self.lost.get(source_uri(entry.path), {})
        return any(self.owners.get(doc_id) != owner for doc_id, owner in lost.items())

    def _put(
        self, fresh: SourceState, state: SourceState | None, records: list[Record], rejected: list[Rejected]
    ) -> None:
        """Store what was read, unless nothing of it is new or all of it failed where an earlier version stands.

        What a rule holds back takes its earlier version with it: the rule may have come after that version.
        """
        failed = [reject.code for reject in rejected if reject.code != EMPTY]
        code = failed[0] if failed else "" if records else EMPTY
        if not failed and any(held(record.document) for record in records):
            code = QUARANTINED
        fresh = replace(fresh, doc_ids=tuple(record.document.doc_id for record in records), code=code)
        keeps_old = state is not None and state.doc_ids and set(failed) - HELD and not records
        new = not keeps_old and (fresh != state or self._decided(fresh.source_uri))
        if new:
            self._store(fresh, records)
        self.told.records(fresh.source_uri, state, records, rejected, new=new)

    def _store(self, state: SourceState, records: Sequence[Record]) -> None:
        """The next write has it; from here on this sync counts with it."""
        self.writer.add(state, records)
        old = self.states.get(state.source_uri)
        for doc_id in old.doc_ids if old else ():
            self.owners.pop(doc_id, None)
        self.states[state.source_uri] = state
        self.owners.update(dict.fromkeys(state.doc_ids, state.source_uri))
