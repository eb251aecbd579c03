"""Which pieces of a corpus a question can be made from: prose that somebody may read."""

from __future__ import annotations

from assay.records.access import EVERY_TENANT, RESERVED, Scope
from assay.records.documents import BlockKind, Chunk

PROSE = (BlockKind.PARAGRAPH, BlockKind.LIST, BlockKind.QUOTE)


def askable(chunk: Chunk) -> bool:
    """Whether it is prose that anybody may read: a closed document has no scope to ask in."""
    closed = any(name.startswith(RESERVED) for name in (chunk.access.tenant, *chunk.access.groups))
    return chunk.kind in PROSE and not closed


def scope_of(chunk: Chunk) -> Scope:
    """In whose name the chunk can be read."""
    tenant = "default" if chunk.access.tenant == EVERY_TENANT else chunk.access.tenant
    return Scope(tenant, frozenset(chunk.access.groups))
