"""What is published: one record that names the tables, with their versions, of the head and of every snapshot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from assay.adapters.embedded_index.lexical import HEAD_BOOST
from assay.adapters.remote_index.state import State
from assay.records.digest import plain, sha256_json
from assay.records.retrieval import Snapshot

FORMAT = 1
RECIPE = f"lance_bm25.v1(body=names+text,head=names,head_boost={HEAD_BOOST})"


@dataclass(frozen=True, slots=True)
class Place:
    """A version of a table: it never changes, whatever is written after it."""

    table: str
    version: int


@dataclass(frozen=True, slots=True)
class Frozen:
    """A snapshot and where it lies."""

    snapshot: Snapshot
    state: State
    chunks: Place | None
    vectors: Place | None


@dataclass(frozen=True, slots=True)
class Published:
    """Everything a reader needs to find one state. Replaced as a whole, by one commit of the store."""

    analyzer: str
    state: State = field(default_factory=State)
    chunks: Place | None = None
    vectors: Mapping[str, Place] = field(default_factory=dict)
    """By the embedder's recipe."""
    rebuilt: int = 0
    """How often an index was brought up to date since the tables were written anew."""
    unindexed: int = 0
    """Chunks that a search reads one by one, because no index holds them yet."""
    frozen: tuple[Frozen, ...] = ()
    retired: Mapping[str, str] = field(default_factory=dict)
    """Tables that the head has left, and when."""

    @property
    def searched(self) -> Place | None:
        return self.vectors.get(self.state.recipe) if self.state.searched else None

    def live(self) -> frozenset[str]:
        """The tables of the head."""
        places = (self.chunks, *self.vectors.values())
        return frozenset(place.table for place in places if place)

    def pinned(self) -> frozenset[str]:
        """The tables of snapshots."""
        return frozenset(p.table for kept in self.frozen for p in (kept.chunks, kept.vectors) if p)

    def moved(self, **changes: Any) -> Published:
        return replace(self, **changes)

    def as_json(self) -> str:
        return json.dumps(
            {
                "format": FORMAT,
                "analyzer": self.analyzer,
                "state": self.state.as_json(),
                "chunks": _place(self.chunks),
                "vectors": {recipe: _place(place) for recipe, place in self.vectors.items()},
                "rebuilt": self.rebuilt,
                "unindexed": self.unindexed,
                "retired": dict(self.retired),
                "frozen": [
                    [plain(kept.snapshot), kept.state.as_json(), _place(kept.chunks), _place(kept.vectors)]
                    for kept in self.frozen
                ],
            }
        )

    @staticmethod
    def from_json(text: str) -> Published:
        """Raises ValueError when another version wrote the record."""
        stated = json.loads(text)
        if stated.pop("format") != FORMAT:
            raise ValueError("another format")
        places = {recipe: Place(*place) for recipe, place in stated.pop("vectors").items()}
        frozen = tuple(
            Frozen(Snapshot(**snapshot), State.from_json(state), _placed(chunks), _placed(vectors))
            for snapshot, state, chunks, vectors in stated.pop("frozen")
        )
        state, chunks = State.from_json(stated.pop("state")), _placed(stated.pop("chunks"))
        return Published(state=state, chunks=chunks, vectors=places, frozen=frozen, **stated)


def identity(state: State, analyzer: str, chunker: str) -> str:
    """64 hex digits: SHA-256 over recipes, counts and the digests of rows and vectors."""
    found = state.searched
    return sha256_json(
        {
            "analyzer": analyzer,
            "chunker": chunker,
            "engine": RECIPE,
            "chunks": [state.chunks, state.digest],
            "embedder": state.recipe if found else "",
            "vectors": [found.count, found.digest] if found else [],
        }
    )


def _place(place: Place | None) -> list[Any] | None:
    return [place.table, place.version] if place else None


def _placed(stated: list[Any] | None) -> Place | None:
    return Place(*stated) if stated else None
