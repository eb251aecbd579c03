"""From what was read to the catalog: texts first, then many files in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from assay.ingest.reading import Record, Stages
from assay.ports.storage import BlobStore, Catalog, SourceState


@dataclass
class Writer:
    """Gathers files and writes them when there are `files` of them, `chars` characters, or the first has waited for
    `after_s`: one transaction a file took a fifth of the time of an ingestion. What is gathered is lost when the
    process dies, and nobody was told that it was there."""

    catalog: Catalog
    blobs: BlobStore
    stages: Stages
    files: int = 100
    chars: int = 8_000_000
    after_s: float = 0.5
    _waiting: list[tuple[SourceState, Sequence[Record]]] = field(default_factory=list)
    _chars: int = 0
    _since: float = 0.0

    def add(self, state: SourceState, records: Sequence[Record]) -> None:
        if not self._waiting:
            self._since = self.stages.now()
        self._waiting.append((state, records))
        self._chars += sum(len(record.text) for record in records)

    @property
    def empty(self) -> bool:
        return not self._waiting

    @property
    def full(self) -> bool:
        if not self._waiting:
            return False
        waited = self.stages.now() - self._since >= self.after_s
        return waited or len(self._waiting) >= self.files or self._chars >= self.chars

    def write(self) -> None:
        """Texts first, then one transaction, so that the catalog never names a text that is not there."""
        waiting, self._waiting, self._chars = self._waiting, [], 0
        if not waiting:
            return
        with self.stages.timed("texts"):
            self.blobs.put_many([record.text.encode() for _, records in waiting for record in records])
        with self.stages.timed("catalog"):
            self.catalog.put_sources(
                [(state, [(record.document, record.chunks) for record in records]) for state, records in waiting]
            )
