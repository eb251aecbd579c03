"""Search as of an earlier moment: the versions that were current then, under the access lists of today."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from assay.ports.answering import Retriever
from assay.ports.index import IndexReader
from assay.ports.storage import Catalog
from assay.records.access import Scope
from assay.records.errors import InputError
from assay.records.moments import end_of
from assay.records.retrieval import Hit, Query, Retrieved

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def moment_of(text: str) -> str:
    """The moment that a person means by a date or time; the end of the day for a date; empty for nothing.

    Raises InputError (`retrieve.as_of`).
    """
    try:
        return end_of(text) if text else ""
    except ValueError:
        raise InputError(
            "retrieve.as_of",
            "this is no date or time of ISO 8601",
            where="as_of",
            remedy="write 2026-01-31, or 2026-01-31T08:00:00Z",
        ) from None


@dataclass(frozen=True)
class AsOfRetriever:
    """A `Retriever` that answers queries with an `as_of` from `then`, which makes one for a moment, and all others from
    `now`, untouched."""

    now: Retriever
    then: Callable[[str], Retriever]

    @property
    def recipe(self) -> str:
        return self.now.recipe

    def retrieve(self, query: Query) -> Retrieved:
        """Raises InputError (`retrieve.as_of`) for what is no date."""
        if not query.as_of:
            return self.now.retrieve(query)
        return self.then(moment_of(query.as_of)).retrieve(replace(query, as_of=""))


class BothReaders:
    """An `IndexReader` over the head and the index of past versions. What is true of the index as a whole (its
    snapshot, how much of it has vectors) is told of the head.

    The two count words apart, and a word is the rarer the larger the collection, so that BM25 scores of a small
    collection are small. They are scaled by the logarithm of the sizes, to which the weight of a rare word grows.
    """

    def __init__(self, head: IndexReader, past: IndexReader) -> None:
        self._head = head
        self._past = past
        self._scale = math.log(2 + head.chunks) / math.log(2 + past.chunks)

    @property
    def snapshot_id(self) -> str:
        return self._head.snapshot_id

    @property
    def vectors(self) -> int:
        return self._head.vectors

    @property
    def chunks(self) -> int:
        return self._head.chunks

    def __getattr__(self, name: str) -> Any:
        return getattr(self._head, name)

    def lexical(self, text: str, scope: Scope, limit: int) -> tuple[Hit, ...]:
        past = [Hit(hit.chunk_id, self._scale * hit.score) for hit in self._past.lexical(text, scope, limit)]
        return _merged(self._head.lexical(text, scope, limit), past, limit)

    def dense(self, vector: NDArray[np.float32], scope: Scope, limit: int) -> tuple[Hit, ...]:
        """Past versions without vectors, or with those of another embedder, are found by their words alone."""
        same = getattr(self._past, "embedder", "") == getattr(self._head, "embedder", "")
        past = self._past.dense(vector, scope, limit) if same and self._past.vectors else ()
        return _merged(self._head.dense(vector, scope, limit), past, limit)


def _merged(head: Sequence[Hit], past: Sequence[Hit], limit: int) -> tuple[Hit, ...]:
    """Best first; a chunk that both have counts with its score in the head."""
    found = {hit.chunk_id: hit for hit in (*past, *head)}
    return tuple(sorted(found.values(), key=lambda hit: (-hit.score, hit.chunk_id))[:limit])


class CatalogAsOf:
    """A `Catalog` in which only the versions of one moment are visible."""

    def __init__(self, catalog: Catalog, at: str) -> None:
        self._catalog = catalog
        self._at = at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalog, name)

    def visible(self, chunk_ids: Sequence[str], scope: Scope) -> frozenset[str]:
        return self._catalog.visible_at(chunk_ids, scope, self._at)
