"""Vectors for chunks that have none yet, shortest first, in pieces that survive an interruption."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from assay.ports.index import Embedder, Index
from assay.ports.storage import Catalog
from assay.retrieve.wording import embedding_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_AT_ONCE = 500_000
"""Vectors held in memory while another model takes over: .8 GB at 384 dimensions."""


def embed_missing(
    index: Index,
    catalog: Catalog,
    embedder: Embedder,
    *,
    batch: int = 64,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Embed what is missing and return how many chunks got a vector; each batch is durable before the next begins.

    While the index is searched with vectors of another model, those stay in use until every chunk has a vector of the
    new one; then the new ones take over at once. What was embedded until an interruption is in the embedder's cache.
    `progress` gets (done, total). `stop` is asked before each batch. Chunks with the same words are embedded once.
    A chunk that the catalog no longer knows is passed over: the next sync removes it from the index.
    """
    beside = takes_over(index, embedder.recipe)
    missing = index.missing_vectors(embedder.recipe)
    waiting: dict[str, NDArray[np.float32]] = {}
    made = 0
    for start in range(0, len(missing), batch):
        if stop():
            return 0 if beside else made
        found = _vectors(catalog, embedder, missing[start : start + batch])
        made += len(found)
        if beside:
            waiting.update(found)
        if not beside and found:
            index.add_vectors(embedder.recipe, found)
        if len(waiting) >= MOST_AT_ONCE:
            index.add_vectors(embedder.recipe, waiting)
            waiting, beside = {}, False
        progress(min(start + batch, len(missing)), len(missing))
    if beside and not missing:  # all are there from before: one of them, given again, makes the index use them
        waiting = _vectors(catalog, embedder, list(islice(catalog.current_chunk_ids(), 1)))
    if waiting:
        index.add_vectors(embedder.recipe, waiting)
    return made


def takes_over(index: Index, recipe: str) -> bool:
    """True when the index is searched with vectors of another model than this one."""
    head = index.head()
    searched = str(getattr(head, "embedder", ""))
    return bool(searched) and searched != recipe and head.vectors > 0


def _vectors(catalog: Catalog, embedder: Embedder, chunk_ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    chunks = catalog.chunks(chunk_ids)
    texts = {chunk_id: embedding_text(chunk) for chunk_id, chunk in chunks.items()}
    distinct = list(dict.fromkeys(texts.values()))
    if not distinct:
        return {}
    vectors = dict(zip(distinct, embedder.embed(distinct), strict=True))
    return {chunk_id: vectors[text] for chunk_id, text in texts.items()}
