"""Reading a document's immutable text copy, inside the caller's scope."""

from __future__ import annotations

from dataclasses import dataclass

from assay.records.access import Scope
from assay.records.documents import Document
from assay.records.errors import NotFound
from assay.wiring.workspace import Stores


@dataclass(frozen=True, slots=True)
class Copy:
    """A document and one version of its text. `current` is False for a version that was replaced since."""

    document: Document
    text_sha256: str
    text: str

    @property
    def current(self) -> bool:
        return self.text_sha256 == self.document.text_sha256


def _no_document() -> NotFound:
    return NotFound("serve.no_document", "there is no such document, or you may not see it")


def read_copy(stores: Stores, scope: Scope, doc_id: str, text_sha256: str = "", chunk_id: str = "") -> Copy:
    """The copy that `text_sha256` names (empty: today's). Raises NotFound for what does not exist or is not allowed.

    Access follows the document's access list of today. A replaced version is shown only to callers who name a chunk
    of it: the chunk's row proves that the hash is a version of this document and not of another one.
    """
    try:
        document = stores.catalog.document(doc_id)
    except NotFound:
        raise _no_document() from None
    if not scope.allows(document.access):
        raise _no_document()
    first = next(iter(stores.catalog.chunks_of(doc_id)), None)
    if first is not None and not stores.catalog.visible([first.chunk_id], scope):
        raise _no_document()  # classified above what the caller is cleared for
    wanted = text_sha256 or document.text_sha256
    if wanted != document.text_sha256:
        chunk = stores.catalog.chunks([chunk_id]).get(chunk_id)
        if chunk is None or (chunk.doc_id, chunk.text_sha256) != (doc_id, wanted):
            raise _no_document()
    return Copy(document, wanted, stores.blobs.get(wanted).decode("utf-8"))
