"""New documents beside those that are known: nearly the same, the same but for a value, another value for a subject."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from assay.ingest import poison_claims
from assay.ingest.poison import (
    CLAIMS,
    FOUND,
    HELD,
    MOST_SPANS,
    QUARANTINED,
    SKETCH,
    Actions,
    Check,
    Suspicion,
    held,
    packed,
    suspicions,
    told,
    version,
)
from assay.ingest.poison_copies import likeness
from assay.ingest.poison_looking import ALIKE
from assay.ingest.poison_sketch import bands_of
from assay.ports.storage import BlobStore
from assay.records.digest import sha256_bytes
from assay.records.documents import Document
from assay.records.errors import NotFound

if TYPE_CHECKING:
    from assay.ingest.reading import Record

AGREEING = 2
"""A value is contradicted when so many documents, and all that speak of the subject, say one other value."""
MOST_KNOWN = 250_000
"""Documents that are compared with; of a larger catalog the first ones."""
_MOST_COMPARED = 3
_MOST_IN_BAND = 64
"""Documents that share one band: of a template's thousand copies, some stand for all."""
_RECENT, _RECENT_CHARS = 256, 16_000_000
RELEASED, REJECTED = "release", "reject"
Decided = Callable[[str, str], str]
"""What was decided about a document's version: `release`, `reject`, or nothing."""


def short(doc_id: str) -> str:
    """A document in another one's findings: a digest, so that forgetting the one leaves no name in the other."""
    return sha256_bytes(doc_id.encode())[:12]


@dataclass
class Known:
    """Sketches and claims of the documents that are in the catalog and not quarantined, and of those that come.

    `documents` gives the catalog's when the first comparison is made, so that a sync in which nothing is new reads
    none. Memory is about a kilobyte a document.
    """

    actions: Actions
    documents: Callable[[], Iterable[Document]]
    blobs: BlobStore
    decided: Decided = lambda _doc_id, _version: ""
    again: frozenset[str] = frozenset()
    """Files that are read again although they have not changed, because a decision about them was."""
    _bands: dict[int, list[str]] = field(default_factory=dict)
    _values: dict[str, dict[str, str]] = field(default_factory=dict)
    """By subject: the value that each document gives."""
    _held: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """By document: its sketch, claims and the digest of its text."""
    _recent: OrderedDict[str, str] = field(default_factory=OrderedDict)
    _recent_chars: int = 0
    _read: bool = False

    def judged(self, records: Sequence[Record]) -> list[Record]:
        """The records with everything that was found; those that a check holds back have no chunks."""
        return [self._judged(record) for record in records]

    def drop(self, doc_ids: Iterable[str]) -> None:
        """Documents that are gone are compared with no more."""
        for doc_id in doc_ids:
            sketch, claims, _ = self._held.pop(doc_id, ("", "", ""))
            for band in bands_of(sketch) if sketch else ():
                self._bands[band] = [one for one in self._bands.get(band, ()) if one != doc_id]
            for claim in poison_claims.unpacked(claims):
                self._values.get(claim.subject, {}).pop(doc_id, None)

    def _judged(self, record: Record) -> Record:
        document = record.document
        found = (*suspicions(document), *self._compared(record))
        holding = self.actions.holds(found)
        outcome = self.decided(document.doc_id, version(document)) if holding else ""
        quarantined = bool(holding) and outcome != RELEASED
        if not quarantined:
            self._take(document, record.text)
        notes = {FOUND: packed(found) if found else "", HELD: ",".join(holding) if quarantined else ""}
        metadata = (*((name, value) for name, value in document.metadata if name not in notes),
                    *((name, value) for name, value in notes.items() if value))  # fmt: skip
        warnings = document.warnings
        if quarantined:
            reasons = told([one for one in found if one.check in holding])
            warnings = (f"{QUARANTINED}: kept from search: {reasons}; assay quarantine list", *warnings)
        if metadata == document.metadata and not quarantined:
            return record
        return replace(
            record,
            document=replace(document, metadata=metadata, warnings=warnings),
            chunks=() if quarantined else record.chunks,
        )

    def _compared(self, record: Record) -> Iterator[Suspicion]:
        if not self.actions.on(*ALIKE, Check.CONTRADICTION):
            return
        self._read_catalog()
        self.drop([record.document.doc_id])
        notes = dict(record.document.metadata)
        if self.actions.on(*ALIKE) and notes.get(SKETCH):
            yield from self._alike(record, notes[SKETCH])
        if notes.get(CLAIMS):
            yield from self._contradicted(record.document.doc_id, poison_claims.unpacked(notes[CLAIMS]))

    def _alike(self, record: Record, sketch: str) -> Iterator[Suspicion]:
        """Near-duplicates by the texts of those whose sketches agree most, and copies with other values."""
        shared = Counter(other for band in bands_of(sketch) for other in self._bands.get(band, ()))
        same: list[str] = []
        altered: list[tuple[str, tuple[tuple[int, int], ...]]] = []
        for other, _ in shared.most_common(_MOST_COMPARED):
            text = self._text(self._held[other][2])
            like = likeness(record.text, text) if text is not None else None
            if like is not None and like.changed:
                altered.append((other, like.changed))
            elif like is not None:
                same.append(other)
        if same and self.actions.on(Check.NEAR_DUPLICATE):
            yield Suspicion(Check.NEAR_DUPLICATE, "text", len(same), others=tuple(map(short, same)))
        if altered and self.actions.on(Check.ALTERED_COPY):
            places = altered[0][1][:MOST_SPANS]
            yield Suspicion(Check.ALTERED_COPY, "text", len(places), places, tuple(short(one) for one, _ in altered))

    def _contradicted(self, doc_id: str, said: Sequence[poison_claims.Claim]) -> Iterator[Suspicion]:
        """Claims for which every document that speaks of the subject, and enough of them, say one other value."""
        spans: list[tuple[int, int]] = []
        others: dict[str, None] = {}
        for claim in said:
            values = self._values.get(claim.subject, {})
            apart = {value for other, value in values.items() if other != doc_id}
            if len(values) >= AGREEING and len(apart) == 1 and claim.value not in apart:
                spans.append((claim.start, claim.end))
                others |= dict.fromkeys(map(short, values))
        if spans:
            yield Suspicion(Check.CONTRADICTION, "text", len(spans), tuple(spans), tuple(others))

    def _read_catalog(self) -> None:
        if self._read:
            return
        self._read = True
        for document in self.documents():
            if not held(document):
                self._take(document, None)

    def _take(self, document: Document, text: str | None) -> None:
        """From here on others are compared with this document."""
        notes = dict(document.metadata)
        sketch, claims = notes.get(SKETCH, ""), notes.get(CLAIMS, "")
        if not (sketch or claims) or len(self._held) >= MOST_KNOWN:
            return
        doc_id = document.doc_id
        self._held[doc_id] = (sketch, claims, document.text_sha256)
        for band in bands_of(sketch) if sketch else ():
            others = self._bands.setdefault(band, [])
            if len(others) < _MOST_IN_BAND:
                others.append(doc_id)
        for claim in poison_claims.unpacked(claims):
            self._values.setdefault(claim.subject, {})[doc_id] = claim.value
        if text is not None:
            self._remember(document.text_sha256, text)

    def _remember(self, digest: str, text: str) -> None:
        """The texts of this sync's last documents, which may wait to be written still."""
        self._recent[digest] = text
        self._recent_chars += len(text)
        while len(self._recent) > _RECENT or self._recent_chars > _RECENT_CHARS:
            _, gone = self._recent.popitem(last=False)
            self._recent_chars -= len(gone)

    def _text(self, digest: str) -> str | None:
        if digest in self._recent:
            return self._recent[digest]
        try:
            return self.blobs.get(digest).decode("utf-8")
        except NotFound:
            return None
