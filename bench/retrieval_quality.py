"""Retrieval on real sets, whole pipeline as shipped: nDCG@10 against published BM25, time per query, memory.

    make bench NAME=retrieval_quality            # all sets; the first run on a machine embeds them (minutes)
    .venv/bin/python bench/retrieval_quality.py claude-docs xquad-en
    .venv/bin/python bench/retrieval_quality.py --transfer    # and rankers trained on other questions than the set's

The learned stage is judged by grouped five-fold cross-validation: no question is ranked by a model that saw it or
another question about one of its documents, and the ridge is chosen inside each training part. Which features there
are, the pool of 32, the weight of the fused score and the loss were chosen while looking at these same sets.

The last line is JSON. Sets come from ../shared/data; without them the bench says so and measures nothing.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import corpora
import learned_ranking
from assay.adapters.clocks import SystemClock
from assay.adapters.minilm.embedder import MiniLmEmbedder
from assay.ports.index import IndexReader
from assay.records.access import Scope
from assay.records.retrieval import Query
from assay.retrieve.fuse import best_of_documents
from assay.retrieve.linear_ranker import LinearRanker
from assay.retrieve.retriever import HybridRetriever, RetrievePolicy
from assay.train.examples import Example
from assay.train.proof import Difference, proof_of, trained

Maker = Callable[[LinearRanker], HybridRetriever]
DEPTH = 10
FETCH = 50
BM25 = {"claude-docs": 0.714, "mtrag-un-pooled": 0.771, "xquad-en": 0.965, "scifact": 0.684}
"""Plain BM25 as the design measured it before this code existed (English stemmer, stop words kept)."""
RRF = {"claude-docs": 0.782, "mtrag-un-pooled": 0.817, "xquad-en": 0.969}
"""Its fusion with MiniLM, same source."""
FLOORS = {
    "claude_docs_lexical": 0.70,
    "claude_docs_hybrid": 0.78,
    "mtrag_hybrid": 0.81,
    "xquad_en_hybrid": 0.96,
    "scifact_lexical": 0.68,
    "claude_docs_learned": 0.82,
    "mtrag_learned": 0.84,
}
KEYS = {
    "claude-docs": "claude_docs",
    "mtrag-un-pooled": "mtrag",
    "xquad-en": "xquad_en",
    "scifact": "scifact",
    "xquad-de": "xquad_de",
}


@dataclass(frozen=True)
class Line:
    """One mode on one set."""

    name: str
    mode: str
    questions: int
    ndcg: float
    low: float
    high: float
    p50_ms: float
    p95_ms: float


def measure(corpus: corpora.Corpus, retriever: HybridRetriever, mode: str) -> tuple[Line, list[float]]:
    """Every question with a relevant document; a question without a result counts 0. The first search is not timed."""
    asked = [question for question in corpus.questions if question.relevant]
    retriever.retrieve(Query(asked[0].text, Scope(), FETCH, mode, asked[0].history))
    scores: list[float] = []
    spent_ms: list[float] = []
    for question in asked:
        began = time.perf_counter()
        found = retriever.retrieve(Query(question.text, Scope(), FETCH, mode, question.history))
        spent_ms.append(1000 * (time.perf_counter() - began))
        ranked = [item.chunk.doc_id for item in best_of_documents(found.ranked)]
        scores.append(corpora.ndcg(ranked, question.relevant, DEPTH))
        if found.mode != mode:
            sys.exit(f"{corpus.name}: asked for {mode}, got {found.mode}")
    low, high = bootstrap(scores)
    p50, p95 = corpora.percentile(spent_ms, 0.5), corpora.percentile(spent_ms, 0.95)
    return Line(corpus.name, mode, len(scores), sum(scores) / len(scores), low, high, p50, p95), scores


def bootstrap(scores: Sequence[float], draws: int = 2000) -> tuple[float, float]:
    """95 % percentile interval of the mean over questions, seed 7."""
    values = np.asarray(scores)
    picks = np.random.default_rng(7).integers(0, len(values), size=(draws, len(values)))
    low, high = np.quantile(values[picks].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


@dataclass(frozen=True)
class Learned:
    """What the learned stage brought on one set, on held-out questions."""

    name: str
    difference: Difference
    examples: tuple[Example, ...]
    transferred: dict[str, Difference]


def learned(corpus: corpora.Corpus, plain: HybridRetriever, make: Maker, transfer: bool) -> tuple[Line, Learned]:
    """Cross-validated nDCG@10, and the time of a whole search with a ranker in it; that ranker is trained on the whole
    set, because only its time is measured."""
    made = learned_ranking.examples(corpus, plain)
    held = learned_ranking.held_out(corpus.name, made)
    difference = proof_of(held, "cross-validation").overall
    timed, _ = measure(corpus, make(LinearRanker(trained(made)[0])), "hybrid")
    low, high = bootstrap([one.learned for one in held])
    line = Line(corpus.name, "learned", len(held), difference.learned, low, high, timed.p50_ms, timed.p95_ms)
    moved: dict[str, Difference] = {}
    if transfer:
        questions = learned_ranking.from_the_corpus(corpus, plain)
        moved["made of its corpus"] = learned_ranking.transferred(questions, made, "synthetic")
    return line, Learned(corpus.name, difference, made, moved)


def show_difference(label: str, found: Difference) -> None:
    assert found.interval is not None
    low, high = found.interval.low, found.interval.high
    verdict = "better" if low > 0 else "WORSE" if high < 0 else "no difference shown"
    print(f"{'':18} {label} {found.learned - found.plain:+.4f} [{low:+.4f}, {high:+.4f}]  {verdict}", flush=True)


def query_embedding_ms(corpus: corpora.Corpus) -> tuple[float, float]:
    """p50 and p95 of embedding one question with the model itself, not the cache."""
    embedder = MiniLmEmbedder()
    embedder.embed(["warm"])
    spent_ms = []
    for question in corpus.questions[:100]:
        began = time.perf_counter()
        embedder.embed([question.text])
        spent_ms.append(1000 * (time.perf_counter() - began))
    return corpora.percentile(spent_ms, 0.5), corpora.percentile(spent_ms, 0.95)


def run(name: str, transfer: bool) -> tuple[list[Line], Learned]:
    """One set in lexical, dense and hybrid mode and with the learned stage, over a frozen snapshot, as a bundle would
    search it."""
    corpus = corpora.load(name)
    catalog = corpora.catalog_of(corpus)
    embedder = corpora.cached_embedder()
    lines: list[Line] = []
    by_mode: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        index = corpora.build_index(corpus, catalog, embedder, Path(folder))
        reader: IndexReader = index.open(index.freeze().snapshot_id)
        retriever = HybridRetriever(reader, catalog, embedder, RetrievePolicy(), SystemClock())
        for mode in ("lexical", "dense", "hybrid"):
            line, by_mode[mode] = measure(corpus, retriever, mode)
            lines.append(line)
            show(line)

        def ranked_by(ranker: LinearRanker) -> HybridRetriever:
            return HybridRetriever(reader, catalog, embedder, RetrievePolicy(), SystemClock(), ranker)

        line, stage = learned(corpus, retriever, ranked_by, transfer)
        lines.append(line)
        show(line)
        index.close()
    gain = np.asarray(by_mode["hybrid"]) - np.asarray(by_mode["lexical"])
    low, high = bootstrap(list(gain))
    p50, p95 = query_embedding_ms(corpus)
    print(f"{'':18} hybrid - lexical {gain.mean():+.3f} [{low:+.3f}, {high:+.3f}]", end="")
    print(f"   embedding a question {p50:.1f} / {p95:.1f} ms", flush=True)
    show_difference("learned - rrf, cross-validated", stage.difference)
    for told, moved in stage.transferred.items():
        show_difference(f"trained on questions {told}, minus rrf", moved)
    return lines, stage


def show(line: Line) -> None:
    known = {"lexical": BM25, "hybrid": RRF}.get(line.mode, {}).get(line.name)
    ratio = f"{line.ndcg / known:6.2f} of {known:.3f}" if known else ""
    floor = FLOORS.get(f"{KEYS.get(line.name, '')}_{line.mode}")
    verdict = "" if floor is None else f"  floor {floor:.2f} {'met' if line.ndcg >= floor else 'MISSED'}"
    print(
        f"{line.name:18} {line.mode:8} {line.questions:5} {line.ndcg:.3f} [{line.low:.3f}, {line.high:.3f}] "
        f"{line.p50_ms:6.1f} {line.p95_ms:6.1f}   {ratio:16}{verdict}",
        flush=True,
    )


def main(names: Sequence[str], transfer: bool) -> None:
    print(f"{'set':18} {'mode':8} {'n':>5} nDCG@10 [95 % interval]   p50 ms p95 ms   ratio to the design's figure")
    runs = [run(name, transfer) for name in names]
    if transfer:
        by_set = {stage.name: stage.examples for _, stage in runs}
        for _, stage in runs:
            others = learned_ranking.elsewhere(stage.name, by_set)
            if others:
                moved = learned_ranking.transferred(others, stage.examples, "leave one set out")
                show_difference(f"{stage.name}: trained on the other sets, minus rrf", moved)
    found = {
        f"{KEYS.get(line.name, line.name)}_{line.mode}": round(line.ndcg, 4) for lines, _ in runs for line in lines
    }
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process {peak_mb:.0f} MB (catalog of the set in memory; the time of a search in hybrid")
    print("mode is with the question's vector remembered: add the embedding of a question)")
    wanted = [key for key in found if not key.endswith("_dense")]
    figures: dict[str, object] = {key: found[key] for key in wanted}
    figures["learned_beats_rrf"] = sum(stage.difference.better for _, stage in runs)
    figures["learned_worse_than_rrf"] = sum(stage.difference.worse for _, stage in runs)
    for _, stage in runs:
        interval = stage.difference.interval
        assert interval is not None
        gain = [round(value, 4) for value in (interval.estimate, interval.low, interval.high)]
        figures[f"{KEYS.get(stage.name, stage.name)}_learned_minus_rrf"] = gain
    print(json.dumps(figures))


if __name__ == "__main__":
    stated = [argument for argument in sys.argv[1:] if argument != "--transfer"]
    main(stated or list(KEYS), "--transfer" in sys.argv)
