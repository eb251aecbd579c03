"""A workspace with something of everything that can hold a document's text, made in this process."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.ports.index import Embedder
from assay.records.bundles import Bundle
from assay.records.dialogue import AnswerSentence, Check, CheckStatus, Citation, Outcome, Passage, Reply, Usage
from assay.records.documents import Chunk
from assay.records.evaluation import Run, RunStatus, Sample
from assay.records.golden import Case, Evidence, Expected, GoldenSet
from assay.records.ledger import Entry
from assay.records.operations import ApiKey, Feedback, Trace
from assay.wiring import ingesting
from assay.wiring.build import Workspace, create_workspace, open_workspace
from assay.wiring.embedders import Embedders
from assay.wiring.guarding import vault

SECRET = "The salary band of Jane Doe, a senior engineer in Graz, starts at 91,000 euros and ends at 104,500."
NEWER = "The salary band of Jane Doe, a principal engineer in Linz, starts at 120,000 euros and never ends."
LEAVE = "Every parent takes sixteen weeks of paid parental leave in the first year after a birth."
TOOLS = "Requests for new laptops go through the ticket tool that everybody calls Foxglove."
GONE = "docs/salary.md"


class SeededEmbedder:
    """Unit vectors that only a text's hash decides: dense, so that each begins with numbers of its own."""

    recipe = "seeded.v1"
    dimensions = 16

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [
            np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")).normal(size=16)
            for text in texts
        ]
        matrix = np.array(rows, dtype=np.float32).reshape(len(texts), 16)
        return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


class Seeded(Embedders):
    def _model(self, settings: dict[str, Any] | None) -> Embedder:
        return SeededEmbedder()


def opened(root: Path) -> Workspace:
    place = open_workspace(root)
    place._embedders.append(Seeded(place.root, place.store, 1))
    return place


def write(folder: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def small(root: Path, texts: Mapping[str, str]) -> Workspace:
    """A workspace with these files of `docs/`, indexed by words and vectors."""
    write(root / "docs", texts)
    create_workspace(root / "lab")
    place = opened(root / "lab")
    ingesting.ingest(place, [root / "docs"], lambda *_: None)
    ingesting.embed(place, lambda *_: None)
    return place


def lab(root: Path) -> Workspace:
    """One document in two versions, and traces of it in every store; two others that must not be touched."""
    place = small(root, {"salary.md": SECRET, "leave.md": LEAVE, "tools.md": TOOLS})
    frozen = ingesting.freeze(place).snapshot_id
    write(root / "docs", {"salary.md": NEWER})
    ingesting.ingest(place, [root / "docs"], lambda *_: None)
    ingesting.embed(place, lambda *_: None)
    chunk = place.stores.catalog.chunks_of(GONE)[0]
    _golden(place)
    _run(place, chunk)
    _trace(place, chunk)
    place.stores.bundles.put(Bundle("assistant", "assistant", {"prompt": {}, "snapshot": {"id": frozen}}, "2026"))
    place.stores.keys.put(ApiKey("k1", "9" * 64, f"label: {NEWER}", "default", (), "2026"))
    note = {"value": "wrong", "note": f"It says {NEWER}", "seen": [GONE, {"quote": SECRET}]}
    place.stores.ledger.append([Entry("label", "t1", "1", note, "2026"), Entry("label", "t1", "2", {"value": "right"})])
    place.stores.cache.put("reply", f"kept: {NEWER}")
    for name in ("Jane Doe", "Foxglove"):
        vault(place).pseudonym("default", "name", name)
    _files(place)
    return place


def _golden(place: Workspace) -> None:
    cases = (
        Case("pay", "What is the band?", Expected(answers=("91,000",), evidence=(Evidence(GONE, SECRET),))),
        Case("leave", "How long is leave?", Expected(answers=("sixteen",), evidence=(Evidence("docs/leave.md"),))),
    )
    place.stores.golden.put(GoldenSet("small", cases, "2026-01-01T00:00:00.000000Z"))


def cited(chunk: Chunk) -> Reply:
    citation = Citation(chunk.span, chunk.text, "salary", "", chunk.chunk_id)
    told = AnswerSentence(f"It is so: {chunk.text}", (citation,), Check(CheckStatus.SUPPORTED, 1.0))
    return Reply(Outcome.ANSWERED, sentences=(told,), passages=(Passage(1, chunk.chunk_id, chunk.span, 0.9),))


def _run(place: Workspace, chunk: Chunk) -> None:
    run = Run("run-1", "assistant", "system", "", "small", "0" * 64, 1, 1, 0, (), "2026-01-01T00:00:00.000000Z")
    place.stores.runs.create(run)
    place.stores.runs.append("run-1", [Sample("pay", 0, cited(chunk), {"correct": 1.0}, {})])
    place.stores.runs.finish("run-1", RunStatus.COMPLETE)


def _trace(place: Workspace, chunk: Chunk) -> None:
    reply = cited(chunk)
    place.stores.traces.append([
        Trace("trace-1", "assistant", "", "", "default", (), "2026-01-01T00:00:00.000000Z", Outcome.ANSWERED, "", None,
              1.0, (), reply.passages, (), Usage(), "Which band?", reply.text),
    ])  # fmt: skip
    opinion = Feedback("f-1", "trace-1", "default", "down", "No: " + NEWER, "2026-01-01T00:00:01.000000Z")
    place.stores.traces.add_feedback(opinion)


def _files(place: Workspace) -> None:
    """A report, a log and a copy from before a migration, as other commands leave them."""
    (place.store / "reports").mkdir()
    (place.store / "reports" / "compare.html").write_text(f"<p>{NEWER}</p>")
    (place.store / "embed.log").write_text(f"odd line: {NEWER}\n")
    with (
        closing(sqlite3.connect(place.store / "assay.db")) as source,
        closing(sqlite3.connect(place.store / "assay.db.before-0001")) as copy,
    ):
        source.backup(copy)


def bytes_below(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
