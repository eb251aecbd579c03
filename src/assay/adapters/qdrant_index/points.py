"""Points of one collection: written, found by filters, marked dead and deleted."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from assay.adapters.qdrant_index.client import Client

ALIVE = 1 << 52
"""`died` of a point that is current; filters on numbers are made of floats, which hold this exactly."""
_AT_ONCE = 256
_NAMES = uuid.UUID("5b0f2b3e-6d52-4d7b-9d0c-0a8b3c8a5f11")

Item = TypeVar("Item")
Payload = Mapping[str, Any]


def point_id(*names: object) -> str:
    """The same id for the same names, whatever they are."""
    return str(uuid.uuid5(_NAMES, "\x00".join(str(name) for name in names)))


def batched(items: Iterable[Item]) -> Iterator[list[Item]]:
    """In pieces that fit well into one request."""
    rest = iter(items)
    while some := list(islice(rest, _AT_ONCE)):
        yield some


@dataclass(frozen=True, slots=True)
class Points:
    """One collection."""

    client: Client
    collection: str

    def make(self, *, dense: int = 0, sparse: str = "", indexed: Mapping[str, str] | None = None) -> None:
        """Make the collection unless it is there: for vectors of length `dense`, for sparse ones, or for facts only."""
        from qdrant_client import models

        with self.client.calls() as raw:
            if raw.collection_exists(self.collection):
                return
            raw.create_collection(
                self.collection,
                vectors_config=models.VectorParams(size=dense, distance=models.Distance.DOT) if dense else {},
                sparse_vectors_config={sparse: models.SparseVectorParams()} if sparse else None,
            )
        for name, kind in (indexed or {}).items():
            self.index(name, kind)

    def index(self, name: str, kind: str) -> None:
        """Make a field quick to filter by, and possible at all on servers in strict mode; local mode has no such."""
        from qdrant_client import models

        if self.client.server:
            with self.client.calls() as raw:
                raw.create_payload_index(self.collection, name, models.PayloadSchemaType(kind), wait=True)

    def exists(self) -> bool:
        with self.client.calls() as raw:
            return bool(raw.collection_exists(self.collection))

    def put(self, points: Iterable[Any]) -> None:
        """Durable and searchable when this returns."""
        for some in batched(points):
            with self.client.calls() as raw:
                raw.upsert(self.collection, list(some), wait=True)

    def find(self, where: Any, fields: Sequence[str] | bool, vectors: bool = False) -> Iterator[Any]:
        """Every point that a filter lets through, with these fields of its payload."""
        offset = None
        while True:
            with self.client.calls() as raw:
                found, offset = raw.scroll(
                    self.collection, scroll_filter=where, limit=_AT_ONCE * 4, offset=offset,
                    with_payload=list(fields) if not isinstance(fields, bool) else fields, with_vectors=vectors,
                )  # fmt: skip
            yield from found
            if offset is None:
                return

    def get(self, ids: Sequence[str]) -> list[Any]:
        with self.client.calls() as raw:
            return list(raw.retrieve(self.collection, list(ids), with_payload=True))

    def note(self, payload: Payload, ids: Iterable[str]) -> None:
        """Set fields of those of these points that are there."""
        for some in batched(ids):
            with self.client.calls() as raw:
                raw.set_payload(self.collection, dict(payload), points=matching(ids=some), wait=True)

    def note_where(self, payload: Payload, where: Any) -> None:
        with self.client.calls() as raw:
            raw.set_payload(self.collection, dict(payload), points=where, wait=True)

    def delete(self, where: Any) -> None:
        from qdrant_client import models

        with self.client.calls() as raw:
            raw.delete(self.collection, models.FilterSelector(filter=where), wait=True)


def matching(**conditions: Any) -> Any:
    """A filter: a list means any of, a pair a range (`None` is open: from the first on, below the second), anything
    else equality. `ids` names points, and `not_` holds filters of which none may match."""
    from qdrant_client import models

    ids = conditions.pop("ids", None)
    without = conditions.pop("not_", ())
    must: list[Any] = [] if ids is None else [models.HasIdCondition(has_id=list(ids))]
    for name, wanted in conditions.items():
        if isinstance(wanted, tuple):
            low, high = wanted
            must.append(models.FieldCondition(key=name, range=models.Range(gte=low, lt=high)))
        elif isinstance(wanted, list):
            must.append(models.FieldCondition(key=name, match=models.MatchAny(any=wanted)))
        else:
            must.append(models.FieldCondition(key=name, match=models.MatchValue(value=wanted)))
    return models.Filter(must=must, must_not=list(without) or None)


def alive_at(version: int) -> dict[str, tuple[int | None, int | None]]:
    """The conditions of a point that is part of a version."""
    return {"born": (None, version + 1), "died": (version + 1, None)}
