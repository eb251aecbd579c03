"""How fast real documents are taken in: documents per second, and each stage beside the least that it could cost.

    make bench NAME=ingest          # or: .venv/bin/python bench/ingest.py [--rounds 3] [--passages 120]

Everything under ../shared/data/documents goes into a new workspace with lexical search only: once as `assay ingest`
does it, for documents per second (wall time, processes as the settings choose), and in `--rounds` more with one
process, in which the clock of the stages is the CPU time of the process, so that a busy machine changes little. After
each of these rounds the floors do the same work with the bare library:

  walk      os.walk and os.stat over the same folders
  read      open().read() of the same files, and their SHA-256, without which no change is seen
  parse     markdown-it (CommonMark with tables), pypdfium2 (text of every page), python-docx (text of paragraphs and
            cells) and csv over the same bytes; nothing is done with what they give
  language  py3langid with the same model, loaded anew, over the same first 600 characters
  scan      the compiled RE2 patterns of the same rules over the same texts, one pass each
  chunk     sentences cut by one regular expression, packed up to 200 words by str.split, a SHA-256 for each
  texts     every text written to a file of its own and flushed to the disk
  catalog   bare sqlite3: the same rows into the same tables, 100 files a transaction
  index     bare tantivy with its own English stemmer, the same fields, one commit

`quality` and `access` have no peer: their time is told without a ratio. Then the packaged embedder is compared with the
bare onnxruntime session on exactly the token batches that it was given. The last line is JSON.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assay.adapters.source_files import FileTree
from assay.ingest.publishing import Publisher
from assay.ingest.reading import Stages
from assay.ingest.sync import Ingest
from assay.records.documents import Chunk, IngestReport
from assay.wiring import ingesting
from assay.wiring.build import Workspace, create_workspace, open_workspace
from assay.wiring.reading import reader as document_reader

DATA = Path(__file__).resolve().parents[2] / "shared/data/documents"
STAGES = ("walk", "read", "parse", "language", "quality", "scan", "chunk", "texts", "catalog", "access", "index")
OVERRIDES = ("index.embedder=none",)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n\n")


def say(note: str) -> None:
    print(note, file=sys.stderr, flush=True)


@contextmanager
def workspace() -> Iterator[Workspace]:
    with tempfile.TemporaryDirectory() as folder:
        place = open_workspace(create_workspace(Path(folder) / "bench"), OVERRIDES)
        try:
            yield place
        finally:
            place.close()


def as_shipped() -> tuple[float, IngestReport, int]:
    """Wall seconds of `assay ingest` without its start, its report, and the pages of the PDF files."""
    with workspace() as place:
        begun = time.perf_counter()
        report = ingesting.ingest(place, [DATA], lambda *_: None)
        took = time.perf_counter() - begun
        pages = sum(len(document.pages) for document in place.stores.catalog.documents())
    return took, report, pages


@dataclass
class Made:
    """What a round left behind, for the floors."""

    stages: dict[str, float]
    texts: list[str]
    chunks: list[Chunk]
    tables: list[tuple[str, list[tuple[Any, ...]]]]
    schema: list[str]


def one_process() -> Made:
    """CPU milliseconds by stage, everything in this process."""
    with workspace() as place, place.writing("bench") as index:
        reader = document_reader(place.settings, ingesting.access_rules(place))
        reader = replace(reader, stages=Stages(now=time.process_time))
        catalog, blobs = place.stores.catalog, place.stores.blobs
        report = Ingest(FileTree(), reader, catalog, blobs, Publisher(catalog, index, place.clock)).sync([str(DATA)])
        documents = list(catalog.documents())
        texts = [blobs.get(document.text_sha256).decode() for document in documents]
        chunks = [chunk for document in documents for chunk in catalog.chunks_of(document.doc_id)]
        schema, tables = _rows(place.store / "assay.db")
    return Made(report.stage_ms, texts, chunks, tables, schema)


def _rows(path: Path) -> tuple[list[str], list[tuple[str, list[tuple[Any, ...]]]]]:
    """The tables that an ingestion fills, with their indexes and rows."""
    with sqlite3.connect(path) as database:
        named = database.execute("SELECT name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        filled = []
        for name, of_table, sql in named:
            if name == of_table and not name.startswith(("sqlite_", "alembic")) and sql.startswith("CREATE TABLE"):
                rows = database.execute(f'SELECT * FROM "{name}"').fetchall()
                filled += [(name, rows)] if rows else []
    wanted = {name for name, _ in filled}
    return [sql for _, of_table, sql in named if of_table in wanted], filled


def walk_floor(_made: Made) -> None:
    for folder, _, names in os.walk(DATA):
        for name in names:
            os.stat(os.path.join(folder, name))


def files() -> list[Path]:
    known = (".md", ".erb", ".pdf", ".docx", ".csv")
    return [Path(f, name) for f, _, names in os.walk(DATA) for name in sorted(names) if name.endswith(known)]


def read_floor(_made: Made) -> None:
    for path in files():
        with path.open("rb") as file:
            hashlib.sha256(file.read()).hexdigest()


def parse_floor() -> Callable[[Made], None]:
    import docx
    import pypdfium2
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark").enable("table")
    held = [(path.suffix, path.read_bytes()) for path in files()]

    def pdf(data: bytes) -> None:
        document = pypdfium2.PdfDocument(data)
        for page in document:
            page.get_textpage().get_text_range()
        document.close()

    def word(data: bytes) -> None:
        document = docx.Document(io.BytesIO(data))
        for paragraph in document.paragraphs:
            _ = paragraph.text
        for table in document.tables:
            for cells in table.rows:
                _ = [cell.text for cell in cells.cells]

    def bare(_made: Made) -> None:
        for suffix, data in held:
            if suffix == ".pdf":
                pdf(data)
            elif suffix == ".docx":
                word(data)
            elif suffix == ".csv":
                list(csv.reader(io.StringIO(data.decode("utf-8", "replace"))))
            else:
                reader.parse(data.decode("utf-8", "replace"))

    return bare


def language_floor(made: Made) -> None:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages([label for label in model.labels if len(label) == 2])
    for text in made.texts:
        model.classify(text[:600])


def scan_floor() -> Callable[[Made], None]:
    import re2

    from assay.detect.context import latin
    from assay.detect.registry import RULES, chosen

    ids = chosen(("card", "iban", "us_ssn", "email", "phone", "secrets"))
    begins = "|".join(dict.fromkeys(rule.begins for rule in RULES if rule.rule_id in ids))
    compiled = re2.compile(begins.encode(), latin(groups=False))

    def bare(made: Made) -> None:
        for text in made.texts:
            for _ in compiled.finditer(text.encode()):
                pass

    return bare


def chunk_floor(made: Made) -> None:
    for text in made.texts:
        at, size, begun = 0, 0, 0
        for match in _SENTENCE.finditer(text):
            size += len(text[at : match.start()].split())
            at = match.end()
            if size >= 200:
                hashlib.sha256(text[begun:at].encode()).hexdigest()
                begun, size = at, 0
        hashlib.sha256(text[begun:].encode()).hexdigest()


def texts_floor(made: Made) -> None:
    folder = Path(tempfile.mkdtemp())
    for number, text in enumerate(made.texts):
        with (folder / str(number)).open("wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
    shutil.rmtree(folder)


def catalog_floor(made: Made) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(Path(folder) / "floor.db", isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        for statement in made.schema:
            database.execute(statement)
        turns = max(len(made.texts) // 100, 1)
        for turn in range(turns):
            database.execute("BEGIN")
            for table, rows in made.tables:
                part = rows[turn * len(rows) // turns : (turn + 1) * len(rows) // turns]
                if part:
                    marks = ",".join("?" * len(part[0]))
                    database.executemany(f'INSERT OR REPLACE INTO "{table}" VALUES ({marks})', part)
            database.execute("COMMIT")
        database.close()


def index_floor(made: Made) -> None:
    import tantivy

    with tempfile.TemporaryDirectory() as folder:
        builder = tantivy.SchemaBuilder()
        for name in ("chunk", "readers"):
            builder.add_text_field(name, stored=True, tokenizer_name="raw", index_option="basic")
        for name in ("document", "access"):
            builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
        builder.add_text_field("head", tokenizer_name="en_stem", index_option="freq")
        builder.add_text_field("body", tokenizer_name="en_stem", index_option="position")
        writer = tantivy.Index(builder.build(), path=folder).writer(48_000_000, 1)
        for chunk in made.chunks:
            head = " ".join((chunk.title, *chunk.heading_path))
            writer.add_document(
                tantivy.Document(
                    chunk=[chunk.chunk_id], document=[chunk.doc_id[:32]], readers=["default"], access=["default"],
                    head=[head], body=[f"{head} {chunk.text}"],
                )
            )  # fmt: skip
        writer.commit()
        writer.wait_merging_threads()


def floors() -> dict[str, Callable[[Made], None]]:
    return {
        "walk": walk_floor, "read": read_floor, "parse": parse_floor(), "language": language_floor,
        "scan": scan_floor(), "chunk": chunk_floor, "texts": texts_floor, "catalog": catalog_floor,
        "index": index_floor,
    }  # fmt: skip


def cpu_ms(work: Callable[[Made], None], made: Made) -> float:
    begun = time.process_time()
    work(made)
    return (time.process_time() - begun) * 1000


class _Recording:
    """A session that keeps what it is given."""

    def __init__(self, session: Any) -> None:
        self.session, self.batches = session, list[Any]()

    def run(self, names: Any, inputs: Any) -> Any:
        self.batches.append(inputs)
        return self.session.run(names, inputs)


def embed_ratio(texts: Sequence[str], rounds: int = 5) -> tuple[float, float]:
    """The embedder's time over the bare session's on the same token batches, and its passages per second."""
    from assay.adapters.minilm.embedder import MiniLmEmbedder

    embedder = MiniLmEmbedder()
    loaded = embedder._load()
    recording = _Recording(loaded.session)
    embedder._loaded = replace(loaded, session=recording)
    embedder.embed(texts)
    embedder._loaded = loaded
    ours, bare = [], []
    for _ in range(rounds):
        begun = time.perf_counter()
        embedder.embed(texts)
        ours.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        for inputs in recording.batches:
            loaded.session.run(None, inputs)
        bare.append(time.perf_counter() - begun)
    return statistics.median(a / b for a, b in zip(ours, bare, strict=True)), len(texts) / min(ours)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--passages", type=int, default=120, help="passages that are embedded; 0: none")
    given = asked.parse_args()
    if not DATA.exists():
        say("../shared/data is not here: nothing measured")
        print(json.dumps({"skipped": "no data"}))
        return
    say("as shipped …")
    took, report, pages = as_shipped()
    count = sum(outcome.documents for outcome in report.outcomes)
    bare = floors()
    spent: dict[str, list[float]] = {stage: [] for stage in STAGES}
    least: dict[str, list[float]] = {stage: [] for stage in bare}
    for turn in range(given.rounds):
        say(f"one process, round {turn + 1} of {given.rounds} …")
        made = one_process()
        for stage in STAGES:
            spent[stage].append(made.stages.get(stage, 0.0))
        for stage, work in bare.items():
            least[stage].append(cpu_ms(work, made))
    ratio, passages = (0.0, 0.0)
    if given.passages:
        say("embedding …")
        ratio, passages = embed_ratio([chunk.text for chunk in made.chunks[:: len(made.chunks) // given.passages]])
    _print(took, count, pages, len(made.chunks), spent, least, ratio, passages)


def _print(
    took: float, count: int, pages: int, chunks: int, spent: dict[str, list[float]], least: dict[str, list[float]],
    ratio: float, passages: float,
) -> None:  # fmt: skip
    print(f"{count:,} documents, {pages:,} PDF pages, {chunks:,} chunks, lexical only: {took:.2f} s wall")
    print(f"{'stage':<10}{'CPU ms':>10}{'floor':>10}{'ratio':>8}")
    table = {}
    for stage, values in spent.items():
        ms = statistics.median(values)
        floor = statistics.median(least[stage]) if stage in least else None
        times = ms / floor if floor else None
        table[stage] = {"ms": round(ms, 1), "floor_ms": floor and round(floor, 1), "ratio": times and round(times, 2)}
        shown = (f"{floor:,.0f}", f"{times:.2f}") if floor and times else ("-", "-")
        print(f"{stage:<10}{ms:>10,.0f}{shown[0]:>10}{shown[1]:>8}")
    one = sum(statistics.median(values) for values in spent.values()) / 1000
    print(f"documents per second: {count / took:.1f} as shipped, {count / one:.1f} per CPU second in one process")
    print(f"embedding: {passages:.1f} passages/s, {ratio:.2f} times the bare runtime's time on the same batches")
    print(
        json.dumps(
            {
                "documents_per_s": round(count / took, 1),
                "documents_per_cpu_s": round(count / one, 1),
                "pages": pages,
                "stages": table,
                "embed_ratio": round(ratio, 3),
                "embed_passages_per_s": round(passages, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
