"""What a search asks and returns, and the names of index states."""

from __future__ import annotations

from dataclasses import dataclass, field

from assay.records.access import Scope
from assay.records.documents import Chunk
from assay.records.taint import Label


@dataclass(frozen=True, slots=True)
class Query:
    """A search inside one scope."""

    text: str
    scope: Scope
    limit: int = 10
    mode: str = "hybrid"
    """`lexical`, `dense` or `hybrid`."""
    history: tuple[str, ...] = ()
    """Earlier user turns, oldest first."""
    as_of: str = ""
    """A date or time of ISO 8601: search the versions that were current then. A bare date is the end of that day."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One engine's opinion of one chunk, best first by `score`."""

    chunk_id: str
    score: float


@dataclass(frozen=True, slots=True)
class Ranked:
    """A chunk after fusion. `stages` maps a stage's name to its `(rank from 1, score)` for this chunk."""

    chunk: Chunk
    score: float
    stages: dict[str, tuple[int, float]] = field(default_factory=dict)
    also: tuple[Chunk, ...] = ()
    """Passages that say nearly the same and were folded into this one."""
    label: Label | None = None
    """Of the passage and those folded into it; None where nobody labelled it."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The outcome of one search: ranked chunks and how long each stage took."""

    ranked: tuple[Ranked, ...]
    stage_ms: dict[str, float]
    snapshot_id: str
    mode: str
    """The mode that was really used: `lexical` when vectors are not ready."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An immutable state of an index, named by the hash of what went in."""

    snapshot_id: str
    documents: int
    chunks: int
    vectors: int
    embedder: str
    """The embedder's recipe and digest; empty for a lexical-only index."""
    analyzer: str
    chunker: str
    created_at: str


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """How far the index is."""

    documents: int
    chunks: int
    vectors: int
    embedder: str
    snapshots: tuple[Snapshot, ...] = ()
    engine: str = "embedded"
    unindexed: int = 0
    """Rows that are searched one by one because the engine has not put them into its search structure yet."""
