"""Vectors for chunks that have none yet, shortest first, in pieces that survive an interruption."""

from __future__ import annotations

from collections.abc import Callable

from assay.ports.index import Embedder, Index
from assay.ports.storage import Catalog
from assay.retrieve.wording import embedding_text


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

    `progress` gets (done, total). `stop` is asked before each batch. Chunks with the same words are embedded once.
    A chunk that the catalog no longer knows is passed over: the next sync removes it from the index.
    """
    missing = index.missing_vectors(embedder.recipe)
    made = 0
    for start in range(0, len(missing), batch):
        if stop():
            break
        part = missing[start : start + batch]
        chunks = catalog.chunks(part)
        texts = {chunk_id: embedding_text(chunk) for chunk_id, chunk in chunks.items()}
        distinct = list(dict.fromkeys(texts.values()))
        if distinct:
            vectors = dict(zip(distinct, embedder.embed(distinct), strict=True))
            index.add_vectors(embedder.recipe, {chunk_id: vectors[text] for chunk_id, text in texts.items()})
        made += len(texts)
        progress(min(start + batch, len(missing)), len(missing))
    return made
