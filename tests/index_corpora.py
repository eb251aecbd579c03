"""Chunks for tests of index adapters: made by hand, by chance, and from the SciFact set."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.ports.index import IndexReader
from assay.records.access import AccessList, Scope
from assay.records.documents import BlockKind, Chunk

OPEN = AccessList()
SCIFACT = Path(__file__).resolve().parents[2] / "shared" / "data" / "retrieval" / "scifact"


def chunk(doc_id: str, text: str, ordinal: int = 0, access: AccessList = OPEN, title: str = "") -> Chunk:
    return Chunk(
        f"{doc_id}#{ordinal}", doc_id, "0" * 64, ordinal, 0, len(text), text, title, (), BlockKind.PARAGRAPH, "en",
        access,
    )  # fmt: skip


def random_index_rows(count: int, share: float) -> tuple[list[Chunk], NDArray[np.float32], list[int]]:
    """Chunks with clustered unit vectors, and the numbers of those that the group `few` may read."""
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(40, 32))
    matrix = (centres[rng.integers(0, 40, count)] + 0.8 * rng.normal(size=(count, 32))).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    few = sorted(rng.permutation(count)[: max(1, int(count * share))].tolist())
    mine = set(few)
    lists = {True: AccessList("acme", ("few",)), False: AccessList("acme", ("many",))}
    chunks = [chunk(f"d{n:05}", f"text {n}", access=lists[n in mine]) for n in range(count)]
    return chunks, matrix, few


def scifact() -> tuple[list[Chunk], dict[str, str], dict[str, dict[str, int]]]:
    """Every abstract as one chunk, the claims, and which abstracts speak to them."""
    if not SCIFACT.exists():
        pytest.skip("../shared/data/retrieval/scifact is not on this machine")
    documents = [json.loads(line) for line in (SCIFACT / "corpus.jsonl").open(encoding="utf-8")]
    queries = [json.loads(line) for line in (SCIFACT / "queries.jsonl").open(encoding="utf-8")]
    relevant: dict[str, dict[str, int]] = {}
    with (SCIFACT / "qrels" / "test.tsv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            relevant.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    corpus = [chunk(record["_id"], record["text"], title=record["title"]) for record in documents]
    return corpus, {q["_id"]: q["text"] for q in queries if q["_id"] in relevant}, relevant


def measured_ndcg(
    reader: IndexReader, questions: Mapping[str, str], relevant: Mapping[str, Mapping[str, int]]
) -> float:
    """Mean nDCG@10 of a lexical search, one chunk a document."""
    values = []
    for name, text in questions.items():
        ranked = [hit.chunk_id.rpartition("#")[0] for hit in reader.lexical(text, Scope(), 10)]
        best = sorted(relevant[name].values(), reverse=True)[:10]
        values.append(_gain([relevant[name].get(doc_id, 0) for doc_id in ranked]) / _gain(best))
    return math.fsum(values) / len(values)


def _gain(grades: Sequence[int]) -> float:
    return sum(grade / math.log2(rank + 1) for rank, grade in enumerate(grades, 1))
