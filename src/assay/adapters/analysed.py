"""A chunk and a query as an engine with a BM25 of its own sees them: terms analysed by us, divided only at spaces."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from assay.adapters.embedded_index.lexical import access_term, access_terms, in_language, key_of
from assay.adapters.embedded_index.rows import access_key
from assay.records.access import EVERY_TENANT, Scope
from assay.records.documents import Chunk
from assay.retrieve.analysis import Analyzer
from assay.retrieve.wording import embedding_text, names_over


@dataclass(frozen=True, slots=True)
class Analysed:
    """What an engine stores of a chunk; none of the text itself.

    `key` and `document` are fixed-length names of the ids, safe in any query language; `access` is matched against
    `scope_terms`; `head` and `body` hold terms, each under the name of its language (`en:lemon`), so that a query's
    terms of one language never match chunks of another; `content` names what would be embedded.
    """

    chunk_id: str
    doc_id: str
    key: str
    document: str
    access: tuple[str, ...]
    access_key: str
    content: bytes
    chars: int
    language: str
    head: str
    body: str


def analysed(chunk: Chunk, analyzer: Analyzer) -> Analysed:
    """The terms of titles and headings stand in the head and before those of the text in the body."""
    group = analyzer.group(chunk.language)
    head = [term for name in names_over(chunk) for term in _named(analyzer.terms(name, group), group)]
    text = embedding_text(chunk)
    return Analysed(
        chunk_id=chunk.chunk_id,
        doc_id=chunk.doc_id,
        key=key_of(chunk.chunk_id),
        document=key_of(chunk.doc_id),
        access=tuple(access_terms(chunk.access)),
        access_key=access_key(chunk.access),
        content=hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16],
        chars=len(text),
        language=group,
        head=" ".join(head),
        body=" ".join([*head, *_named(analyzer.terms(chunk.text, group), group)]),
    )


def asked(analyzer: Analyzer, groups: Iterable[str], text: str) -> dict[str, int]:
    """The terms of a query with how often each is asked for, in every language that the index holds."""
    return {in_language(term, group): n for group in groups for term, n in analyzer.query_terms(text, group).items()}


def scope_terms(scope: Scope) -> list[str]:
    """What a caller may match: exactly those access terms that `scope.allows`."""
    groups = (None, *sorted(scope.groups))
    return [access_term(tenant, group) for tenant in sorted({scope.tenant, EVERY_TENANT}) for group in groups]


def _named(terms: Iterable[str], group: str) -> Iterable[str]:
    return (in_language(term, group) for term in terms)
