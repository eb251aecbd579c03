"""Real retrieval sets for benches: read into the shipped catalog and index, with vectors cached under bench/.cache."""

from __future__ import annotations

import csv
import json
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.adapters.embedded_index.index import EmbeddedIndex
from assay.adapters.embedding_cache import CachedEmbedder
from assay.adapters.memory import MemoryCatalog
from assay.adapters.minilm.embedder import MiniLmEmbedder
from assay.adapters.parsers.plain import TextParser
from assay.ingest.chunk import ChunkPolicy, chunk_document
from assay.ports.index import Embedder
from assay.ports.storage import SourceState
from assay.records.access import AccessList
from assay.records.digest import sha256_bytes
from assay.records.documents import Chunk, Document
from assay.retrieve.backfill import embed_missing

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data"
CACHE = ROOT / "bench" / ".cache"
SETS = {
    "claude-docs": "en",
    "mtrag-un-pooled": "en",
    "scifact": "en",
    "xquad-en": "en",
    "xquad-de": "de",
    "xquad-es": "es",
    "xquad-zh": "zh",
}


@dataclass(frozen=True)
class Question:
    """A question of a set: `relevant` maps document ids to grades; empty where nothing answers it."""

    question_id: str
    text: str
    history: tuple[str, ...]
    answer: str
    relevant: Mapping[str, int]
    answerable: bool


@dataclass(frozen=True)
class Corpus:
    """A set as the product sees it: documents with their chunks, and the questions put to them."""

    name: str
    documents: tuple[tuple[Document, tuple[Chunk, ...]], ...]
    questions: tuple[Question, ...]


def folder_of(name: str) -> Path:
    """Where a retrieval set lies. Ends the bench with a plain message when it is not there."""
    folder = DATA / "retrieval" / name
    if not (folder / "corpus.jsonl").exists():
        sys.exit(f"the set {name} is not on this machine (looked in ../shared/data/retrieval); nothing was measured")
    return folder


def load(name: str) -> Corpus:
    """Read a BEIR-style folder (`corpus.jsonl`, `queries.jsonl`, `qrels/test.tsv`) through the shipped chunker."""
    folder = folder_of(name)
    language = SETS[name]
    documents = tuple(_document(record, name, language) for record in _jsonl(folder / "corpus.jsonl"))
    grades = _grades(folder / "qrels" / "test.tsv")
    questions = tuple(_question(record, grades) for record in _jsonl(folder / "queries.jsonl"))
    return Corpus(name, documents, questions)


def _document(record: dict[str, str], name: str, language: str) -> tuple[Document, tuple[Chunk, ...]]:
    """A record through the shipped text parser and chunker; its id stays the set's."""
    (parsed,) = TextParser().parse(record["text"].encode(), record["_id"])
    document = Document(
        doc_id=record["_id"],
        text_sha256=sha256_bytes(parsed.text.encode()),
        title=record["title"],
        source_uri=f"bench://{name}/{record['_id']}",
        media_type=TextParser.media_type,
        language=language,
        modified_at="2026-01-01T00:00:00Z",
        access=AccessList(),
        chars=len(parsed.text),
    )
    return document, chunk_document(document, parsed.text, parsed.blocks, ChunkPolicy())


def _jsonl(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _grades(path: Path) -> dict[str, dict[str, int]]:
    grades: dict[str, dict[str, int]] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            grades.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    return grades


def _question(record: dict[str, str], grades: dict[str, dict[str, int]]) -> Question:
    return Question(
        question_id=record["_id"],
        text=record["text"],
        history=tuple(record.get("history", ())),
        answer=record.get("answer", ""),
        relevant=grades.get(record["_id"], {}),
        answerable="UNANSWERABLE" not in record.get("answerability", ()),
    )


def catalog_of(corpus: Corpus) -> MemoryCatalog:
    """The set's documents in a catalog, as an ingestion leaves them."""
    catalog = MemoryCatalog()
    for document, chunks in corpus.documents:
        state = SourceState(
            document.source_uri, "bench", document.chars, 0, document.text_sha256, "bench.v1", (document.doc_id,)
        )
        catalog.put_source(state, [(document, chunks)])
    catalog.mark_indexed(catalog.pending())
    return catalog


def cached_embedder() -> Embedder:
    """The default embedder, remembering under bench/.cache: only the first bench on a machine pays for vectors."""
    return CachedEmbedder(MiniLmEmbedder(), CACHE / "embeddings.sqlite")


def build_index(corpus: Corpus, catalog: MemoryCatalog, embedder: Embedder, folder: Path) -> EmbeddedIndex:
    """The shipped index over a set, vectors included; says on stderr how far it is."""
    index = EmbeddedIndex(folder)
    for _, chunks in corpus.documents:
        index.add(chunks)
    index.commit()
    began = time.monotonic()

    def progress(done: int, total: int) -> None:
        print(
            f"\r{corpus.name}: vectors {done:,}/{total:,}  {time.monotonic() - began:.0f} s ", end="", file=sys.stderr
        )

    if embed_missing(index, catalog, embedder, progress=progress):
        print(file=sys.stderr)
    return index


def ndcg(ranked: Sequence[str], relevant: Mapping[str, int], depth: int = 10) -> float:
    """nDCG@depth with linear gain and log2 discount, as trec_eval computes it (Järvelin and Kekäläinen, 2002)."""
    gains = [relevant.get(doc_id, 0) for doc_id in ranked[:depth]]
    ideal = sorted(relevant.values(), reverse=True)[:depth]
    best = _discounted(ideal)
    return _discounted(gains) / best if best else 0.0


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]
