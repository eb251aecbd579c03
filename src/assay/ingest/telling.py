"""The lines of the parse report: what happened to each file and record, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from assay.ingest import poison
from assay.ingest.reading import HELD, Record, Rejected
from assay.ingest.scan import findings
from assay.ports.storage import SourceState
from assay.records.documents import ParseOutcome, ParseStatus

EMPTY = "ingest.empty"
_SKIPPED = {
    "ingest.symlink_loop": "a symbolic link that leads back to itself",
    "ingest.symlink_outside": "a symbolic link to somewhere outside; ingest its target by its own path",
    "ingest.broken_symlink": "a symbolic link to nothing",
    "ingest.not_a_file": "a device, pipe or socket",
    "ingest.symlink": "a symbolic link, which is not followed here",
    "ingest.submodule": "another repository; make it a source of its own",
    "ingest.robots": "the site's robots.txt asks not to read it; what was read of it before stays",
    "ingest.off_host": "it stands on another host than the sitemap, or its address is none",
}
_UNREADABLE = {
    "ingest.unreadable": "this user has no right to read it; give it that right",
    "ingest.unreadable_name": "its name is no Unicode; rename it",
    "ingest.unreadable_folder": "this user has no right to list it; nothing below it was touched",
}
_TOLD_RECORDS = 20
"""Rejected records of one file that are told one by one; the rest is a number."""


@dataclass
class Telling:
    """Gathers the outcomes of one sync."""

    outcomes: list[ParseOutcome] = field(default_factory=list)
    findings: Counter[str] = field(default_factory=Counter)
    """How many findings each rule of the scan has in what was read, held back or not."""
    suspicious: Counter[str] = field(default_factory=Counter)
    """In how many of the documents that were read each check found something."""
    quarantined: int = 0

    def tell(self, uri: str, status: ParseStatus, code: str = "", reason: str = "", docs: int = 0, n: int = 0) -> None:
        self.outcomes.append(ParseOutcome(uri, status, code, reason, docs, n))

    def untell(self, uri: str) -> None:
        """Take back what was told about a file that is taken up once more."""
        self.outcomes = [o for o in self.outcomes if o.source_uri.partition("#")[0] != uri]

    def problem(self, uri: str, code: str) -> None:
        """Something in a folder that is no readable file."""
        if code in _SKIPPED:
            self.tell(uri, ParseStatus.SKIPPED, code, _SKIPPED[code])
        else:
            self.tell(uri, ParseStatus.FAILED, code, _UNREADABLE.get(code, "it cannot be read"))

    def unchanged(self, state: SourceState) -> None:
        if state.code == poison.QUARANTINED:
            why = "kept from search, as before; assay quarantine list"
            self.tell(state.source_uri, ParseStatus.UNCHANGED, state.code, why, docs=len(state.doc_ids))
        elif state.doc_ids or state.code in ("", EMPTY):
            self.tell(state.source_uri, ParseStatus.UNCHANGED, state.code, docs=len(state.doc_ids))
        elif state.code in HELD:
            self.tell(state.source_uri, ParseStatus.SKIPPED, state.code, "held back, as before")
        else:
            self.tell(state.source_uri, ParseStatus.FAILED, state.code, "as before: it has not changed since")

    def records(
        self, uri: str, state: SourceState | None, records: Sequence[Record], rejected: Sequence[Rejected], *, new: bool
    ) -> None:
        """A file that was read; `state` is what was known of it before."""
        self.findings.update(findings(record.document.metadata for record in records))
        self.findings.update(findings(reject.findings for reject in rejected))
        for record in records:
            self.suspicious.update({one.check.value for one in poison.suspicions(record.document)})
            self.quarantined += bool(poison.held(record.document))
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
            status = ParseStatus.SKIPPED if reject.code in (EMPTY, *HELD) else ParseStatus.FAILED
            self.tell(f"{uri}#{reject.origin}" if reject.origin else uri, status, reject.code, reject.reason)
        if len(rejected) > _TOLD_RECORDS:
            more = len(rejected) - _TOLD_RECORDS
            self.tell(uri, ParseStatus.FAILED, rejected[-1].code, f"and {more} more records of this file")
