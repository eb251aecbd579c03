"""Chunks and vectors as documents: born in one version, dead from another, deleted when no state holds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from assay.adapters.embedded_index.lexical import access_terms, key_of
from assay.adapters.embedded_index.rows import access_key, row_of
from assay.adapters.opensearch_index.server import Action, Server
from assay.adapters.remote_index.state import Kept, Vectors
from assay.adapters.remote_index.terms import Weights, chunk_weights
from assay.records.documents import Chunk
from assay.retrieve.analysis import Analyzer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")

ALIVE = 1 << 53
"""The version in which a living row dies: beyond all, and exact in JSON."""
_AT_ONCE = 500
_KEYWORD = {"type": "keyword"}
_TOLD = {"type": "keyword", "index": False, "doc_values": False}
_LIFE = {
    "row": _KEYWORD,
    "chunk": _TOLD,
    "key": _KEYWORD,
    "access": _KEYWORD,
    "content": _KEYWORD,
    "born": {"type": "long"},
    "died": {"type": "long"},
    "died_at": {"type": "double"},
}
_WORDS = {
    **_LIFE,
    "doc": _TOLD,
    "document": _KEYWORD,
    "list": _TOLD,
    "language": _TOLD,
    "chars": {"type": "integer"},
    "terms": {"type": "rank_features"},
}
_SETTINGS: dict[str, Any] = {
    "index": {
        "refresh_interval": "-1",
        "max_result_window": 1_000_000,
        "merge.policy.expunge_deletes_allowed": 0,
    }
}
"""Refreshed by the writer, before it moves the head. A deletion that is expunged leaves nothing behind."""
_KEPT_FIELDS = ("chunk", "doc", "list", "content", "language")


@dataclass(frozen=True, slots=True)
class Moment:
    """A version, and those before it that were never finished."""

    version: int
    aborted: tuple[int, ...] = ()

    def alive(self) -> list[dict[str, Any]]:
        """Filters for the rows that live in it."""
        born = {"range": {"born": {"lte": self.version}}}
        died: dict[str, Any] = {"range": {"died": {"gt": self.version}}}
        if not self.aborted:
            return [born, died]
        never = {"terms": {"born": list(self.aborted)}}
        by_nobody = {"terms": {"died": list(self.aborted)}}
        return [
            born,
            {"bool": {"must_not": [never]}},
            {"bool": {"should": [died, by_nobody], "minimum_should_match": 1}},
        ]


@dataclass(frozen=True, slots=True)
class Fresh:
    """A chunk on its way in."""

    kept: Kept
    chars: int
    access: list[str]
    weights: Weights


@dataclass(frozen=True, slots=True)
class Found:
    """A row that is there."""

    row: str
    kept: Kept
    terms: tuple[int, ...] = ()


def prepared(chunk: Chunk, analyzer: Analyzer) -> Fresh:
    row = row_of(chunk, analyzer.group(chunk.language))
    kept = Kept(row.chunk_id, row.doc_id, access_key(chunk.access), row.content, row.language)
    return Fresh(kept, row.chars, access_terms(chunk.access), chunk_weights(chunk, analyzer))


@dataclass(frozen=True, slots=True)
class Rows:
    """The indexes of words and of vectors whose names begin with `name`."""

    server: Server
    name: str

    @property
    def words(self) -> str:
        return f"{self.name}-words"

    def vectors(self, vectors: Vectors) -> str:
        return f"{self.name}-vectors-{vectors.number}"

    def make(self) -> None:
        self.server.make_index(self.words, _SETTINGS, _WORDS)

    def make_vectors(self, vectors: Vectors) -> None:
        """HNSW of Lucene's engine, which filters while it searches and counts what the filter lets through."""
        method = {"name": "hnsw", "engine": "lucene", "space_type": "innerproduct"}
        vector = {"type": "knn_vector", "dimension": vectors.dimensions, "method": method}
        settings = {"index": {**_SETTINGS["index"], "knn": True}}
        self.server.make_index(self.vectors(vectors), settings, {**_LIFE, "vector": vector})

    def put(self, fresh: Sequence[Fresh], version: int) -> None:
        self.server.bulk(self.words, (_written(row.kept, version, _word_fields(row)) for row in fresh))

    def current(self, doc_ids: Iterable[str], moment: Moment) -> list[Found]:
        """The living rows of these documents, with their terms."""
        found: list[Found] = []
        for some in batched(key_of(doc_id) for doc_id in doc_ids):
            filters = [{"terms": {"document": some}}, *moment.alive()]
            for hit in self.server.find(self.words, filters, (*_KEPT_FIELDS, "terms")):
                terms = tuple(int(term) for term in hit["_source"].get("terms", {}))
                found.append(Found(hit["_id"], _kept(hit["_source"]), terms))
        return found

    def bury(self, index: str, rows: Iterable[str], version: int, now: float) -> None:
        self.server.bulk(index, (_noted(row, {"died": version, "died_at": now}) for row in rows))

    def current_vectors(self, vectors: Vectors, chunk_ids: Iterable[str], moment: Moment) -> list[Found]:
        """The living vectors of these chunks."""
        return [
            Found(hit["_id"], _kept(hit["_source"]))
            for some in batched(key_of(chunk_id) for chunk_id in chunk_ids)
            for hit in self.server.find(
                self.vectors(vectors), [{"terms": {"key": some}}, *moment.alive()], ("chunk", "content")
            )
        ]

    def inherit_vectors(self, vectors: Vectors, fresh: Sequence[Fresh], version: int, moment: Moment) -> list[Kept]:
        """New rows whose words had a vector before get it again; which those are."""
        found: list[Kept] = []
        index = self.vectors(vectors)
        for some in batched(fresh):
            contents = sorted({row.kept.content.hex() for row in some})
            hits = self.server.find(index, [{"terms": {"content": contents}}, *moment.alive()], ("content", "vector"))
            known = {hit["_source"]["content"]: hit["_source"]["vector"] for hit in hits}
            mine = [row for row in some if row.kept.content.hex() in known]
            self.server.bulk(
                index,
                [
                    _written(row.kept, version, {"access": row.access, "vector": known[row.kept.content.hex()]})
                    for row in mine
                ],
            )
            found.extend(row.kept for row in mine)
        return found

    def put_vectors(
        self, vectors: Vectors, given: Mapping[str, NDArray[np.float32]], version: int, moment: Moment
    ) -> list[Kept]:
        """Vectors for living chunks that have none yet; which those are."""
        added: list[Kept] = []
        for some in batched(given):
            known = {found.kept.chunk_id for found in self.current_vectors(vectors, some, moment)}
            filters = [{"terms": {"key": [key_of(chunk_id) for chunk_id in some]}}, *moment.alive()]
            hits = [hit["_source"] for hit in self.server.find(self.words, filters, (*_KEPT_FIELDS, "access"))]
            lacking = [hit for hit in hits if hit["chunk"] not in known]
            self.server.bulk(
                self.vectors(vectors),
                [
                    _written(_kept(hit), version, {"access": hit["access"], "vector": _numbers(given[hit["chunk"]])})
                    for hit in lacking
                ],
            )
            added.extend(_kept(hit) for hit in lacking)
        return added

    def without_vectors(self, vectors: Vectors | None, moment: Moment) -> tuple[str, ...]:
        """Ids of living chunks that have no vector, shortest first."""
        have: set[str] = set()
        if vectors is not None:
            index = self.vectors(vectors)
            have = {hit["_source"]["key"] for hit in self.server.find(index, moment.alive(), ("key",))}
        hits = (hit["_source"] for hit in self.server.find(self.words, moment.alive(), ("chunk", "key", "chars")))
        return tuple(
            chunk for _, chunk in sorted((hit["chars"], hit["chunk"]) for hit in hits if hit["key"] not in have)
        )

    def read_vectors(
        self, vectors: Vectors, chunk_ids: Iterable[str], moment: Moment
    ) -> dict[str, NDArray[np.float32]]:
        import numpy as np

        index = self.vectors(vectors)
        return {
            hit["_source"]["chunk"]: np.asarray(hit["_source"]["vector"], dtype=np.float32)
            for some in batched(key_of(chunk_id) for chunk_id in chunk_ids)
            for hit in self.server.find(index, [{"terms": {"key": some}}, *moment.alive()], ("chunk", "vector"))
        }

    def undo(self, indexes: Sequence[str], version: int) -> None:
        """Take away what was written beyond a version, and wake what was marked dead by it."""
        self.server.refresh(*indexes)
        for index in indexes:
            self.server.delete_where(index, {"range": {"born": {"gt": version}}})
            buried = self.server.find(index, [{"range": {"died": {"gt": version, "lt": ALIVE}}}], ("row",))
            self.server.bulk(index, (_noted(hit["_id"], {"died": ALIVE, "died_at": 0.0}) for hit in list(buried)))
        self.server.refresh(*indexes)

    def purge(self, indexes: Sequence[str], held: Iterable[Moment], before: float | None) -> None:
        """Delete rows that died, before a moment if one is given, and that no held version shows."""
        dead: list[dict[str, Any]] = [{"range": {"died": {"lt": ALIVE}}}]
        if before is not None:
            dead.append({"range": {"died_at": {"lt": before}}})
        shown = [{"bool": {"filter": moment.alive()}} for moment in held]
        self.server.refresh(*indexes)
        for index in indexes:
            self.server.delete_where(index, {"bool": {"filter": dead, "must_not": shown}})


def batched(values: Iterable[T]) -> Iterator[list[T]]:
    some: list[T] = []
    for value in values:
        some.append(value)
        if len(some) == _AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def _written(kept: Kept, version: int, fields: Mapping[str, Any]) -> Action:
    key = key_of(kept.chunk_id)
    row = f"{key}-{version}"
    life = {"row": row, "chunk": kept.chunk_id, "key": key, "content": kept.content.hex()}
    return {"index": {"_id": row}}, {**life, "born": version, "died": ALIVE, "died_at": 0.0, **fields}


def _word_fields(row: Fresh) -> dict[str, Any]:
    kept = row.kept
    return {
        "access": row.access,
        "doc": kept.doc_id,
        "document": key_of(kept.doc_id),
        "list": kept.access,
        "language": kept.language,
        "chars": row.chars,
        "terms": {str(term): weight for term, weight in row.weights.items()},
    }


def _noted(row: str, fields: Mapping[str, Any]) -> Action:
    return {"update": {"_id": row}}, {"doc": fields}


def _numbers(vector: NDArray[np.float32]) -> list[float]:
    return [float(value) for value in vector]


def _kept(source: Mapping[str, Any]) -> Kept:
    get = source.get
    return Kept(source["chunk"], get("doc", ""), get("list", ""), bytes.fromhex(source["content"]), get("language", ""))
