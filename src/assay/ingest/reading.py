"""One file to documents with chunks: parsing, identity, language, access, chunking."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath

from assay.ingest import poison
from assay.ingest.access import AccessRules
from assay.ingest.chunk import ChunkPolicy, chunk_document
from assay.ingest.poison_looking import Checks
from assay.ingest.quality import QUALITY_RECIPE, Quality, parse_quality
from assay.ingest.scan import PREFIX, ScanPolicy, told
from assay.ports.reading import LanguageIdentifier, PagedParser, Parser, SourceEntry
from assay.records.access import AccessList
from assay.records.digest import sha256_bytes
from assay.records.documents import BlockKind, Chunk, Document, Parsed
from assay.records.errors import InputError

_LIBRARY_FAILURES = (
    ArithmeticError, AttributeError, LookupError, RecursionError, SyntaxError, TypeError, ValueError, zlib.error
)  # fmt: skip
"""What parsing libraries raise on damaged files besides their own errors; it costs the file, not the whole sync."""
LOW_QUALITY = "ingest.low_quality"
SCAN_HELD = "ingest.scan_held"
SCANNED = "ingest.scanned"
FORGOTTEN = "ingest.forgotten"
HELD = frozenset({LOW_QUALITY, SCAN_HELD, SCANNED, FORGOTTEN})
"""Codes of documents that were read and are kept out of the index by a rule of the workspace."""
_TITLE_CHARS = 60
_TENANT, _GROUPS = "stated.tenant", "stated.groups"


@dataclass(frozen=True, slots=True)
class Record:
    """One document of a file with its chunks and the text that both point into."""

    document: Document
    chunks: tuple[Chunk, ...]
    text: str
    origin: str
    """The record inside its file; empty where a file is one document."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that became no document, and why."""

    origin: str
    code: str
    reason: str
    findings: tuple[tuple[str, str], ...] = ()
    """What the scan counted, as in the metadata of a document."""


class Stopped(Exception):
    """The sync was asked to stop in the middle of a file."""


@dataclass
class Stages:
    """Milliseconds by stage."""

    ms: dict[str, float] = field(default_factory=dict)
    now: Callable[[], float] = time.monotonic

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        begun = self.now()
        try:
            yield
        finally:
            self.ms[name] = self.ms.get(name, 0.0) + (self.now() - begun) * 1000


@dataclass(frozen=True)
class Reader:
    """Turns the bytes of a file into records under the workspace's rules."""

    parsers: Mapping[str, Parser]
    language: LanguageIdentifier
    access: AccessRules
    policy: ChunkPolicy
    stages: Stages
    min_quality: float = 0.0
    """Documents whose parse quality is lower are held back."""
    scan: ScanPolicy | None = None
    checks: Checks | None = None
    """What is looked for that may have been planted."""

    def parser(self, relative: str) -> Parser | None:
        """The parser for the longest suffix of the file's name that is known."""
        parts = PurePosixPath(relative).name.lower().split(".")[1:]
        suffixes = ("." + ".".join(parts[start:]) for start in range(len(parts)))
        return next((self.parsers[suffix] for suffix in suffixes if suffix in self.parsers), None)

    def recipe(self, parser: Parser) -> str:
        """What decides the outcome besides the bytes: when it changes, files are read again."""
        scan = f" {self.scan.recipe}" if self.scan is not None else ""
        checks = f" {self.checks.recipe}" if self.checks is not None else ""
        return f"{parser.recipe} {self.policy.recipe} {QUALITY_RECIPE}({self.min_quality:g}){scan}{checks}"

    def read(
        self, parser: Parser, entry: SourceEntry, uri: str, path: str, data: bytes, stop: Callable[[], bool]
    ) -> tuple[list[Record], list[Rejected]]:
        """Records and rejected records of one file. `path` is its `<root>/<relative>` name.

        Raises InputError when nothing of the file can be read, and Stopped.
        """
        records: list[Record] = []
        rejected: list[Rejected] = []
        for parsed in self._parsed(parser, data, path, stop):
            if stop():
                raise Stopped
            taken = self._taken(parsed, parser, entry, uri, path) if parsed.text.strip() else _rejected(parsed)
            if isinstance(taken, Record):
                records.append(taken)
            else:
                rejected.append(taken)
        return records, rejected

    def _taken(self, parsed: Parsed, parser: Parser, entry: SourceEntry, uri: str, path: str) -> Record | Rejected:
        """The record, or why it is held back."""
        with self.stages.timed("quality"):
            quality = parse_quality(parsed.text, parsed.pages, parsed.unread_pages)
        if quality.score < self.min_quality:
            what = f"held back: {quality.told} is below ingest.min_quality ({self.min_quality:g})"
            return Rejected(parsed.record_id, LOW_QUALITY, what)
        counts: tuple[tuple[str, str], ...] = ()
        if self.scan is not None:
            with self.stages.timed("scan"):
                counts = self.scan.counts(parsed.text)
            if counts and self.scan.hold:
                return Rejected(parsed.record_id, SCAN_HELD, f"held back: findings by rule: {told(counts)}", counts)
        return self._record(parsed, parser, entry, uri, path, quality, counts)

    def _parsed(self, parser: Parser, data: bytes, path: str, stop: Callable[[], bool]) -> Iterator[Parsed]:
        def tick(_page: int, _pages: int) -> None:
            if stop():
                raise Stopped

        if isinstance(parser, PagedParser):
            found = iter(parser.parse_pages(data, path, tick))
        else:
            found = iter(parser.parse(data, path))
        while True:
            with self.stages.timed("parse"):
                try:
                    parsed = next(found, None)
                except _LIBRARY_FAILURES as error:
                    raise InputError(
                        "ingest.parser_failed",
                        f"the parser gave up on it ({type(error).__name__})",
                        where=path,
                        remedy="open the file in its own program and save it again",
                    ) from error
            if parsed is None:
                return
            yield parsed

    def _record(
        self,
        parsed: Parsed,
        parser: Parser,
        entry: SourceEntry,
        uri: str,
        path: str,
        quality: Quality,
        counts: tuple[tuple[str, str], ...],
    ) -> Record:
        stated = dict(parsed.metadata)
        doc_id = stated.get("id") or (f"{path}#{parsed.record_id}" if parsed.record_id else path)
        with self.stages.timed("language"):
            language = parsed.language or self.language.identify(parsed.text)
        url = stated.get("url", "")
        with self.stages.timed("checks"):
            noted = self.checks.notes(parsed, language) if self.checks is not None else ()
        document = Document(
            doc_id=doc_id,
            text_sha256=sha256_bytes(parsed.text.encode()),
            title=parsed.title or (_opening(parsed.text) if parsed.record_id else _readable(path)),
            source_uri=url if url.startswith(("https://", "http://")) else uri,
            media_type=parser.media_type,
            language=language,
            modified_at=stated.get("modified") or _iso(entry.mtime_ns),
            access=self.access.resolve(doc_id, path, parsed.access),
            chars=len(parsed.text),
            headings=tuple(block for block in parsed.blocks if block.kind is BlockKind.HEADING),
            pages=parsed.pages,
            metadata=(*_kept(parsed), *counts, *noted),
            warnings=tuple(filter(None, (*parsed.warnings, quality.warning))),
            quality=quality.score,
        )
        with self.stages.timed("chunk"):
            chunks = chunk_document(document, parsed.text, parsed.blocks, self.policy)
        return Record(document, chunks, parsed.text, parsed.record_id)


def stated_access(document: Document) -> AccessList | None:
    """The access list that the document's source states, whatever the rules made of it."""
    kept = dict(document.metadata)
    if _TENANT not in kept:
        return None
    return AccessList(kept[_TENANT], tuple(kept[_GROUPS].split("\n")) if kept[_GROUPS] else ())


def _kept(parsed: Parsed) -> tuple[tuple[str, str], ...]:
    """The record's metadata with its stated access list, under names that a source cannot give."""
    given = tuple(
        (key, value)
        for key, value in parsed.metadata
        if key not in {_TENANT, _GROUPS} and not key.startswith((PREFIX, poison.PREFIX))
    )
    stated = parsed.access
    return given if stated is None else (*given, (_TENANT, stated.tenant), (_GROUPS, "\n".join(stated.groups)))


def _rejected(parsed: Parsed) -> Rejected:
    code, _, reason = (parsed.warnings[0] if parsed.warnings else "ingest.empty: it holds no text").partition(": ")
    return Rejected(parsed.record_id, code, reason)


def _opening(text: str) -> str:
    """The first words of a record that has no title."""
    line = text.split("\n", 1)[0]
    return line if len(line) <= _TITLE_CHARS else line[:_TITLE_CHARS].rsplit(" ", 1)[0] + "…"


def _readable(path: str) -> str:
    return PurePosixPath(path).name.partition(".")[0].replace("-", " ").replace("_", " ").strip() or path


def _iso(mtime_ns: int) -> str:
    """ISO 8601 in UTC, whole seconds; the epoch for times that no calendar has."""
    try:
        moment = datetime.fromtimestamp(mtime_ns // 1_000_000_000, UTC)
    except (OverflowError, ValueError, OSError):
        moment = datetime.fromtimestamp(0, UTC)
    return moment.isoformat().replace("+00:00", "Z")
