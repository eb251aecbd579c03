"""`assay forget`: what is asked becomes a plan, the plan a journalled erasure, and its end a signed certificate."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from assay.adapters.embedded_index.durable import write_durably
from assay.adapters.embedded_index.erasing import marks_of_vectors
from assay.adapters.embedded_index.reader import EmbeddedReader
from assay.adapters.files import WorkspaceLock
from assay.adapters.sql.erasing import Held, SqlErasing, SqlJournal
from assay.adapters.sql.owned import of_tenant
from assay.govern.certify import signed
from assay.govern.forget import DONE, ERASING, REMAINS, Erasure, Forgotten, allowed_again, certificate, denials, erase
from assay.govern.forget_marks import SHINGLE, Marks, new_marks, tag, words
from assay.ingest.roots import Root, remote, source_path
from assay.records.certificates import Certificate
from assay.records.errors import CannotJudge, InputError, NotFound
from assay.wiring import auditing, canarying, privacy_keys
from assay.wiring.build import Workspace
from assay.wiring.certifying import signer
from assay.wiring.forget_work import EMBEDDED, Work, marks_folder

PURPOSE = "assay forget"
Told = Callable[[str], object]
SHORTEST_SUBJECT = 3


@dataclass(frozen=True)
class Asked:
    """What is to be forgotten, in the words of the command."""

    documents: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    owned: tuple[str, ...] = ()
    """Tags (`forget_marks.tag`) of rows and keys that are a subject's own, wherever no name stands in them."""

    @property
    def kinds(self) -> tuple[str, ...]:
        stated = {
            "document": self.documents, "source": self.sources, "subject": self.subjects, "tenant": self.tenants
        }  # fmt: skip
        return tuple(kind for kind, given in stated.items() if given)


@dataclass(frozen=True)
class Plan:
    """What an erasure would take away. `touched` counts records that would lose text, by kind."""

    asked: Asked
    doc_ids: tuple[str, ...]
    source_uris: tuple[str, ...]
    held: Held
    touched: dict[str, int]
    """What goes as a whole is counted beside, such as `owned traces` or `vault`."""
    golden: tuple[str, ...]
    snapshots: tuple[str, ...]
    copies: int
    """Copies of the database from before a migration, which are deleted."""
    live: tuple[str, ...]
    """Apps whose live bundle stands on one of the snapshots."""
    marks: Marks
    texts: tuple[str, ...]

    @property
    def empty(self) -> bool:
        return not any(self.held.by_document.values()) and not self.source_uris and not any(self.touched.values())

    def summary(self) -> dict[str, object]:
        """For people and programs; names documents, but holds no text of theirs and no subject."""
        return {
            "documents": list(self.doc_ids),
            "chunks": len(self.held.chunk_ids),
            "text_copies": len(self.held.texts),
            "source_files": sorted({*self.held.source_uris, *self.source_uris}),
            "records": self.touched,
            "golden_sets": list(self.golden),
            "snapshots": [name[:12] for name in self.snapshots],
            "database_copies": self.copies,
            "live_apps": list(self.live),
        }


def plan(place: Workspace, asked: Asked) -> Plan:
    """What would be taken away. Raises InputError for a subject that is too short, NotFound when nothing matches."""
    tables = SqlErasing(place.database)
    for subject in asked.subjects:
        if len("".join(words(subject))) < SHORTEST_SUBJECT:
            raise InputError(
                "forget.subject_too_short", "a subject needs at least three letters or digits", where="--subject"
            )
    found, uris = _documents(place, tables, asked)
    doc_ids = tuple(sorted(found))
    work = _marked(place, asked, doc_ids, tuple(sorted(uris)))
    touched = tables.touched(work.forbidden) | privacy_keys.counted(place, work.marks)
    snapshots = work.embedded.snapshots_with(work.marks) if work.embedded is not None else ()
    made = Plan(
        asked,
        doc_ids,
        tuple(sorted(uris)),
        tables.held(doc_ids),
        touched,
        tuple(sorted({name.partition("@")[0] for name in tables.golden_changes(work.forbidden)})),
        snapshots,
        len(list(place.store.glob("assay.db.before-*"))),
        _live_on(place, work, snapshots),
        work.marks,
        tuple(work.texts),
    )
    if made.empty:
        raise NotFound(
            "forget.nothing_found",
            "nothing in this workspace matches",
            remedy="assay source list names sources, assay search finds documents",
        )
    return made


def _documents(place: Workspace, tables: SqlErasing, asked: Asked) -> tuple[set[str], set[str]]:
    """Ids of the documents that are meant, and addresses of the files that are."""
    known, denied = tables.every_document(), forgotten(place)
    for doc_id in asked.documents:
        # One that was forgotten before may have left a trace since: that of an answer which was being made just then.
        if doc_id not in known and not denied.document(doc_id, ""):
            raise NotFound("forget.no_document", "there is no such document", where=doc_id, remedy="assay search")
    found, uris = set(asked.documents), set[str]()
    for source in asked.sources:
        below, addresses = tables.below(_root_of(source))
        if not below and not addresses:
            raise NotFound("forget.no_source", "nothing came from there", where=source, remedy="assay source list")
        found |= below
        uris |= addresses
    for tenant in asked.tenants:
        found |= of_tenant(place.database, tenant)
    if asked.subjects:
        found |= _about(place, tables, new_marks(subjects=asked.subjects))
    return found | canarying.beside(place, found), uris


def _root_of(source: str) -> Callable[[str], bool]:
    if source.startswith("file://"):
        return Root(source_path(source)).holds
    return Root(source if remote(source) else str(Path(source).expanduser().resolve())).holds


def _about(place: Workspace, tables: SqlErasing, subject: Marks) -> set[str]:
    """Documents of which any version names a subject in its text, title, headings or metadata."""
    known: dict[str, bool] = {"": True}
    found: set[str] = set()
    blobs = place.stores.blobs
    for doc_id, digest in tables.documents_with_text(subject.holds_subject):
        if digest not in known:
            known[digest] = blobs.has(digest) and subject.holds_subject(blobs.get(digest).decode())
        if known[digest]:
            found.add(doc_id)
    return found


def _marked(place: Workspace, asked: Asked, doc_ids: tuple[str, ...], uris: tuple[str, ...]) -> Work:
    """The work with its marks: made while the texts still stand."""
    tables = SqlErasing(place.database)
    held, others = tables.held(doc_ids), tables.others(doc_ids)
    blobs = place.stores.blobs
    gone = held.texts - others.texts
    texts = [blobs.get(digest).decode() for digest in sorted(gone) if blobs.has(digest)]
    titles = [title for title in held.titles if len(words(title)) >= SHINGLE]
    hashes = (held.texts | held.files) - others.texts
    addresses = {*held.source_uris, *uris} - (others.uris - {*uris})
    kept = (blobs.get(digest).decode() for digest in sorted(others.texts) if blobs.has(digest))
    sealed = privacy_keys.values_in(place, texts, kept)
    names = {*doc_ids, *held.chunk_ids, *hashes, *addresses, *sealed}
    marks = new_marks([*texts, *titles], asked.subjects, sorted(names), others.spoken)
    marks = marks.owning([*asked.owned, *(tag("tenant", tenant) for tenant in asked.tenants)])
    if place.settings.index.engine == EMBEDDED:
        head = place.index.head()
        assert isinstance(head, EmbeddedReader)
        marks = replace(marks, vectors=marks_of_vectors(head, held.chunk_ids))
    salt = secrets.token_hex(32)
    stated = {
        doc_id: [(kind, value) for kind, value in known if value not in others.texts]
        for doc_id, known in held.by_document.items()
    }
    erasure = Erasure(secrets.token_hex(8), ERASING, place.clock.now(), asked.kinds, salt, denied=denials(salt, stated))
    return Work(place, erasure, marks, texts)


def _live_on(place: Workspace, work: Work, snapshots: Sequence[str]) -> tuple[str, ...]:
    """Apps whose live bundle stands on a snapshot that is replaced, or in an engine whose snapshots are dropped."""
    found = []
    for app in place.settings.apps:
        pointer = place.stores.releases.pointer(app)
        if pointer is None:
            continue
        pinned = place.stores.bundles.get(pointer.bundle_id)
        elsewhere = pinned.components.get("snapshot", {}).get("engine", EMBEDDED) != EMBEDDED
        if elsewhere or (work.embedded is not None and work.embedded.standing(pinned.snapshot_id) in snapshots):
            found.append(app)
    return tuple(found)


@contextmanager
def _alone(place: Workspace) -> Iterator[None]:
    """No other process writes the index or makes vectors. Raises Busy."""
    with WorkspaceLock(place.store / "write.lock", PURPOSE), WorkspaceLock(place.store / "vectors.lock", PURPOSE):
        yield


def forget(place: Workspace, asked: Asked, told: Told = lambda _: None) -> tuple[Erasure, Certificate]:
    """Do it: journal, remove, compact, probe, certify. What an earlier erasure left unfinished is finished first.

    Raises Busy while another process writes, and what `plan` raises. After a crash `resume` goes on.
    """
    with _alone(place):
        _finish_open(place, told)
        made = plan(place, asked)
        work = _marked(place, asked, made.doc_ids, made.source_uris)
        folder = marks_folder(place)
        folder.mkdir(exist_ok=True)
        # The marks first: a journal entry without them could not be probed for once the texts are gone.
        write_durably(folder / f"{work.erasure.erasure_id}.marks", work.marks.to_bytes())
        SqlJournal(place.database).put(work.erasure)
        return _finish(work, told)


def resume(place: Workspace, told: Told = lambda _: None) -> tuple[tuple[Erasure, Certificate], ...]:
    """Go on with every erasure that was not finished. Raises Busy."""
    with _alone(place):
        return _finish_open(place, told)


def go_on(place: Workspace) -> None:
    """For whoever has just taken the workspace's write lock: nothing is written before an erasure that was cut short is
    finished. One that ended with something left over waits for a person, who was told."""
    if any(one.state == ERASING for one in SqlJournal(place.database).erasures()):
        with WorkspaceLock(place.store / "vectors.lock", PURPOSE):
            _finish_open(place, lambda _: None, (ERASING,))


def _finish_open(
    place: Workspace, told: Told, states: Sequence[str] = (ERASING, REMAINS)
) -> tuple[tuple[Erasure, Certificate], ...]:
    unfinished = [one for one in SqlJournal(place.database).erasures() if one.state in states]
    done = tuple(_finish(Work(place, one, _kept_marks(place, one)), told) for one in unfinished)
    _drop_marks_of_no_erasure(place)
    return done


def _kept_marks(place: Workspace, erasure: Erasure) -> Marks:
    path = marks_folder(place) / f"{erasure.erasure_id}.marks"
    try:
        return Marks.from_bytes(path.read_bytes())
    except (OSError, ValueError, KeyError) as error:
        raise CannotJudge(
            "forget.no_marks",
            "an erasure was interrupted and the file that tells what to look for is gone",
            where=str(path),
            remedy="restore it from a backup of .assay/forget, or make the workspace anew from its sources",
        ) from error


def _drop_marks_of_no_erasure(place: Workspace) -> None:
    """A process that died before its journal entry left marks of an erasure that never began."""
    still = {one.erasure_id for one in SqlJournal(place.database).erasures() if one.open}
    for path in marks_folder(place).glob("*"):
        if path.stem not in still:
            path.unlink(missing_ok=True)


def _finish(work: Work, told: Told) -> tuple[Erasure, Certificate]:
    place, journal = work.place, SqlJournal(work.place.database)
    told("removing")
    erasure = erase(work.erasure, work.steps(), journal)
    erasure = replace(
        erasure, golden={**erasure.golden, **work.golden}, snapshots={**erasure.snapshots, **work.snapshots}
    )
    journal.put(erasure)
    told("compacting")
    work.tighten()
    told("probing")
    after = Work(place, erasure, work.marks, work.texts)
    probed = after.probe()
    facts = {"shingles": work.marks.count, "also_elsewhere": work.marks.count - after.forbidden.count,
             "names": len(work.marks.names), "digest": work.marks.digest}  # fmt: skip
    made = signed(certificate(erasure, probed, facts, place.clock.now()), signer(place))
    place.stores.certificates.put(made)
    finished = replace(erasure, state=DONE if made.passed else REMAINS, certificate_id=made.certificate_id)
    journal.put(finished)
    if made.passed:
        (marks_folder(place) / f"{erasure.erasure_id}.marks").unlink(missing_ok=True)
    about = {"erasure": erasure.erasure_id, "certificate": made.certificate_id}
    auditing.record(place, "forget", finished.state, subject=about)
    return finished, made


def erasures(place: Workspace) -> tuple[Erasure, ...]:
    """Oldest first."""
    return SqlJournal(place.database).erasures()


def forgotten(place: Workspace) -> Forgotten:
    """What no sync may bring back."""
    return Forgotten([one for one in erasures(place) if one.denied])


def allow(place: Workspace, doc_ids: Sequence[str]) -> int:
    """Let documents be ingested again that were forgotten; how many erasures that touched. Raises NotFound."""
    journal = SqlJournal(place.database)
    changed = allowed_again(journal.erasures(), doc_ids)
    if not changed:
        raise NotFound("forget.not_forgotten", "no erasure denies this document", where=", ".join(doc_ids))
    for erasure in changed:
        journal.put(erasure)
    return len(changed)
