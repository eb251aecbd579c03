"""The tantivy index: its schema, its documents and its files. Terms come analysed, never as raw text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.adapters.embedded_index.rows import access_key
from assay.records.access import AccessList
from assay.records.documents import Chunk
from assay.retrieve.analysis import Analyzer
from assay.retrieve.wording import names_over

HEAD_BOOST = 0.3
"""A word in a title or heading counts in the body's score and, at this weight, in the head's own. Measured with small
words left out, nDCG@10 on SciFact and claude-docs: .676 and .747 without names, .688 and .752 with them in the body,
.697 and .779 with this."""
RECIPE = f"tantivy_bm25.v2(body=names+text,head=names,head_boost={HEAD_BOOST},terms=by_language)"
BREAK = "¶"
"""Stands between names and text, so that no phrase runs over from one into the other."""
HEAP_BYTES = 48_000_000


def key_of(name: str) -> str:
    """A short fixed-length term for an id, so that any string may be an id."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def access_terms(access: AccessList) -> list[str]:
    """What a chunk carries: one term for everybody of the tenant, or one for each group."""
    return [access_term(access.tenant, group) for group in sorted(set(access.groups)) or (None,)]


def access_term(tenant: str, group: str | None) -> str:
    """Everybody of the tenant, or one of its groups."""
    return key_of(json.dumps([tenant] if group is None else [tenant, group]))


def in_language(term: str, group: str) -> str:
    """A term as the engine keeps it: words of two languages never meet, and each is as rare as in its own."""
    return f"{group}:{term}"


def _all_in_language(terms: Sequence[str], group: str) -> str:
    """`in_language` of each with blanks between them, in one go."""
    return f"{group}:" + f" {group}:".join(terms) if terms else ""


def open_engine(folder: Path) -> Any:
    """The tantivy index in `folder`, made when there is none."""
    import tantivy

    if tantivy.Index.exists(str(folder)):
        engine = tantivy.Index.open(str(folder))
    else:
        builder = tantivy.SchemaBuilder()
        for name in ("chunk", "readers"):
            builder.add_text_field(name, stored=True, tokenizer_name="raw", index_option="basic")
        for name in ("document", "access"):
            builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
        builder.add_text_field("head", tokenizer_name="whitespace", index_option="freq")
        builder.add_text_field("body", tokenizer_name="whitespace", index_option="position")
        engine = tantivy.Index(builder.build(), path=str(folder))
    engine.config_reader("manual", 0)
    return engine


def engine_document(chunk: Chunk, analyzer: Analyzer) -> Any:
    """A chunk as tantivy stores it: its id, and terms already analysed, which the engine only divides at spaces."""
    import tantivy

    group = analyzer.group(chunk.language)
    head = _all_in_language([term for name in names_over(chunk) for term in analyzer.terms(name, group)], group)
    body = _all_in_language(analyzer.terms(chunk.text, group), group)
    return tantivy.Document(
        chunk=[chunk.chunk_id],
        document=[key_of(chunk.doc_id)],
        readers=[access_key(chunk.access)],
        access=access_terms(chunk.access),
        head=[head],
        body=[f"{head} {BREAK} {body}"],
    )


def committed_opstamp(folder: Path) -> int:
    """The number of the last commit that is on disk."""
    return int(json.loads((folder / "meta.json").read_bytes())["opstamp"])


def committed_files(folder: Path) -> tuple[bytes, tuple[str, ...]]:
    """The bytes of `meta.json` and the names of exactly those immutable files it refers to."""
    meta = (folder / "meta.json").read_bytes()
    names: list[str] = []
    for segment in json.loads(meta)["segments"]:
        stem = segment["segment_id"].replace("-", "")
        deletes = segment.get("deletes")
        kept = f"{stem}.{deletes['opstamp']}.del" if deletes else ""
        names.extend(
            name
            for name in sorted(entry.name for entry in folder.glob(f"{stem}.*"))
            if not name.endswith(".del") or name == kept
        )
        if kept and kept not in names:
            raise FileNotFoundError(kept)
    return meta, tuple(names)
