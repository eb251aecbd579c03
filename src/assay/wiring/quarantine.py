"""Documents that a check keeps from search: which there are, what was decided about them, and what that does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.detect import hidden
from assay.detect.orders import OrderScanner
from assay.ingest.poison import Actions, Check, Suspicion, held, suspicions, version
from assay.ingest.poison_hidden import HiddenText
from assay.ingest.poison_known import REJECTED, RELEASED, Known, short
from assay.ingest.poison_looking import Checks, examined
from assay.ingest.roots import Root, source_path
from assay.ports.reading import Signal
from assay.ports.storage import SourceState
from assay.records.digest import sha256_bytes
from assay.records.documents import Document
from assay.records.errors import InputError, NotFound
from assay.records.findings import Finding
from assay.records.ledger import Entry

if TYPE_CHECKING:
    from assay.wiring.build import Workspace
    from assay.wiring.settings_ingest import IngestSettings

KIND = "poison.decision"
_LONGEST_REASON = 500
_MOST_TEXT = 400


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided about one version of a document. `document` is `[forgotten]` after `assay forget`."""

    document: str
    version: str
    decision: str
    owner: str
    reason: str
    at: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A document that is kept from search. `rejected` is by whom and why, where somebody decided so."""

    document: str
    title: str
    source: str
    version: str
    checks: tuple[str, ...]
    findings: tuple[Suspicion, ...]
    """`others` are the ids of the documents that a finding is about, as far as they are there still."""
    rejected: Decision | None = None


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What stands at a finding: for the operator who asks for it, and data, never instructions."""

    where: str
    start: int
    end: int
    text: str


def actions(settings: IngestSettings) -> Actions:
    return Actions({check: getattr(settings.checks, check.value) for check in Check})


def checks(settings: IngestSettings) -> Checks | None:
    """What a reader looks for; None when everything is off."""
    wanted = actions(settings)
    if not wanted.on(*Check):
        return None
    return Checks(wanted, hidden_text())


def hidden_text() -> HiddenText:
    return HiddenText(HiddenScanner(), OrderScanner(), InjectionSignal())


@dataclass(frozen=True, slots=True)
class InjectionSignal:
    """The packaged signal of injection, loaded when the first hidden text is met."""

    @property
    def recipe(self) -> str:
        told = packaged_card("injection")
        return f"signal.injection.v{told['version']}({told['arrays_sha256'][:12]})"

    def score(self, text: str) -> float:
        return _injection().score(text)

    def find(self, text: str) -> tuple[Finding, ...]:
        return _injection().find(text)


def _injection() -> Signal:
    from assay.detect.signals.packaged import load

    return load("injection")


@cache
def packaged_card(name: str) -> dict[str, Any]:
    """Read once: a reader's recipe names the signal for every file."""
    from assay.detect.signals.packaged import card

    return card(name)


@dataclass(frozen=True, slots=True)
class HiddenScanner:
    """A TextScanner for invisible characters."""

    recipe: str = "hidden.v1"

    def scan(self, text: str) -> tuple[Finding, ...]:
        return hidden.find(text)


def known(place: Workspace) -> Known | None:
    """What new documents are compared with; None when every check is off."""
    wanted = actions(place.settings.ingest)
    if not wanted.on(*Check):
        return None
    newest = _newest(place)
    return Known(
        wanted, place.stores.catalog.documents, place.stores.blobs,
        lambda doc_id, examined_: newest[key].decision if (key := _subject(doc_id, examined_)) in newest else "",
        frozenset(_undone(place, newest)),
    )  # fmt: skip


def _undone(place: Workspace, newest: dict[str, Decision]) -> Iterator[str]:
    """Files of documents that do not stand as was decided about the version that is there."""
    waiting = set()
    for one in newest.values():
        try:
            document = place.stores.catalog.document(one.document)
        except NotFound:
            continue
        if version(document) == one.version and bool(held(document)) is (one.decision == RELEASED):
            waiting.add(one.document)
    if waiting:
        yield from (state.source_uri for state in place.stores.catalog.source_states() if waiting & set(state.doc_ids))


def quarantined(place: Workspace) -> tuple[Quarantined, ...]:
    """All of them, by id."""
    documents = {document.doc_id: document for document in place.stores.catalog.documents()}
    names = {short(doc_id): doc_id for doc_id in documents}
    newest = _newest(place)
    return tuple(
        _told(document, names, newest.get(_subject(doc_id, version(document))))
        for doc_id, document in sorted(documents.items())
        if held(document)
    )


def _told(document: Document, names: dict[str, str], decision: Decision | None) -> Quarantined:
    found = tuple(
        replace(one, others=tuple(names[other] for other in one.others if other in names))
        for one in suspicions(document)
    )
    return Quarantined(
        document.doc_id, document.title, document.source_uri, version(document),
        tuple(check.value for check in held(document)), found,
        decision if decision is not None and decision.decision == REJECTED else None,
    )  # fmt: skip


def one(place: Workspace, doc_id: str) -> Quarantined:
    """Raises NotFound `quarantine.unknown`."""
    for found in quarantined(place):
        if found.document == doc_id:
            return found
    raise NotFound(
        "quarantine.unknown", "no document of this id is in quarantine", where=doc_id,
        remedy="assay quarantine list shows the ids",
    )  # fmt: skip


def excerpts(place: Workspace, found: Quarantined) -> tuple[Excerpt, ...]:
    """What stands at the findings: in the text copy, and in the source where it can be read still."""
    document = place.stores.catalog.document(found.document)
    text = place.stores.blobs.get(document.text_sha256).decode("utf-8")
    shown = [
        Excerpt(suspicion.where, start, end, text[start : min(end, start + _MOST_TEXT)])
        for suspicion in found.findings
        for start, end in suspicion.spans
    ]
    return (*shown, *_asides(place, document, {suspicion.where for suspicion in found.findings}))


def _asides(place: Workspace, document: Document, places: set[str]) -> Iterator[Excerpt]:
    """What the source says in the places of findings, where it is a local file that reads as it did."""
    from assay.ingest.access import AccessRules
    from assay.wiring.reading import reader

    state = _state(place, document.doc_id)
    path = Path(source_path(state.source_uri))
    if not state.source_uri.startswith("file://") or not path.is_file():
        return
    parser = reader(place.settings, AccessRules()).parser(path.name)
    orders = OrderScanner()
    name = Root(state.source).named(str(path))
    for parsed in parser.parse(path.read_bytes(), name) if parser is not None else ():
        if examined(parsed) == version(document):
            told = [aside for aside in parsed.asides if aside.place in places]
            yield from (
                Excerpt(aside.place, -1, -1, aside.text[:_MOST_TEXT])
                for aside in sorted(told, key=lambda aside: not orders.scan(aside.text))[:20]
            )


def decide(place: Workspace, doc_id: str, decision: str, owner: str, reason: str) -> str:
    """Keep a decision about the version that is there, and act on it; what came of it, in words.

    Raises NotFound `quarantine.unknown` and InputError `quarantine.owner`, `quarantine.reason`.
    """
    if not owner.strip():
        raise InputError("quarantine.owner", "a decision needs an owner", where="--owner")
    if not reason.strip() or len(reason) > _LONGEST_REASON:
        raise InputError(
            "quarantine.reason", f"a decision needs a reason of at most {_LONGEST_REASON} characters", where="--reason"
        )
    document = _decidable(place, doc_id, decision)
    now = place.clock.now()
    body = {"document": doc_id, "version": version(document), "decision": decision, "owner": owner.strip(),
            "reason": reason.strip(), "checks": [one.check.value for one in suspicions(document)]}  # fmt: skip
    place.stores.ledger.append([Entry(KIND, _subject(doc_id, version(document)), now, body, now)])
    place.auditor.record(
        f"quarantine.{decision}", "done", who=owner.strip(),
        subject={"document": place.auditor.hidden(document.access.tenant, doc_id), "version": version(document)},
        counts={suspicion.check.value: suspicion.count for suspicion in suspicions(document)},
    )  # fmt: skip
    return _acted(place, document)


def _decidable(place: Workspace, doc_id: str, decision: str) -> Document:
    """The document: one in quarantine, or for a rejection one that was released from it."""
    if decision == REJECTED:
        decided = [found for found in _newest(place).values() if found.document == doc_id]
        for found in decided:
            document = place.stores.catalog.document(doc_id)
            if found.version == version(document):
                return document
    one(place, doc_id)
    return place.stores.catalog.document(doc_id)


def _acted(place: Workspace, document: Document) -> str:
    """Read the document's file again, so that what stands in the catalog and the index is what was decided."""
    from assay.wiring import ingesting

    if not frozenset(_undone(place, _newest(place))):
        return "stays out of search"
    state = _state(place, document.doc_id)
    local = state.source_uri.startswith("file://")
    paths = [Path(source_path(state.source_uri))] if local else []
    sources = [] if local else _sources_of(place, state.source_uri)
    if not sources and not any(path.exists() for path in paths):
        return "its file cannot be reached from here; the next assay ingest acts on it"
    ingesting.ingest(place, paths, lambda *_: None, lambda: False, sources=sources)
    try:
        now = place.stores.catalog.document(document.doc_id)
    except NotFound:
        return "its source does not hold it any more"
    return "stays out of search" if held(now) else "can be found"


def _sources_of(place: Workspace, uri: str) -> list[str]:
    """The source of `assay.yaml` that holds a file with this address."""
    from assay.wiring.sources import source_tree

    for name in place.settings.sources:
        with source_tree(place, (name,)) as (_, roots):
            if any(Root(root).holds(uri) for root in roots):
                return [name]
    return []


def _state(place: Workspace, doc_id: str) -> SourceState:
    found = next((state for state in place.stores.catalog.source_states() if doc_id in state.doc_ids), None)
    if found is None:
        raise NotFound("quarantine.unknown", "no source holds this document", where=doc_id)
    return found


def decisions(place: Workspace) -> tuple[Decision, ...]:
    """Every decision so far, oldest first."""
    return tuple(_decision(entry) for entry in place.stores.ledger.entries(KIND))


def _decision(entry: Entry) -> Decision:
    said = {name: str(entry.body.get(name, "")) for name in ("document", "version", "decision", "owner", "reason")}
    return Decision(**said, at=entry.at)


def _newest(place: Workspace) -> dict[str, Decision]:
    """The last decision about each version of a document, by its subject."""
    return {entry.subject: _decision(entry) for entry in place.stores.ledger.entries(KIND)}


def _subject(doc_id: str, examined_: str) -> str:
    """Where decisions about a version are kept: a digest, because nothing in the ledger's keys can be forgotten."""
    return sha256_bytes(f"{doc_id}\n{examined_}".encode())[:31]
