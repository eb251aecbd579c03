"""Chunks and a catalog for the tests of this room."""

from __future__ import annotations

from collections.abc import Sequence

from assay.adapters.memory import MemoryCatalog
from assay.ports.storage import SourceState
from assay.records.access import AccessList
from assay.records.documents import BlockKind, Chunk, Document

OPEN = AccessList()


def chunk(
    doc_id: str, text: str, ordinal: int = 0, *, access: AccessList = OPEN, title: str = "", path: Sequence[str] = ()
) -> Chunk:
    return Chunk(
        chunk_id=f"{doc_id}#{ordinal}",
        doc_id=doc_id,
        text_sha256="0" * 64,
        ordinal=ordinal,
        start=0,
        end=len(text),
        text=text,
        title=title,
        heading_path=tuple(path),
        kind=BlockKind.PARAGRAPH,
        language="en",
        access=access,
        source_uri=f"file:{doc_id}",
    )


def catalog_with(chunks: Sequence[Chunk]) -> MemoryCatalog:
    catalog = MemoryCatalog()
    for doc_id in dict.fromkeys(c.doc_id for c in chunks):
        mine = [c for c in chunks if c.doc_id == doc_id]
        document = Document(
            doc_id, "0" * 64, mine[0].title, f"file:{doc_id}", "text/plain", "en", "", mine[0].access, 100
        )
        catalog.put_source(SourceState(f"file:{doc_id}", "test", 1, 0, "", "", (doc_id,)), [(document, mine)])
    return catalog
