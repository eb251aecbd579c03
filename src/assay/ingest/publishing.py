"""From the catalog to the index: what is pending is added and committed, and only then marked as indexed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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

    `history` opens the index of versions that are over, which searches as of an earlier date ask too; it is opened only
    when there are such versions. Without it they are kept in the catalog and not searchable.
    """

    catalog: Catalog
    index: Index
    clock: Clock
    every_s: float = 1.0
    """Changes are searchable after at most about this long while a sync runs."""
    every_files: int = 100
    history: Callable[[], Index] | None = None
    _since: int = 0
    _last: float | None = None
    _took: float = 0.0

    def due(self) -> bool:
        """Count one file; True when enough files or time have passed to publish.

        At least four times as long as the last publication took must lie between two, so that a slow disk or a large
        index costs a fifth of the time and no more.
        """
        now = self.clock.monotonic()
        self._last = now if self._last is None else self._last
        self._since += 1
        passed = now - self._last
        return passed >= _REST * self._took and (self._since >= self.every_files or passed >= self.every_s)

    def publish(self) -> int:
        """Publish everything that is pending; the number of documents added or removed."""
        begun = self.clock.monotonic()
        removed, pending = self.catalog.removed_pending(), self.catalog.pending()
        if removed or pending:
            self.index.remove(removed)
            self._add(pending)
            self.index.commit()
            self._follow([*removed, *pending])
            self.catalog.mark_removed(removed)
            self.catalog.mark_indexed(pending)
        self._since, self._last = 0, self.clock.monotonic()
        self._took = self._last - begun
        return len(removed) + len(pending)

    def _follow(self, doc_ids: Sequence[str]) -> None:
        """Bring the index of past versions in step for these documents: their texts, and today's access lists."""
        if self.history is None:
            return
        changed = False
        for start in range(0, len(doc_ids), _DOCUMENTS_AT_ONCE):
            past = self.catalog.past_chunks(doc_ids[start : start + _DOCUMENTS_AT_ONCE])
            if past:
                index = self.history()
                index.remove([doc_id for doc_id, mine in past.items() if not mine])
                index.add([chunk for mine in past.values() for chunk in mine])
                changed = True
        if changed:
            self.history().commit()

    def forget(self, doc_ids: Sequence[str]) -> None:
        """Take every past version of documents that are gone out of the catalog and the index of past versions."""
        if not doc_ids:
            return
        self.catalog.forget_versions(doc_ids)
        if self.history is not None:
            index = self.history()
            index.remove(doc_ids)
            index.commit()

    def rebuild(self) -> int:
        """Add every document of the catalog to an empty or damaged index; the number of documents.

        Documents that are only in the index stay there: begin with an empty one to be rid of them.
        """
        doc_ids = [document.doc_id for document in self.catalog.documents()]
        self._add(doc_ids)
        self.index.commit()
        self._follow([*doc_ids, *(version.doc_id for version in self.catalog.gone())])
        self.catalog.mark_indexed(doc_ids)
        return len(doc_ids)

    def _add(self, doc_ids: Iterable[str]) -> None:
        wanted = list(doc_ids)
        for start in range(0, len(wanted), _DOCUMENTS_AT_ONCE):
            chunks = {doc_id: self.catalog.chunks_of(doc_id) for doc_id in wanted[start : start + _DOCUMENTS_AT_ONCE]}
            self.index.remove([doc_id for doc_id, mine in chunks.items() if not mine])
            self.index.add([chunk for mine in chunks.values() for chunk in mine])
