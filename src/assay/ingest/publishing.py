"""From the catalog to the index: what is pending is added and committed, and only then marked as indexed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from assay.ports.index import Index
from assay.ports.reading import Clock
from assay.ports.storage import Catalog

_DOCUMENTS_AT_ONCE = 500
_REST = 4


@dataclass
class Publisher:
    """Makes the catalog's pending changes searchable.

    Pending marks live in the catalog, so a crash between catalog and index is repaired by the next `publish`: adding a
    document twice and removing it twice leave the index as once.
    """

    catalog: Catalog
    index: Index
    clock: Clock
    every_s: float = 1.0
    """Changes are searchable after at most about this long while a sync runs."""
    every_files: int = 100
    _since: int = 0
    _last: float | None = None
    _took: float = 0.0

    def publish_when_due(self) -> bool:
        """Count one file and publish when enough files or time have passed; True when it did.

        At least four times as long as the last publication took must lie between two, so that a slow disk or a large
        index costs a fifth of the time and no more.
        """
        now = self.clock.monotonic()
        self._last = now if self._last is None else self._last
        self._since += 1
        passed = now - self._last
        if passed < _REST * self._took or (self._since < self.every_files and passed < self.every_s):
            return False
        self.publish()
        return True

    def publish(self) -> int:
        """Publish everything that is pending; the number of documents added or removed."""
        begun = self.clock.monotonic()
        removed, pending = self.catalog.removed_pending(), self.catalog.pending()
        if removed or pending:
            self.index.remove(removed)
            self._add(pending)
            self.index.commit()
            self.catalog.mark_removed(removed)
            self.catalog.mark_indexed(pending)
        self._since, self._last = 0, self.clock.monotonic()
        self._took = self._last - begun
        return len(removed) + len(pending)

    def rebuild(self) -> int:
        """Add every document of the catalog to an empty or damaged index; the number of documents.

        Documents that are only in the index stay there: begin with an empty one to be rid of them.
        """
        doc_ids = [document.doc_id for document in self.catalog.documents()]
        self._add(doc_ids)
        self.index.commit()
        self.catalog.mark_indexed(doc_ids)
        return len(doc_ids)

    def _add(self, doc_ids: Iterable[str]) -> None:
        wanted = list(doc_ids)
        for start in range(0, len(wanted), _DOCUMENTS_AT_ONCE):
            chunks = {doc_id: self.catalog.chunks_of(doc_id) for doc_id in wanted[start : start + _DOCUMENTS_AT_ONCE]}
            self.index.remove([doc_id for doc_id, mine in chunks.items() if not mine])
            self.index.add([chunk for mine in chunks.values() for chunk in mine])
