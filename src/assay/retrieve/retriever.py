"""Search inside a scope: words and meaning, fused, then checked again against today's access."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from assay.ports.answering import Reranker
from assay.ports.index import Embedder, IndexReader
from assay.ports.reading import Clock
from assay.ports.storage import Catalog
from assay.records.access import Scope
from assay.records.errors import InputError, Unavailable
from assay.records.retrieval import Hit, Query, Ranked, Retrieved
from assay.retrieve.followup import weighted_text, weighted_turns, weighted_vector
from assay.retrieve.fuse import reciprocal_ranks
from assay.retrieve.reorder import reordered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MODES = ("lexical", "dense", "hybrid")
MOST_TURNS = 6
"""The question is repeated 2 to this power times in the text that is searched."""


@runtime_checkable
class NamesEmbedder(Protocol):
    """A reader that says which embedder made its vectors."""

    @property
    def embedder(self) -> str: ...


@dataclass(frozen=True, slots=True)
class RetrievePolicy:
    """How a search is done. `candidates` is how many chunks each engine is asked for at first.

    `min_vector_share` is the share of chunks that must have vectors before they take part: until then a search is
    lexical, because chunks without a vector would sink below worse ones that have one. `per_document` caps the chunks
    of one document; 0 means no cap. `history_turns` is how many earlier turns may lend words to a follow-up question.
    """

    mode: str = "hybrid"
    candidates: int = 100
    rrf_k: int = 60
    min_vector_share: float = 0.9
    per_document: int = 0
    history_turns: int = 3

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise InputError("retrieve.mode", f"the mode must be one of {', '.join(MODES)}", where="$.mode")
        if self.candidates < 1 or self.rrf_k < 0 or not 0 <= self.min_vector_share <= 1:
            raise InputError("retrieve.policy", "candidates, rrf_k or min_vector_share is out of its range")
        if self.per_document < 0 or not 0 <= self.history_turns <= MOST_TURNS:
            raise InputError("retrieve.policy", f"per_document is below 0 or history_turns not 0 to {MOST_TURNS}")

    @property
    def recipe(self) -> str:
        return (
            f"retrieve.v1(mode={self.mode},candidates={self.candidates},rrf_k={self.rrf_k},"
            f"min_vector_share={self.min_vector_share},per_document={self.per_document},"
            f"history_turns={self.history_turns})"
        )


class HybridRetriever:
    """A `Retriever` over one state of an index.

    What the engines find is looked up in the catalog afterwards: a chunk that was removed or closed to this caller
    since the snapshot is dropped, and the engines are asked for more, so that the check never under-returns. Only what
    passed is handed to the reranker, which can change the order and nothing else.
    """

    def __init__(
        self,
        reader: IndexReader,
        catalog: Catalog,
        embedder: Embedder | None,
        policy: RetrievePolicy,
        clock: Clock,
        reranker: Reranker | None = None,
    ) -> None:
        self._reader = reader
        self._catalog = catalog
        self._embedder = embedder
        self._policy = policy
        self._clock = clock
        self._reranker = reranker

    @property
    def recipe(self) -> str:
        found = f"{self._policy.recipe} of {self._embedder.recipe if self._embedder else 'words only'}"
        return f"{found} reranked by {self._reranker.recipe}" if self._reranker else found

    def retrieve(self, query: Query) -> Retrieved:
        """Raises InputError (`retrieve.mode`) for a mode that does not exist."""
        stage_ms: dict[str, float] = {}
        mode = self._mode(query.mode)
        ranked: list[Ranked] = []
        if query.limit > 0 and query.text.strip():
            turns = weighted_turns(query.text, query.history, self._policy.history_turns)
            vector, mode = self._vector(turns, mode, stage_ms)
            ranked = self._until_enough(query, weighted_text(turns), vector, mode, stage_ms)
        if self._reranker is not None and ranked:
            with _Timed(self._clock, stage_ms, "rerank"):
                ranked = reordered(ranked, self._reranker.rerank(query, ranked))
        return Retrieved(tuple(ranked[: max(query.limit, 0)]), stage_ms, self._reader.snapshot_id, mode)

    def _mode(self, asked: str) -> str:
        """The mode that can be used now."""
        if asked not in MODES:
            raise InputError("retrieve.mode", f"the mode must be one of {', '.join(MODES)}", where="$.mode")
        if self._policy.mode == "lexical" and asked == "hybrid":
            return "lexical"
        return asked if asked == "lexical" or self._vectors_ready() else "lexical"

    def _vectors_ready(self) -> bool:
        reader = self._reader
        if self._embedder is None or not reader.vectors:
            return False
        if isinstance(reader, NamesEmbedder) and reader.embedder != self._embedder.recipe:
            return False
        return reader.vectors >= self._policy.min_vector_share * reader.chunks

    def _vector(
        self, turns: Sequence[tuple[str, int]], mode: str, stage_ms: dict[str, float]
    ) -> tuple[NDArray[np.float32] | None, str]:
        """The question's vector, and the mode that it leaves. While an embeddings endpoint is away, a hybrid search
        goes on with words and says so; a dense one fails."""
        if mode == "lexical" or self._embedder is None:
            return None, mode
        with _Timed(self._clock, stage_ms, "embed"):
            try:
                vectors = self._embedder.embed([turn for turn, _ in turns])
            except Unavailable:
                if mode == "dense":
                    raise
                return None, "lexical"
            return weighted_vector(vectors, [weight for _, weight in turns]), mode

    def _until_enough(
        self, query: Query, text: str, vector: NDArray[np.float32] | None, mode: str, stage_ms: dict[str, float]
    ) -> list[Ranked]:
        """Ask for more until enough of what was found may be shown, or the engines have no more."""
        depth = max(self._policy.candidates, query.limit)
        while True:
            rankings = self._searched(query.scope, text, vector, mode, depth, stage_ms)
            with _Timed(self._clock, stage_ms, "fuse"):
                fused = reciprocal_ranks(rankings, self._policy.rrf_k)
            with _Timed(self._clock, stage_ms, "check"):
                ranked = self._checked(query, rankings, fused)
            exhausted = all(len(hits) < depth for hits in rankings.values())
            if len(ranked) >= query.limit or exhausted:
                return ranked
            depth *= 4

    def _searched(
        self,
        scope: Scope,
        text: str,
        vector: NDArray[np.float32] | None,
        mode: str,
        depth: int,
        stage_ms: dict[str, float],
    ) -> dict[str, tuple[Hit, ...]]:
        """What each engine finds. In a large index both search at the same time: each lets go of Python's lock."""
        if vector is None:
            return {"lexical": self._by_words(text, scope, depth, stage_ms)}
        if mode == "dense":
            return {"dense": self._by_vector(vector, scope, depth, stage_ms)}
        if self._reader.chunks < _LARGE:
            words = self._by_words(text, scope, depth, stage_ms)
            return {"lexical": words, "dense": self._by_vector(vector, scope, depth, stage_ms)}
        begun = _beside().submit(self._by_vector, vector, scope, depth, stage_ms)
        words = self._by_words(text, scope, depth, stage_ms)
        return {"lexical": words, "dense": begun.result()}

    def _by_words(self, text: str, scope: Scope, depth: int, stage_ms: dict[str, float]) -> tuple[Hit, ...]:
        with _Timed(self._clock, stage_ms, "lexical"):
            return self._reader.lexical(text, scope, depth)

    def _by_vector(
        self, vector: NDArray[np.float32], scope: Scope, depth: int, stage_ms: dict[str, float]
    ) -> tuple[Hit, ...]:
        with _Timed(self._clock, stage_ms, "dense"):
            return self._reader.dense(vector, scope, depth)

    def _checked(self, query: Query, rankings: Mapping[str, Sequence[Hit]], fused: Sequence[Hit]) -> list[Ranked]:
        """Those that may be seen today, with the rank and score that each stage gave them."""
        stages: dict[str, dict[str, tuple[int, float]]] = {}
        for name, hits in (*rankings.items(), ("fused", fused)):
            for rank, hit in enumerate(hits, 1):
                stages.setdefault(hit.chunk_id, {})[name] = (rank, hit.score)
        ranked: list[Ranked] = []
        taken: dict[str, int] = {}
        cap = self._policy.per_document
        wanted = max(query.limit, self._reranker.pool if self._reranker else 0)
        step = max(_FEWEST_LOOKED_UP, min(_MOST_LOOKED_UP, wanted + wanted // 4))
        for start in range(0, len(fused), step):
            part = [hit.chunk_id for hit in fused[start : start + step]]
            visible = self._catalog.visible(part, query.scope)
            chunks = self._catalog.chunks([chunk_id for chunk_id in part if chunk_id in visible])
            for hit in fused[start : start + step]:
                chunk = chunks.get(hit.chunk_id)
                if chunk is None or (cap and taken.get(chunk.doc_id, 0) >= cap):
                    continue
                taken[chunk.doc_id] = taken.get(chunk.doc_id, 0) + 1
                ranked.append(Ranked(chunk, hit.score, stages[hit.chunk_id]))
            if len(ranked) >= wanted:
                break
        return ranked


_LARGE = 20_000
"""Chunks from which handing one search to another thread costs less than it saves."""


@cache
def _beside() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="dense")


_FEWEST_LOOKED_UP, _MOST_LOOKED_UP = 16, 64
"""Chunks read from the catalog at a time: reading one costs about 40 µs, so a quarter more than wanted at first."""


@dataclass
class _Timed:
    """Adds the milliseconds of a block to a stage; a stage that runs twice counts twice."""

    clock: Clock
    stage_ms: dict[str, float]
    name: str
    started: float = 0.0

    def __enter__(self) -> None:
        self.started = self.clock.monotonic()

    def __exit__(self, *_: object) -> None:
        spent = 1000 * (self.clock.monotonic() - self.started)
        self.stage_ms[self.name] = self.stage_ms.get(self.name, 0.0) + spent
