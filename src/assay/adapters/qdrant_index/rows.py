"""Chunks and vectors as points: born in one version, dead from another, deleted when no state holds them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.adapters.embedded_index.lexical import access_terms, key_of
from assay.adapters.embedded_index.rows import row_of
from assay.adapters.qdrant_index.client import Client
from assay.adapters.qdrant_index.points import ALIVE, Points, batched, matching, point_id
from assay.adapters.qdrant_index.reader import WORDS
from assay.adapters.remote_index.state import Kept, State, Vectors
from assay.adapters.remote_index.terms import Weights, chunk_weights
from assay.records.documents import Chunk
from assay.retrieve.analysis import Analyzer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LIFE = {"born": "integer", "died": "integer", "died_at": "float", "access": "keyword", "chunk": "keyword"}
_FIELDS = ("chunk", "doc", "list", "content", "language")


@dataclass(frozen=True, slots=True)
class Fresh:
    """A chunk on its way in."""

    kept: Kept
    chars: int
    access: list[str]
    weights: Weights


@dataclass(frozen=True, slots=True)
class Found:
    """A current point."""

    number: str
    kept: Kept
    terms: Sequence[int] = ()


def prepared(chunk: Chunk, analyzer: Analyzer) -> Fresh:
    row = row_of(chunk, analyzer.group(chunk.language))
    name = json.dumps([chunk.access.tenant, sorted(set(chunk.access.groups))])
    kept = Kept(row.chunk_id, row.doc_id, name, row.content, row.language)
    return Fresh(kept, row.chars, access_terms(chunk.access), chunk_weights(chunk, analyzer))


@dataclass(frozen=True, slots=True)
class Rows:
    """The collections of words and vectors whose names begin with `name`."""

    client: Client
    name: str

    @property
    def words(self) -> Points:
        return Points(self.client, f"{self.name}-words")

    def vectors(self, vectors: Vectors) -> Points:
        return Points(self.client, f"{self.name}-vectors-{vectors.number}")

    def make(self) -> None:
        self.words.make(sparse=WORDS, indexed={**_LIFE, "document": "keyword"})

    def make_vectors(self, vectors: Vectors) -> None:
        self.vectors(vectors).make(dense=vectors.dimensions, indexed={**_LIFE, "content": "keyword"})
        self.words.index(f"has_{vectors.number}", "bool")

    def put(self, fresh: Sequence[Fresh], version: int) -> None:
        from qdrant_client import models

        self.words.put(
            models.PointStruct(
                id=_number(row, version),
                vector={
                    WORDS: models.SparseVector(indices=list(row.weights), values=list(row.weights.values()))
                },
                payload={**_payload(row.kept, row.access, version), "document": key_of(row.kept.doc_id),
                         "doc": row.kept.doc_id, "list": row.kept.access, "language": row.kept.language,
                         "chars": row.chars},
            )
            for row in fresh
        )  # fmt: skip

    def current(self, doc_ids: Iterable[str]) -> list[Found]:
        """The current points of these documents, with their terms."""
        found: list[Found] = []
        for some in batched(key_of(doc_id) for doc_id in doc_ids):
            for point in self.words.find(matching(document=some, died=(ALIVE, None)), _FIELDS, vectors=True):
                words = (point.vector or {}).get(WORDS)
                found.append(Found(str(point.id), _kept(point.payload), list(words.indices) if words else ()))
        return found

    def bury(self, numbers: Sequence[str], version: int, now: float) -> None:
        self.words.note({"died": version, "died_at": now}, numbers)

    def bury_vectors(self, vectors: Vectors, numbers: Sequence[str], version: int, now: float) -> list[Kept]:
        """Mark the vectors of these points dead; of which chunks there were any."""
        points = self.vectors(vectors)
        lost = [
            _kept(point.payload)
            for some in batched(numbers)
            for point in points.find(matching(ids=some, died=(ALIVE, None)), ["chunk", "content"])
        ]
        points.note({"died": version, "died_at": now}, numbers)
        return lost

    def inherit_vectors(self, vectors: Vectors, fresh: Sequence[Fresh], version: int) -> list[Found]:
        """New points whose words had a vector before get it again; which those are."""
        from qdrant_client import models

        points = self.vectors(vectors)
        found: list[Found] = []
        for some in batched(fresh):
            contents = list({row.kept.content.hex() for row in some})
            known = {p.payload["content"]: p.vector for p in points.find(matching(content=contents), ["content"], True)}
            mine = [row for row in some if row.kept.content.hex() in known]
            points.put(
                models.PointStruct(
                    id=_number(row, version),
                    vector=known[row.kept.content.hex()],
                    payload=_payload(row.kept, row.access, version),
                )
                for row in mine
            )
            found.extend(Found(_number(row, version), row.kept) for row in mine)
        return found

    def put_vectors(
        self, vectors: Vectors, given: Mapping[str, NDArray[np.float32]], version: int
    ) -> tuple[list[str], list[Found]]:
        """Vectors for current chunks: the points that had one already, and those that got one."""
        from qdrant_client import models

        points = self.vectors(vectors)
        known: list[str] = []
        added: list[Found] = []
        for some in batched(given):
            current = {
                str(p.id): p.payload
                for p in self.words.find(matching(chunk=some, died=(ALIVE, None)), (*_FIELDS, "access"))
            }
            have = {str(p.id) for p in points.find(matching(ids=list(current)), False)} if current else set()
            known.extend(have)
            lacking = {number: payload for number, payload in current.items() if number not in have}
            points.put(
                models.PointStruct(
                    id=number,
                    vector=[float(value) for value in given[payload["chunk"]]],
                    payload=_payload(_kept(payload), payload["access"], version),
                )
                for number, payload in lacking.items()
            )
            added.extend(Found(number, _kept(payload)) for number, payload in lacking.items())
        return known, added

    def mark(self, vectors: Vectors, numbers: Iterable[str]) -> None:
        """Note on the points of words that they have a vector, so that those without are found quickly."""
        self.words.note({f"has_{vectors.number}": True}, numbers)

    def without_vectors(self, vectors: Vectors | None) -> tuple[str, ...]:
        marked = (matching(**{f"has_{vectors.number}": True}),) if vectors else ()
        found = self.words.find(matching(died=(ALIVE, None), not_=marked), ["chunk", "chars"])
        ordered = sorted((point.payload["chars"], point.payload["chunk"]) for point in found)
        return tuple(chunk_id for _, chunk_id in ordered)

    def read_vectors(self, vectors: Vectors, chunk_ids: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        import numpy as np

        return {
            point.payload["chunk"]: np.asarray(point.vector, dtype=np.float32)
            for some in batched(chunk_ids)
            for point in self.vectors(vectors).find(matching(chunk=some, died=(ALIVE, None)), ["chunk"], True)
        }

    def unindexed(self, vectors: Vectors | None) -> int:
        """How many vectors Qdrant has not put into a graph; its local mode has none at all."""
        if vectors is None:
            return 0
        if not self.client.server:
            return vectors.count
        with self.client.calls() as raw:
            told = raw.get_collection(self.vectors(vectors).collection)
        return max(0, int(told.points_count or 0) - int(told.indexed_vectors_count or 0))

    def undo(self, head: State) -> None:
        """Take away what was written beyond the head, and wake what was marked dead by it."""
        later = (head.version + 1, None)
        for points in self._all(head):
            points.delete(matching(born=later))
            points.note_where({"died": ALIVE, "died_at": 0.0}, matching(died=(head.version + 1, ALIVE)))

    def delete(self, head: State, where: Any) -> None:
        for points in self._all(head):
            points.delete(where)

    def _all(self, head: State) -> list[Points]:
        known = [self.vectors(vectors) for vectors in head.vectors.values()]
        return [self.words, *known]


def _number(row: Fresh, version: int) -> str:
    return point_id(row.kept.chunk_id, version)


def _payload(kept: Kept, access: Sequence[str], version: int) -> dict[str, Any]:
    return {
        "chunk": kept.chunk_id, "content": kept.content.hex(), "access": list(access), "born": version, "died": ALIVE,
        "died_at": 0.0,
    }  # fmt: skip


def _kept(payload: Mapping[str, Any]) -> Kept:
    get = payload.get
    return Kept(
        payload["chunk"], get("doc", ""), get("list", ""), bytes.fromhex(payload["content"]), get("language", "")
    )
