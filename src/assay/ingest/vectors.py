"""Vectors for the chunks that have none yet: the dearest stage, so it runs behind the lexical index, in small steps."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from assay.ports.index import Embedder, Index
from assay.ports.storage import Catalog
from assay.records.documents import Chunk


def embedding_text(chunk: Chunk) -> str:
    """What is embedded for a chunk: title, heading path and text, one a line; a title that is also the first heading
    is told once."""
    path = [heading for heading in chunk.heading_path if heading != chunk.title]
    return "\n".join(part for part in (chunk.title, " > ".join(path), chunk.text) if part)


def embed_missing(
    catalog: Catalog,
    index: Index,
    embedder: Embedder,
    *,
    batch: int = 32,
    progress: Callable[[int, int, str], object] = lambda *_: None,
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Embed every indexed chunk that lacks a vector of the embedder's recipe, shortest first; the number made.

    Each batch is stored before the next begins, so an interruption loses at most one. Chunks of one batch with equal
    text are embedded once. A chunk that the catalog no longer knows is passed over.
    """
    wanted = index.missing_vectors(embedder.recipe)
    made = 0
    queue = iter(wanted)
    while (ids := tuple(islice(queue, batch))) and not stop():
        known = catalog.chunks(ids)
        texts = {chunk_id: embedding_text(known[chunk_id]) for chunk_id in ids if chunk_id in known}
        distinct = list(dict.fromkeys(texts.values()))
        if distinct:
            vectors = dict(zip(distinct, embedder.embed(distinct), strict=True))
            index.add_vectors(embedder.recipe, {chunk_id: vectors[text] for chunk_id, text in texts.items()})
        made += len(texts)
        progress(made, len(wanted), "")
    return made
