"""Every storage port in memory: the fakes that tests use, held to the same conformance suites as the real stores."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from assay.adapters.clocks import SystemClock
from assay.ingest.versions import becomes_current, ends
from assay.ports.reading import Clock
from assay.ports.storage import SourcePut, SourceState
from assay.records.access import AccessList, Scope
from assay.records.bundles import Bundle, Calibration, Pointer, ReleaseEvent
from assay.records.certificates import Certificate, TrainedModel
from assay.records.comparison import Decision
from assay.records.digest import sha256_bytes
from assay.records.documents import Chunk, Document, Version
from assay.records.errors import Busy, CannotJudge, NotFound
from assay.records.evaluation import Run, RunStatus, Sample, same_specification
from assay.records.golden import GoldenSet
from assay.records.operations import ApiKey, Feedback, Trace


def _missing(kind: str, remedy: str = "") -> NotFound:
    return NotFound(f"store.no_{kind.replace(' ', '_')}", f"there is no such {kind}", remedy=remedy)


def _one_with_prefix(names: Iterable[str], prefix: str, kind: str) -> str:
    found = [name for name in names if prefix and name.startswith(prefix)]
    if prefix in found:
        return prefix
    if len(found) > 1:
        raise NotFound("store.ambiguous_name", f"more than one {kind} starts so", remedy="give more of its name")
    if not found:
        raise _missing(kind)
    return found[0]


@dataclass
class MemoryBlobs:
    kept: dict[str, bytes] = field(default_factory=dict)

    def put(self, data: bytes) -> str:
        digest = sha256_bytes(data)
        self.kept[digest] = data
        return digest

    def put_many(self, many: Sequence[bytes]) -> tuple[str, ...]:
        return tuple(map(self.put, many))

    def get(self, digest: str) -> bytes:
        if digest not in self.kept:
            raise _missing("blob")
        return self.kept[digest]

    def has(self, digest: str) -> bool:
        return digest in self.kept

    def delete(self, digest: str) -> None:
        self.kept.pop(digest, None)


@dataclass
class MemoryCatalog:
    states: dict[str, SourceState] = field(default_factory=dict)
    current: dict[str, Document] = field(default_factory=dict)
    current_chunks: dict[str, tuple[Chunk, ...]] = field(default_factory=dict)
    every_chunk: dict[str, Chunk] = field(default_factory=dict)
    owner: dict[str, str] = field(default_factory=dict)
    """Document to the source that put it last: only that one's removal takes it away."""
    to_index: set[str] = field(default_factory=set)
    to_remove: set[str] = field(default_factory=set)
    every_version: dict[str, list[Version]] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)

    def put_sources(self, puts: Sequence[SourcePut]) -> None:
        for state, documents in puts:
            self.put_source(state, documents)

    def put_source(self, state: SourceState, documents: Sequence[tuple[Document, Sequence[Chunk]]]) -> None:
        kept = {document.doc_id for document, _ in documents}
        for doc_id in self._owned(state.source_uri):
            if doc_id not in kept:
                self._drop(doc_id)
        for document, chunks in documents:
            self._begin(document, state.source_uri)
            self.owner[document.doc_id] = state.source_uri
            self.current[document.doc_id] = document
            self.current_chunks[document.doc_id] = tuple(chunks)
            self.every_chunk.update({chunk.chunk_id: chunk for chunk in chunks})
            self.to_index.add(document.doc_id)
            self.to_remove.discard(document.doc_id)
        self.states[state.source_uri] = state

    def _begin(self, document: Document, origin: str) -> None:
        known = self.every_version.setdefault(document.doc_id, [])
        last = known[-1] if known else None
        if last and not last.valid_to and last.text_sha256 == document.text_sha256:
            return
        after = (last.valid_to or last.valid_from) if last else ""
        begun = becomes_current(document.modified_at, self.clock.now(), after)
        if last and not last.valid_to:
            self._end(document.doc_id, begun)
        known.append(Version(document.doc_id, document.text_sha256, begun, origin=origin))

    def _end(self, doc_id: str, valid_to: str) -> None:
        known = self.every_version[doc_id]
        ids = tuple(chunk.chunk_id for chunk in self.current_chunks[doc_id])
        known[-1] = replace(
            known[-1], valid_to=valid_to, document=self.current[doc_id], chunk_ids=ids, origin=self.owner[doc_id]
        )

    def versions(self, doc_id: str) -> tuple[Version, ...]:
        return tuple(self.every_version.get(doc_id, ()))

    def gone(self) -> Iterator[Version]:
        away = {doc_id: known[-1] for doc_id, known in self.every_version.items() if doc_id not in self.current}
        return iter([away[doc_id] for doc_id in sorted(away)])

    def past_chunks(self, doc_ids: Sequence[str]) -> dict[str, tuple[Chunk, ...]]:
        found: dict[str, tuple[Chunk, ...]] = {}
        for doc_id in doc_ids:
            over = [version for version in self.every_version.get(doc_id, ()) if version.valid_to]
            access, now = self._today(doc_id), self.current.get(doc_id)
            if over and access is not None:
                cut = {one.text_sha256: one.chunk_ids for one in over if not now or one.text_sha256 != now.text_sha256}
                pieces = [self.every_chunk[chunk_id] for ids in cut.values() for chunk_id in ids]
                found[doc_id] = tuple(replace(piece, access=access) for piece in pieces)
        return found

    def _today(self, doc_id: str) -> AccessList | None:
        known = self.every_version.get(doc_id)
        last = self.current.get(doc_id) or (known[-1].document if known else None)
        return last.access if last else None

    def visible_at(self, chunk_ids: Sequence[str], scope: Scope, at: str) -> frozenset[str]:
        seen = set()
        for chunk_id in chunk_ids:
            chunk = self.every_chunk.get(chunk_id)
            access = self._today(chunk.doc_id) if chunk else None
            if chunk is None or access is None or not scope.allows(access):
                continue
            versions = self.every_version.get(chunk.doc_id, ())
            then = [v for v in versions if v.valid_from <= at and (not v.valid_to or at < v.valid_to)]
            if then and then[0].text_sha256 == chunk.text_sha256:
                seen.add(chunk_id)
        return frozenset(seen)

    def forget_versions(self, doc_ids: Sequence[str]) -> None:
        for doc_id in doc_ids:
            if doc_id not in self.current:
                self.every_version.pop(doc_id, None)

    def _owned(self, source_uri: str) -> tuple[str, ...]:
        return tuple(sorted(doc_id for doc_id, owner in self.owner.items() if owner == source_uri))

    def _drop(self, doc_id: str) -> None:
        self._end(doc_id, ends(self.clock.now(), self.every_version[doc_id][-1].valid_from))
        self.owner.pop(doc_id, None)
        self.current.pop(doc_id, None)
        self.current_chunks.pop(doc_id, None)
        self.to_index.discard(doc_id)
        self.to_remove.add(doc_id)

    def remove_source(self, source_uri: str) -> tuple[str, ...]:
        self.states.pop(source_uri, None)
        gone = self._owned(source_uri)
        for doc_id in gone:
            self._drop(doc_id)
        return gone

    def source_state(self, source_uri: str) -> SourceState | None:
        return self.states.get(source_uri)

    def source_states(self, source: str = "") -> Iterator[SourceState]:
        found = [state for state in self.states.values() if not source or state.source == source]
        return iter(sorted(found, key=lambda state: state.source_uri))

    def set_access(self, access: dict[str, AccessList]) -> None:
        for doc_id, allowed in access.items():
            if doc_id in self.current and self.current[doc_id].access != allowed:
                self.current[doc_id] = replace(self.current[doc_id], access=allowed)
                chunks = tuple(replace(chunk, access=allowed) for chunk in self.current_chunks[doc_id])
                self.current_chunks[doc_id] = chunks
                self.every_chunk.update({chunk.chunk_id: chunk for chunk in chunks})
                self.to_index.add(doc_id)
            elif doc_id not in self.current and self._today(doc_id) not in (None, allowed):
                last = self.every_version[doc_id][-1]
                if last.document is not None:
                    renamed = replace(last.document, access=allowed)
                    self.every_version[doc_id][-1] = replace(last, document=renamed)
                    self.to_remove.add(doc_id)

    def pending(self) -> tuple[str, ...]:
        return tuple(sorted(self.to_index))

    def removed_pending(self) -> tuple[str, ...]:
        return tuple(sorted(self.to_remove))

    def mark_indexed(self, doc_ids: Iterable[str]) -> None:
        self.to_index -= set(doc_ids)

    def mark_removed(self, doc_ids: Iterable[str]) -> None:
        self.to_remove -= set(doc_ids)

    def document(self, doc_id: str) -> Document:
        if doc_id not in self.current:
            raise _missing("document")
        return self.current[doc_id]

    def documents(self) -> Iterator[Document]:
        return iter(sorted(self.current.values(), key=lambda document: document.doc_id))

    def chunks_of(self, doc_id: str) -> tuple[Chunk, ...]:
        return self.current_chunks.get(doc_id, ())

    def chunks(self, chunk_ids: Sequence[str]) -> dict[str, Chunk]:
        return {c: self.every_chunk[c] for c in chunk_ids if c in self.every_chunk}

    def current_chunk_ids(self) -> Iterator[str]:
        return (chunk.chunk_id for chunks in self.current_chunks.values() for chunk in chunks)

    def visible(self, chunk_ids: Sequence[str], scope: Scope) -> frozenset[str]:
        seen = set()
        for chunk_id in chunk_ids:
            chunk = self.every_chunk.get(chunk_id)
            document = self.current.get(chunk.doc_id) if chunk else None
            if document is not None and scope.allows(document.access):
                seen.add(chunk_id)
        return frozenset(seen)

    def counts(self) -> tuple[int, int]:
        return len(self.current), sum(len(chunks) for chunks in self.current_chunks.values())


@dataclass
class MemoryGolden:
    kept: dict[str, dict[str, GoldenSet]] = field(default_factory=dict)

    def put(self, golden: GoldenSet) -> str:
        self.kept.setdefault(golden.name, {}).setdefault(golden.version, golden)
        return golden.version

    def get(self, name: str, version: str = "") -> GoldenSet:
        versions = self.kept.get(name)
        if not versions:
            raise _missing("golden set")
        if not version:
            return list(versions.values())[-1]
        return versions[_one_with_prefix(versions, version, "golden set")]

    def versions(self, name: str) -> tuple[tuple[str, str, int], ...]:
        return tuple((v, g.created_at, len(g.cases)) for v, g in self.kept.get(name, {}).items())

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.kept))


@dataclass
class MemoryRuns:
    headers: dict[str, Run] = field(default_factory=dict)
    journal: dict[str, dict[tuple[str, int], Sample]] = field(default_factory=dict)

    def create(self, run: Run) -> None:
        known = self.headers.setdefault(run.run_id, run)
        if not same_specification(run, known):
            raise CannotJudge("run.other_specification", "a run with this id exists and was specified otherwise")
        self.headers[run.run_id] = replace(known, status=run.status)
        self.journal.setdefault(run.run_id, {})

    def append(self, run_id: str, samples: Sequence[Sample]) -> None:
        if not all(math.isfinite(score) for sample in samples for score in sample.scores.values()):
            raise ValueError("a score that is not finite is no score")
        if run_id not in self.journal:
            raise _missing("run")
        for sample in samples:
            self.journal[run_id].setdefault((sample.case_id, sample.repeat), sample)

    def samples(self, run_id: str) -> Iterator[Sample]:
        return iter(list(self.journal.get(run_id, {}).values()))

    def sample(self, run_id: str, case_id: str, repeat: int = 0) -> Sample | None:
        return self.journal.get(run_id, {}).get((case_id, repeat))

    def done(self, run_id: str) -> frozenset[tuple[str, int]]:
        return frozenset(self.journal.get(run_id, {}))

    def finish(self, run_id: str, status: RunStatus, samples_digest: str = "") -> None:
        if run_id not in self.headers:
            raise _missing("run")
        known = self.headers[run_id]
        digest = samples_digest or known.samples_digest
        self.headers[run_id] = replace(known, status=status, samples_digest=digest)

    def run(self, run_id: str) -> Run:
        return self.headers[_one_with_prefix(self.headers, run_id, "run")]

    def runs(self) -> tuple[Run, ...]:
        return tuple(sorted(self.headers.values(), key=lambda run: run.created_at, reverse=True))


@dataclass
class MemoryBundles:
    kept: dict[str, Bundle] = field(default_factory=dict)

    def put(self, bundle: Bundle) -> str:
        return self.kept.setdefault(bundle.bundle_id, bundle).bundle_id

    def get(self, bundle_id: str) -> Bundle:
        if len(bundle_id) < 6:
            raise _missing("bundle", "name at least six digits of its id")
        return self.kept[_one_with_prefix(self.kept, bundle_id, "bundle")]

    def bundles(self, app: str = "") -> tuple[Bundle, ...]:
        found = [bundle for bundle in self.kept.values() if not app or bundle.app == app]
        return tuple(sorted(found, key=lambda bundle: bundle.created_at, reverse=True))


@dataclass
class MemoryReleases:
    events: dict[str, list[ReleaseEvent]] = field(default_factory=dict)

    def pointer(self, app: str) -> Pointer | None:
        events = self.events.get(app)
        return Pointer(app, events[-1].revision, events[-1].bundle_id) if events else None

    def swap(self, event: ReleaseEvent, expected_revision: int) -> Pointer:
        pointer = self.pointer(event.app)
        if (pointer.revision if pointer else 0) != expected_revision:
            raise Busy("release.moved", "the live pointer was moved meanwhile", remedy="read its state and try again")
        self.events.setdefault(event.app, []).append(replace(event, revision=expected_revision + 1))
        return Pointer(event.app, expected_revision + 1, event.bundle_id)

    def history(self, app: str) -> tuple[ReleaseEvent, ...]:
        return tuple(reversed(self.events.get(app, [])))


@dataclass
class MemoryDecisions:
    kept: dict[str, Decision] = field(default_factory=dict)

    def put(self, decision: Decision) -> None:
        self.kept.setdefault(decision.decision_id, decision)

    def get(self, decision_id: str) -> Decision:
        return self.kept[_one_with_prefix(self.kept, decision_id, "decision")]

    def for_bundle(self, bundle_id: str) -> tuple[Decision, ...]:
        return tuple(d for d in self.decisions() if d.candidate_bundle == bundle_id)

    def decisions(self) -> tuple[Decision, ...]:
        return tuple(sorted(self.kept.values(), key=lambda decision: decision.created_at, reverse=True))


@dataclass
class MemoryCalibrations:
    kept: dict[str, Calibration] = field(default_factory=dict)

    def put(self, calibration: Calibration) -> None:
        self.kept[calibration.app] = calibration

    def get(self, app: str) -> Calibration | None:
        return self.kept.get(app)


@dataclass
class MemoryTraces:
    kept: dict[str, Trace] = field(default_factory=dict)
    opinions: list[Feedback] = field(default_factory=list)

    def append(self, traces: Sequence[Trace]) -> None:
        self.kept.update({trace.trace_id: trace for trace in traces})

    def get(self, trace_id: str) -> Trace:
        return self.kept[_one_with_prefix(self.kept, trace_id, "trace")]

    def list(self, tenant: str | None = None, limit: int = 50, before: str = "") -> tuple[Trace, ...]:
        found = [
            t for t in self.kept.values() if (tenant is None or t.tenant == tenant) and (not before or t.at < before)
        ]
        return tuple(sorted(found, key=lambda trace: trace.at, reverse=True)[:limit])

    def prune(self, before: str) -> int:
        old = [trace_id for trace_id, trace in self.kept.items() if trace.at < before]
        for trace_id in old:
            del self.kept[trace_id]
        self.opinions = [
            opinion
            for opinion in self.opinions
            if opinion.trace_id not in old and (opinion.trace_id in self.kept or opinion.at >= before)
        ]
        return len(old)

    def add_feedback(self, feedback: Feedback) -> None:
        if all(opinion.feedback_id != feedback.feedback_id for opinion in self.opinions):
            self.opinions.append(feedback)

    def feedback(self, trace_id: str) -> tuple[Feedback, ...]:
        found = [opinion for opinion in self.opinions if opinion.trace_id == trace_id]
        return tuple(sorted(found, key=lambda opinion: (opinion.at, opinion.feedback_id)))


@dataclass
class MemoryKeys:
    kept: dict[str, ApiKey] = field(default_factory=dict)

    def put(self, key: ApiKey) -> None:
        self.kept[key.key_id] = key

    def by_hash(self, key_sha256: str) -> ApiKey | None:
        return next((key for key in self.kept.values() if key.key_sha256 == key_sha256), None)

    def keys(self) -> tuple[ApiKey, ...]:
        return tuple(sorted(self.kept.values(), key=lambda key: key.created_at))

    def revoke(self, key_id: str, at: str) -> None:
        if key_id not in self.kept:
            raise _missing("key")
        self.kept[key_id] = replace(self.kept[key_id], revoked_at=at)


@dataclass
class MemoryCertificates:
    kept: dict[str, Certificate] = field(default_factory=dict)

    def put(self, certificate: Certificate) -> str:
        return _put_new(self.kept, certificate.certificate_id, certificate)

    def get(self, certificate_id: str) -> Certificate:
        return self.kept[_named(self.kept, certificate_id, "certificate")]

    def newest(self, kind: str, subject: str = "") -> Certificate | None:
        return next((one for one in self.certificates(kind) if not subject or one.subject == subject), None)

    def certificates(self, kind: str = "") -> tuple[Certificate, ...]:
        found = [one for one in self.kept.values() if not kind or one.kind == kind]
        by_id = sorted(found, key=lambda one: one.certificate_id)
        return tuple(sorted(by_id, key=lambda one: one.created_at, reverse=True))


@dataclass
class MemoryModels:
    kept: dict[str, TrainedModel] = field(default_factory=dict)

    def put(self, model: TrainedModel) -> str:
        return _put_new(self.kept, model.model_id, model)

    def get(self, model_id: str) -> TrainedModel:
        return self.kept[_named(self.kept, model_id, "model")]

    def newest(self, kind: str, name: str = "") -> TrainedModel | None:
        return next((model for model in self.models(kind) if not name or model.name == name), None)

    def models(self, kind: str = "") -> tuple[TrainedModel, ...]:
        found = [model for model in self.kept.values() if not kind or model.kind == kind]
        by_id = sorted(found, key=lambda model: model.model_id)
        return tuple(sorted(by_id, key=lambda model: model.created_at, reverse=True))


def _put_new(kept: dict[str, Any], name: str, value: Any) -> str:
    kept.setdefault(name, value)
    return name


def _named(kept: Iterable[str], prefix: str, kind: str) -> str:
    """At least six digits, as the real stores ask."""
    if len(prefix) < 6:
        raise _missing(kind, "name at least six digits of its id")
    return _one_with_prefix(kept, prefix, kind)
