"""Moving a workspace to another engine: built from the catalog, nothing embedded twice, compared before it is used."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from assay.adapters.files import WorkspaceLock
from assay.ports.index import Embedder, Engine
from assay.records.access import EVERY_TENANT, RESERVED, AccessList, Scope
from assay.records.dialogue import Reply, Request, fold
from assay.records.digest import plain, sha256_json
from assay.records.documents import Chunk
from assay.records.errors import CannotJudge, InputError
from assay.records.golden import Case, Evidence, Expected
from assay.retrieve.wording import embedding_text
from assay.wiring import apps, golden_sets
from assay.wiring.build import Workspace, open_index
from assay.wiring.forgetting import go_on

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from assay.evaluate.moving import Answered, Searched

Progress = Callable[[int, int, str], object]
_DOCUMENTS_AT_ONCE = 200
_VECTORS_AT_ONCE = 512
SAMPLED = 200


@runtime_checkable
class KeepsVectors(Protocol):
    """An engine that gives back the vectors it holds."""

    def stored_vectors(self, recipe: str, chunk_ids: Sequence[str]) -> dict[str, NDArray[np.float32]]: ...


@dataclass(frozen=True, slots=True)
class Migration:
    """What was built, and how the new engine answers against the old one."""

    source: str
    target: str
    documents: int
    chunks: int
    vectors: int
    copied: int
    """Vectors that came from the old engine; the others from the cache."""
    without_vectors: int
    """Chunks that had no vector before either; `assay index embed` makes them."""
    golden: str
    """The golden set that was asked; empty when titles of documents were."""
    searched: Searched
    answered: Answered | None

    @property
    def worse(self) -> bool:
        return self.searched.worse or (self.answered is not None and self.answered.worse)


def migrate(
    place: Workspace, to: str, *, golden: str = "", resume: bool = False, answers: bool = True, progress: Progress
) -> Migration:
    """Fill the engine `to` from the catalog while nobody writes, then put the same questions to both.

    Raises InputError (`migrate.same_engine`, `migrate.not_empty`), CannotJudge (`migrate.differs`), Busy, and what the
    engines raise. Interrupted at any point it goes on with `resume`.
    """
    source = place.settings.index.engine
    if to == source:
        raise InputError("migrate.same_engine", "assay.yaml names this engine already", where=to)
    with WorkspaceLock(place.store / "write.lock", "assay index migrate"):
        go_on(place)
        with closing(open_index(place.root, place.settings, to)) as target:
            journal = _Journal(place.store / "migrations" / f"{to}.jsonl")
            if not resume:
                _must_be_empty(target, journal)
            _fill(place, target, journal, progress)
            copied = _copy_vectors(place, target, progress)
            _check(place, target)
            journal.forget()
        after = _at(place, to)
        cases = _cases(place, golden)
        searched = _compare_searches(place, after, cases, progress)
        answered = _compare_answers(place, after, cases, progress) if answers else None
        status = after.index.status()
        missing = _missing(place, after.index)
    return Migration(
        source, to, status.documents, status.chunks, status.vectors, copied, len(missing), golden, searched, answered
    )


class _Journal:
    """Which documents the target has, by what they were when they were put there: one line each, after the commit."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, str]:
        if not self._path.exists():
            return {}
        known: dict[str, str] = {}
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                known.update([json.loads(line)])
            except ValueError:  # the last line of a process that was killed: that document is put in again
                continue
        return known

    def note(self, documents: Mapping[str, str]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps([doc_id, digest]) + "\n" for doc_id, digest in documents.items())

    def forget(self) -> None:
        self._path.unlink(missing_ok=True)


def _must_be_empty(target: Engine, journal: _Journal) -> None:
    begun = bool(journal.read())
    if begun or target.head().chunks:
        raise InputError(
            "migrate.not_empty",
            "a move to this engine was begun and not ended" if begun else "the new engine holds chunks already",
            where=target.status().engine,
            remedy="--resume goes on and brings it in step with the catalog"
            + ("" if begun else "; or name an empty place for it in assay.yaml"),
        )


def _fill(place: Workspace, target: Engine, journal: _Journal, progress: Progress) -> None:
    """Every current document of the catalog, in batches that are journalled once they are durable."""
    catalog = place.stores.catalog
    known = journal.read()
    wanted = sorted(document.doc_id for document in catalog.documents())
    gone = sorted(set(known) - set(wanted))
    if gone:
        target.remove(gone)
        target.commit()
    for start in range(0, len(wanted), _DOCUMENTS_AT_ONCE):
        chunks = {doc_id: catalog.chunks_of(doc_id) for doc_id in wanted[start : start + _DOCUMENTS_AT_ONCE]}
        digests = {doc_id: _digest(mine) for doc_id, mine in chunks.items()}
        fresh = {doc_id: mine for doc_id, mine in chunks.items() if known.get(doc_id) != digests[doc_id]}
        if fresh:
            target.remove(list(fresh))
            target.add([chunk for mine in fresh.values() for chunk in mine])
            target.commit()
            journal.note({doc_id: digests[doc_id] for doc_id in fresh})
        progress(min(start + _DOCUMENTS_AT_ONCE, len(wanted)), len(wanted), "documents")


def _digest(chunks: Sequence[Chunk]) -> str:
    return sha256_json([[chunk.chunk_id, plain(chunk.access), chunk.text_sha256] for chunk in chunks])


def _copy_vectors(place: Workspace, target: Engine, progress: Progress) -> int:
    """Vectors of the old engine, and from the cache those it does not give; how many came from the old engine."""
    embedder = place.embedder(place.settings.index.embedder)
    if embedder is None:
        return 0
    source = place.index
    never = set(source.missing_vectors(embedder.recipe))
    wanted = [chunk_id for chunk_id in target.missing_vectors(embedder.recipe) if chunk_id not in never]
    copied = 0
    for start in range(0, len(wanted), _VECTORS_AT_ONCE):
        part = wanted[start : start + _VECTORS_AT_ONCE]
        vectors = source.stored_vectors(embedder.recipe, part) if isinstance(source, KeepsVectors) else {}
        copied += len(vectors)
        vectors.update(_cached(place, embedder, [chunk_id for chunk_id in part if chunk_id not in vectors]))
        target.add_vectors(embedder.recipe, vectors)
        progress(min(start + _VECTORS_AT_ONCE, len(wanted)), len(wanted), "vectors")
    return copied


def _cached(place: Workspace, embedder: Embedder, chunk_ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Vectors by the embedder, whose cache remembers every text it has seen."""
    chunks = place.stores.catalog.chunks(chunk_ids)
    if not chunks:
        return {}
    texts = [embedding_text(chunk) for chunk in chunks.values()]
    return dict(zip(chunks, embedder.embed(texts), strict=True))


def _missing(place: Workspace, engine: Engine) -> tuple[str, ...]:
    embedder = place.embedder(place.settings.index.embedder)
    return engine.missing_vectors(embedder.recipe) if embedder else ()


def _check(place: Workspace, target: Engine) -> None:
    """Raises CannotJudge when the new engine does not hold exactly the chunks that the old one holds."""
    before, after = place.index.head().chunks, target.head().chunks
    expected = sum(1 for _ in place.stores.catalog.current_chunk_ids())
    if after != expected:
        raise CannotJudge(
            "migrate.differs",
            f"the new engine holds {after:,} chunks, the catalog {expected:,} and the old engine {before:,}",
            where=target.status().engine,
            remedy="it held something else before: name an empty place for it in assay.yaml and begin anew",
        )


def _at(place: Workspace, engine: str) -> Workspace:
    """The same workspace as if `assay.yaml` named this engine."""
    index = place.settings.index.model_copy(update={"engine": engine})
    settings = place.settings.model_copy(update={"index": index})
    return replace(place, config=replace(place.config, settings=settings))


def _cases(place: Workspace, golden: str) -> tuple[Case, ...]:
    """The golden set's cases, or titles of documents drawn by chance, each of which should find its document."""
    if golden:
        return golden_sets.resolve(place, golden).cases
    titled = [
        document
        for document in place.stores.catalog.documents()
        if document.title.strip() and not _closed(document.access)
    ]
    drawn = random.Random(0).sample(titled, min(SAMPLED, len(titled)))  # noqa: S311 - a sample, no secret
    return tuple(
        Case(
            case_id=document.doc_id,
            question=document.title,
            expected=Expected(evidence=(Evidence(document.doc_id),)),
            scope=Scope(_tenant(place, document.access.tenant), frozenset(document.access.groups)),
        )
        for document in drawn
    )


def _closed(access: AccessList) -> bool:
    """True when no caller may read it, so that there is no scope to search in."""
    return any(name.startswith(RESERVED) for name in (access.tenant, *access.groups))


def _tenant(place: Workspace, tenant: str) -> str:
    return place.settings.access.default.tenant if tenant == EVERY_TENANT else tenant


def _compare_searches(place: Workspace, after: Workspace, cases: Sequence[Case], progress: Progress) -> Searched:
    from assay.evaluate.moving import compare_searches

    def told(done: int, total: int) -> object:
        return progress(done, total, "searches")

    pair = apps.head_retriever(place), apps.head_retriever(after)
    mode = apps.app_settings(place, place.default_app).retrieve.mode
    return compare_searches(cases, *pair, place.clock, mode=mode, progress=told)


def _compare_answers(place: Workspace, after: Workspace, cases: Sequence[Case], progress: Progress) -> Answered:
    from assay.evaluate.moving import compare_answers
    from assay.evaluate.scorers import scorer

    systems = [apps.start_app(where, place.default_app, traced=False).system for where in (place, after)]

    async def every() -> list[tuple[Reply, Reply]]:
        pairs: list[tuple[Reply, Reply]] = []
        for done, case in enumerate(cases, 1):
            request = Request(apps.new_request_id(), case.question, case.scope, case.history)
            before, now = [fold([event async for event in system.answer(request)]) for system in systems]
            pairs.append((before, now))
            progress(done, len(cases), "answers")
        return pairs

    return compare_answers(cases, asyncio.run(every()), scorer("correct"))
