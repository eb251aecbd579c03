"""How long a search takes: 100,000 chunks through the shipped retriever, 1,000,000 through the words engine.

    make bench NAME=retrieval_latency
    .venv/bin/python bench/retrieval_latency.py --chunks 20000 --lexical-chunks 100000     # smaller, for a first look

Chunks are sentences of real documents shuffled together, questions are real questions, and vectors are random points
around 2,000 centres: 384 numbers of length 1, as the default embedder's. Embedding a question is not timed (a stand-in
hands the vectors out). Everything else is: both engines, fusion, and the catalog's second look in SQLite.

Peers in the same run: numpy's float32 scan for vectors, and tantivy alone (the same index, no access list, no ids
fetched) for words. What is built is kept under bench/.cache. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import corpora
from assay.adapters.clocks import SystemClock
from assay.adapters.embedded_index.index import EmbeddedIndex
from assay.adapters.embedded_index.lexical import in_language
from assay.adapters.embedded_index.reader import EmbeddedReader
from assay.adapters.sql.catalog import SqlCatalog
from assay.adapters.sql.database import open_database
from assay.ports.storage import SourceState
from assay.records.access import AccessList, Scope
from assay.records.digest import sha256_json
from assay.records.documents import BlockKind, Chunk, Document
from assay.records.retrieval import Query
from assay.retrieve.retriever import HybridRetriever, RetrievePolicy
from assay.text.sentences import sentence_spans

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIMENSIONS = 384
GROUPS = 100
CHUNKS_A_DOCUMENT = 5
DOCUMENTS_A_SOURCE = 100
SETS = ("scifact", "claude-docs", "mtrag-un-pooled", "xquad-en")
WORDS_A_CHUNK = 90
LIMIT = 10
RECIPE = "clustered.v1"
NOW = "2026-01-01T00:00:00Z"
TARGETS = {"hybrid_p95_ms": 10.0, "filtered_p95_ms": 10.0, "recall_at_10": 0.95, "lexical_1m_p95_ms": 25.0}
EVERYBODY = Scope(groups=frozenset(f"team-{n}" for n in range(GROUPS)))
SCOPES = {
    "no filter": EVERYBODY,
    "50 % allowed": Scope(groups=frozenset(f"team-{n}" for n in range(GROUPS // 2))),
    "10 % allowed": Scope(groups=frozenset(f"team-{n}" for n in range(GROUPS // 10))),
    "1 % allowed": Scope(groups=frozenset({"team-7"})),
}


class StandIn:
    """An embedder that hands out vectors it was given."""

    recipe = RECIPE
    dimensions = DIMENSIONS

    def __init__(self, known: Mapping[str, NDArray[np.float32]]) -> None:
        self._known = known

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([self._known[text] for text in texts])


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one kind of search. `cpu_p95` is processor time of the thread, which searches use only one of:
    what the 95th percentile would be on a machine with nothing else to do."""

    p50: float
    p95: float
    cpu_p95: float


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def timed(searches: Sequence[Callable[[], object]], rounds: int = 2) -> Timing:
    """Each search `rounds` times, the whole list over; the first ten are run once before the clock."""
    for search in searches[:10]:
        search()
    spent, used = [], []
    for search in [*searches] * rounds:
        began, cpu = time.perf_counter(), time.thread_time()
        search()
        spent.append(1000 * (time.perf_counter() - began))
        used.append(1000 * (time.thread_time() - cpu))
    return Timing(corpora.percentile(spent, 0.5), corpora.percentile(spent, 0.95), corpora.percentile(used, 0.95))


def real_sentences() -> list[str]:
    """Every sentence of the sets' documents, in their order."""
    found: list[str] = []
    for name in SETS:
        for record in corpora._jsonl(corpora.folder_of(name) / "corpus.jsonl"):
            text = record["text"]
            found.extend(text[start:end] for start, end in sentence_spans(text) if 20 < end - start < 600)
    return found


def questions(count: int) -> list[str]:
    """Real questions, as many of each set."""
    found: list[str] = []
    for name in SETS:
        asked = [record["text"] for record in corpora._jsonl(corpora.folder_of(name) / "queries.jsonl")]
        found.extend(random.Random(3).sample(asked, min(len(asked), count // len(SETS))))
    return found


def chunks(count: int, words: int) -> Iterator[Chunk]:
    """Chunks of about `words` words, in documents of five; document n belongs to team n modulo 100."""
    known, pick = real_sentences(), random.Random(11)
    for number in range(count):
        parts: list[str] = []
        length = 0
        while length < words:
            parts.append(pick.choice(known))
            length += parts[-1].count(" ") + 1
        text = " ".join(parts)
        document, ordinal = divmod(number, CHUNKS_A_DOCUMENT)
        yield Chunk(
            chunk_id=f"{document:07}#{ordinal}",
            doc_id=f"{document:07}",
            text_sha256="0" * 64,
            ordinal=ordinal,
            start=ordinal * 1000,
            end=ordinal * 1000 + len(text),
            text=text,
            title=" ".join(parts[0].split()[:6]),
            heading_path=("Section", f"Part {ordinal}"),
            kind=BlockKind.PARAGRAPH,
            language="en",
            access=AccessList(groups=(f"team-{document % GROUPS}",)),
            source_uri=f"bench://{document}",
            modified_at=NOW,
        )


def vectors(count: int, seed: int) -> NDArray[np.float32]:
    """Unit vectors around 2,000 centres, which are the same for every seed; shape (count, 384)."""
    centres = np.random.default_rng(5).normal(size=(2000, DIMENSIONS)).astype(np.float32)
    noise = np.random.default_rng(seed)
    found = centres[noise.integers(0, len(centres), count)]
    found += 0.8 * noise.normal(size=(count, DIMENSIONS)).astype(np.float32)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found


def batches(items: Iterator[Chunk], size: int) -> Iterator[list[Chunk]]:
    batch: list[Chunk] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def build(folder: Path, count: int, words: int, *, catalog: bool) -> None:
    """Fill an index, and with `catalog` its catalog and vectors too; does nothing when it was finished before."""
    if (folder / "done").exists():
        return
    index = EmbeddedIndex(folder / "index")
    database = open_database(folder / "assay.db") if catalog else None
    began, done = time.monotonic(), 0
    for batch in batches(chunks(count, words), CHUNKS_A_DOCUMENT * DOCUMENTS_A_SOURCE):
        index.add(batch)
        if database is not None:
            put(SqlCatalog(database), batch)
        done += len(batch)
        if done % 50_000 == 0:
            index.commit()
            say(f"built {done:,} of {count:,} chunks in {time.monotonic() - began:.0f} s")
    index.commit()
    if catalog:
        matrix = vectors(count, 1)
        names = [f"{n // CHUNKS_A_DOCUMENT:07}#{n % CHUNKS_A_DOCUMENT}" for n in range(count)]
        for start in range(0, count, 5000):
            index.add_vectors(RECIPE, dict(zip(names[start : start + 5000], matrix[start : start + 5000], strict=True)))
    index.close()
    if database is not None:
        database.close()
    (folder / "done").write_text(NOW)


def put(catalog: SqlCatalog, batch: Sequence[Chunk]) -> None:
    """The documents of a batch, as one source."""
    held = []
    for start in range(0, len(batch), CHUNKS_A_DOCUMENT):
        mine = batch[start : start + CHUNKS_A_DOCUMENT]
        first = mine[0]
        document = Document(
            first.doc_id, first.text_sha256, first.title, first.source_uri, "text/plain", "en", NOW, first.access, 9000
        )
        held.append((document, mine))
    uri = batch[0].source_uri
    catalog.put_source(SourceState(uri, "bench", 1, 0, "", RECIPE, tuple(d.doc_id for d, _ in held)), held)
    catalog.mark_indexed(d.doc_id for d, _ in held)


def folder_for(count: int, words: int, kind: str) -> Path:
    """Named by what goes in and by the engine's recipe, so that a new version is built anew."""
    from assay.adapters.embedded_index import lexical
    from assay.retrieve.analysis import Analyzer

    stated = [count, words, kind, RECIPE, lexical.RECIPE, Analyzer().recipe, 1]
    folder = corpora.CACHE / f"latency-{kind}-{sha256_json(stated)[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def hybrid(count: int, asked: Sequence[str]) -> dict[str, float]:
    """The whole retriever under each scope, with the share of each stage; recall of the vectors against float32."""
    folder = folder_for(count, WORDS_A_CHUNK, "hybrid")
    build(folder, count, WORDS_A_CHUNK, catalog=True)
    database = open_database(folder / "assay.db")
    index = EmbeddedIndex(folder / "index")
    reader = index.head()
    matrix, wanted = stored(reader), vectors(len(asked), 2)
    catalog = SqlCatalog(database)
    embedder = StandIn(dict(zip(asked, wanted, strict=True)))
    retriever = HybridRetriever(reader, catalog, embedder, RetrievePolicy(), SystemClock())
    floor = timed([partial(float32_scan, matrix, v) for v in wanted], rounds=1)
    print(f"\n{count:,} chunks, hybrid, {len(asked)} questions, {LIMIT} results")
    stage_names = f"{'words':>8}{'vectors':>9}{'fuse':>7}{'check':>7}"
    print(f"{'scope':16}{'p50 ms':>8}{'p95 ms':>8}{'CPU p95':>9}{stage_names}{'recall@10':>11}")
    found: dict[str, Timing] = {}
    recalls: list[float] = []
    for name, scope in SCOPES.items():
        stages: dict[str, list[float]] = {}

        def search(text: str, scope: Scope = scope, stages: dict[str, list[float]] = stages) -> None:
            got = retriever.retrieve(Query(text, scope, LIMIT))
            assert got.mode == "hybrid"
            assert len(got.ranked) == LIMIT
            for stage, spent_ms in got.stage_ms.items():
                stages.setdefault(stage, []).append(spent_ms)

        whole = timed([partial(search, text) for text in asked])
        recall = recall_at_10(reader, matrix, wanted, scope)
        recalls.append(recall)
        shown = [corpora.percentile(stages.get(stage, [0.0]), 0.5) for stage in ("lexical", "dense", "fuse", "check")]
        print(
            f"{name:16}{whole.p50:8.2f}{whole.p95:8.2f}{whole.cpu_p95:9.2f}{shown[0]:8.2f}{shown[1]:9.2f}{shown[2]:7.2f}{shown[3]:7.2f}"
            f"{recall:11.3f}",
            flush=True,
        )
        found[name] = whole
    dense = timed([partial(reader.dense, v, EVERYBODY, 100) for v in wanted])
    print(
        f"vectors alone p95 {dense.p95:.2f} ms, numpy's float32 scan {floor.p95:.2f}: {dense.p95 / floor.p95:.2f} of it"
    )
    print(f"a scope never seen before, 1 % allowed: {first_look(reader, wanted):.2f} ms at worst over 50 scopes")
    index.close()
    database.close()
    return {
        "hybrid_p95_ms": found["no filter"].p95,
        "filtered_p95_ms": found["1 % allowed"].p95,
        "half_filtered_p95_ms": found["50 % allowed"].p95,
        "hybrid_cpu_p95_ms": found["no filter"].cpu_p95,
        "filtered_cpu_p95_ms": found["1 % allowed"].cpu_p95,
        "recall_at_10": min(recalls),
        "dense_p95_ms": dense.p95,
        "numpy_scan_p95_ms": floor.p95,
    }


def stored(reader: EmbeddedReader) -> NDArray[np.float32]:
    """The vectors that the index holds, by number of the chunk: the few chunks with the same text share one."""
    rows = reader.rows
    numbers = [int(name[:7]) * CHUNKS_A_DOCUMENT + int(name[8:]) for name in rows.chunk_ids]
    matrix = np.empty((len(numbers), DIMENSIONS), dtype=np.float32)
    for number, segment, place in zip(numbers, rows.segment, rows.place, strict=True):
        matrix[number] = reader.segments[int(segment)].matrix[place]
    return matrix


def float32_scan(matrix: NDArray[np.float32], vector: NDArray[np.float32]) -> NDArray[np.int64]:
    """The peer: the hundred largest inner products."""
    found: NDArray[np.int64] = np.argpartition(matrix @ vector, -100)[-100:]
    return found


def recall_at_10(reader: Any, matrix: NDArray[np.float32], wanted: NDArray[np.float32], scope: Scope) -> float:
    """Share of the ten nearest inside the scope, by numpy's float32 scan, that the index finds."""
    rows = np.array(
        [n for n in range(len(matrix)) if f"team-{n // CHUNKS_A_DOCUMENT % GROUPS}" in scope.groups], dtype=np.int64
    )
    inside = matrix[rows]
    hits = 0
    for vector in wanted:
        best = rows[np.argsort(-(inside @ vector), kind="stable")[:10]]
        true = {f"{n // CHUNKS_A_DOCUMENT:07}#{n % CHUNKS_A_DOCUMENT}" for n in best}
        hits += len(true & {hit.chunk_id for hit in reader.dense(vector, scope, 10)})
    return hits / (10 * len(wanted))


def first_look(reader: Any, wanted: NDArray[np.float32]) -> float:
    """The slowest of fifty searches in a scope that was never used before, words and vectors together."""
    worst = 0.0
    for n in range(50):
        scope = Scope(groups=frozenset({f"team-{n}", f"nobody-{n}"}))
        began = time.perf_counter()
        reader.dense(wanted[n % len(wanted)], scope, 100)
        reader.lexical("what is the policy", scope, 100)
        worst = max(worst, 1000 * (time.perf_counter() - began))
    return worst


def words_engine(count: int, asked: Sequence[str]) -> dict[str, float]:
    """Words alone, in a big index: through the reader, and tantivy alone beside it."""
    folder = folder_for(count, WORDS_A_CHUNK // 3, "words")
    build(folder, count, WORDS_A_CHUNK // 3, catalog=False)
    index = EmbeddedIndex(folder / "index")
    reader = index.head()
    print(f"\n{count:,} chunks, words only (the engine, without a catalog), {len(asked)} questions, 100 results")
    print(f"{'scope':16}{'p50 ms':>8}{'p95 ms':>8}{'CPU p95':>9}")
    found: dict[str, Timing] = {}
    for name, scope in SCOPES.items():
        found[name] = timed([partial(reader.lexical, text, scope, 100) for text in asked])
        print(f"{name:16}{found[name].p50:8.2f}{found[name].p95:8.2f}{found[name].cpu_p95:9.2f}", flush=True)
    bare = timed([bare_search(reader, text) for text in asked])
    worst = max(timing.p95 for timing in found.values())
    print(
        f"{'tantivy alone':16}{bare.p50:8.2f}{bare.p95:8.2f}   the slowest scope is {worst / bare.p95:.2f} times that"
    )
    index.close()
    return {
        "lexical_1m_p95_ms": worst,
        "lexical_1m_cpu_p95_ms": max(timing.cpu_p95 for timing in found.values()),
        "tantivy_1m_p95_ms": bare.p95,
    }


def bare_search(reader: EmbeddedReader, text: str) -> Callable[[], object]:
    """The same words put to the body alone: no access list, no head, no ids."""
    from tantivy import Occur, Query

    schema = reader.engine.schema
    terms = reader.analyzer.query_terms(text, "en")
    every = [Query.term_query(schema, "body", in_language(term, "en"), "freq") for term in terms]
    query = Query.boolean_query([(Occur.Should, one) for one in every])
    return lambda: reader.searcher.search(query, 100, count=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--lexical-chunks", type=int, default=1_000_000)
    parser.add_argument("--questions", type=int, default=200)
    given = parser.parse_args()
    asked = questions(given.questions)
    found = hybrid(given.chunks, asked) | words_engine(given.lexical_chunks, asked)
    print()
    for name, target in TARGETS.items():
        met = found[name] >= target if name == "recall_at_10" else found[name] <= target
        print(f"{name:20} {found[name]:8.3f}   target {target:5.2f} {'met' if met else 'MISSED'}")
    print(f"peak memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    print(json.dumps({name: round(value, 4) for name, value in found.items()}))


if __name__ == "__main__":
    main()
