"""A source text as it was read, and the pieces of it that are indexed.

All offsets count Unicode code points in the immutable text copy, start inclusive, end exclusive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from assay.records.access import AccessList


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of one immutable text copy."""

    doc_id: str
    text_sha256: str
    start: int
    end: int


class BlockKind(StrEnum):
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST = "list"
    TABLE = "table"
    CODE = "code"
    QUOTE = "quote"


@dataclass(frozen=True, slots=True)
class Block:
    """A structural unit a parser saw: a paragraph, list, table, code listing or heading."""

    kind: BlockKind
    start: int
    end: int
    level: int = 0
    """Heading level 1 to 6; 0 for everything else."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a paged document, numbered from 1."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Aside:
    """Text of a source that a reader of it does not see where it stands, though a program may.

    `place` names where: `html.hidden`, `html.comment`, `html.attribute`, `pdf.invisible`, `docx.hidden`, …; `shown`
    says that it went into the text copy all the same. It is examined when the source is read, and kept nowhere.
    """

    place: str
    text: str
    shown: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a parser made of one source record, before the workspace's rules are applied."""

    text: str
    blocks: tuple[Block, ...]
    title: str = ""
    pages: tuple[Page, ...] = ()
    language: str = ""
    """BCP 47 primary tag when the source states it; empty means detect."""
    record_id: str = ""
    """Identity inside a file that holds several documents (CSV and JSONL); empty otherwise."""
    access: AccessList | None = None
    """Access list stated in front matter; None when the source says nothing."""
    metadata: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    unread_pages: tuple[int, ...] = ()
    """Numbers of the pages that show something and gave no readable text: scanned, or without usable characters."""
    asides: tuple[Aside, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A source text in the catalog. `doc_id` is stable across versions; `text_sha256` names this version's text."""

    doc_id: str
    text_sha256: str
    title: str
    source_uri: str
    media_type: str
    language: str
    modified_at: str
    """ISO 8601, UTC: the source's modification time."""
    access: AccessList
    chars: int
    headings: tuple[Block, ...] = ()
    pages: tuple[Page, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    quality: float = 1.0
    """How well the text could be read, from 0 to 1; what lowers it stands in `warnings`."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A span of a document that is indexed as one unit.

    `text` is exactly the copy's characters from `start` to `end`. `heading_path` holds the headings it stands under,
    outermost first; the index searches heading path and text together.
    """

    chunk_id: str
    doc_id: str
    text_sha256: str
    ordinal: int
    start: int
    end: int
    text: str
    title: str
    heading_path: tuple[str, ...]
    kind: BlockKind
    language: str
    access: AccessList
    page: int = 0
    """Page on which the chunk starts, from 1; 0 where the source has no pages."""
    source_uri: str = ""
    modified_at: str = ""

    @property
    def span(self) -> Span:
        return Span(self.doc_id, self.text_sha256, self.start, self.end)


@dataclass(frozen=True, slots=True)
class Version:
    """A text that a document had, and when: from `valid_from` up to, and not including, `valid_to`.

    Only for a version that is over, `document` says what the document was like and `chunk_ids` what it was cut into,
    in reading order; for the one that is current both stand in the catalog. Moments as `records.moments` writes them.
    """

    doc_id: str
    text_sha256: str
    valid_from: str
    valid_to: str = ""
    """Empty for the version that is current."""
    document: Document | None = None
    chunk_ids: tuple[str, ...] = ()
    origin: str = ""
    """The address of the file it was read from."""


def public_source(source_uri: str, doc_id: str) -> str:
    """Where a reader is told a document comes from: its address on the web, or else its id: paths on the server's disk,
    buckets and repositories are nobody else's business."""
    return source_uri if source_uri.startswith(("https://", "http://")) else doc_id


class ParseStatus(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ParseOutcome:
    """One line of the parse report: what happened to one file or record, and why."""

    source_uri: str
    status: ParseStatus
    code: str = ""
    """Stable reason code, such as `ingest.encrypted_pdf`; empty when all went well."""
    reason: str = ""
    documents: int = 0
    chunks: int = 0


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What one ingestion did, with the time each stage took."""

    outcomes: tuple[ParseOutcome, ...]
    stage_ms: dict[str, float] = field(default_factory=dict)
    interrupted: bool = False
    findings: dict[str, int] = field(default_factory=dict)
    """How many findings each rule of the scan has in what was read."""
    suspicious: dict[str, int] = field(default_factory=dict)
    """In how many documents each check for planted text found something."""
    quarantined: int = 0
    """Documents that were read and are kept from search until somebody decides."""

    def count(self, status: ParseStatus) -> int:
        return sum(1 for outcome in self.outcomes if outcome.status is status)
