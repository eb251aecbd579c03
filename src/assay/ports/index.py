"""Search engines and the models that make vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from assay.records.access import Scope
from assay.records.documents import Chunk
from assay.records.retrieval import Hit, IndexStatus, Snapshot

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Embedder(Protocol):
    """Texts to unit vectors. `recipe` names model, digest and settings; a change of recipe means another index."""

    @property
    def recipe(self) -> str: ...
    @property
    def dimensions(self) -> int: ...
    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts), dimensions), rows of length 1, in the order given."""
        ...


class IndexReader(Protocol):
    """One state of the index. Scope is applied inside the engine, before or during the search: never under-returns."""

    @property
    def snapshot_id(self) -> str: ...
    @property
    def vectors(self) -> int: ...
    @property
    def chunks(self) -> int: ...
    def lexical(self, text: str, scope: Scope, limit: int) -> tuple[Hit, ...]: ...
    def dense(self, vector: NDArray[np.float32], scope: Scope, limit: int) -> tuple[Hit, ...]: ...


class Index(Protocol):
    """An engine. Nothing is searchable before `commit`; `add` replaces all earlier chunks of the same documents."""

    def add(self, chunks: Sequence[Chunk]) -> None: ...
    def remove(self, doc_ids: Sequence[str]) -> None: ...
    def commit(self) -> None: ...
    def add_vectors(self, recipe: str, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Vectors by chunk id; durable and searchable when it returns."""
        ...

    def missing_vectors(self, recipe: str) -> tuple[str, ...]:
        """Ids of indexed chunks that have no vector of this recipe yet, cheapest (shortest) first."""
        ...

    def head(self) -> IndexReader: ...
    def freeze(self) -> Snapshot: ...
    def open(self, snapshot_id: str) -> IndexReader: ...
    def snapshots(self) -> tuple[Snapshot, ...]: ...


class Engine(Index, Protocol):
    """An index that a workspace can keep: what it holds can be told, given up and closed."""

    def drop_snapshot(self, snapshot_id: str) -> None:
        """Forget a snapshot and what only it held. Raises NotFound."""
        ...

    def compact(self) -> None:
        """Give up everything that neither the head nor a snapshot holds: after an erasure nothing remains here."""
        ...

    def status(self) -> IndexStatus: ...
    def close(self) -> None:
        """Let go of locks and connections; what is staged and not committed is forgotten."""
        ...
