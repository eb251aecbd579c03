"""kill -9 at random moments of ingest, sync, forget and freeze: does the workspace open, is anything lost or doubled?

Each point copies a small workspace, runs the operation in a process of its own, kills its whole process group at a
random moment between the operation's own start and end, and then looks, in a fresh process: does it open; is
everything there that was acknowledged before the kill; and, after the same command has been run again, is the
workspace exactly what an uninterrupted run makes of it. The floor in the same run is that uninterrupted run: `redo` is
the time of the second command as a share of it.

    python bench/crash.py [--points 100] [--seed 1] [--only forget]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.adapters.embedded_index.reader import EmbeddedReader
from assay.adapters.language import Py3LangId
from assay.adapters.sql.erasing import SqlJournal
from assay.ports.index import Embedder
from assay.records.access import Scope
from assay.records.bundles import Bundle
from assay.records.dialogue import AnswerSentence, Check, CheckStatus, Citation, Outcome, Passage, Reply, Usage
from assay.records.evaluation import Run, Sample
from assay.records.golden import Case, Evidence, Expected, GoldenSet
from assay.records.operations import Trace
from assay.wiring import forgetting, ingesting
from assay.wiring.build import Workspace, create_workspace, open_workspace
from assay.wiring.embedders import Embedders
from assay.wiring.forgetting import Asked

FILES = 24
GONE = "docs/file-07.md"
SECRET = "Jane Doe of the seventh office in Graz earns 91,000 euros"
AT = "2026-01-01T00:00:00.000000Z"
WORDS = [a + b + c for a in "bdfgklmn" for b in "aeiou" for c in ("nt", "rs", "ll", "st")]


class SeededEmbedder:
    """Unit vectors that only a text's hash decides: what is killed here is the store, not a model."""

    recipe = "seeded.v1"
    dimensions = 16

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") for text in texts]
        rows = np.array([np.random.default_rng(seed).normal(size=16) for seed in seeds], dtype=np.float32)
        matrix: NDArray[np.float32] = rows.reshape(len(texts), 16)
        matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
        return matrix


class Seeded(Embedders):
    def _model(self, settings: dict[str, Any] | None) -> Embedder:  # noqa: ARG002 - one model whatever is asked for
        return SeededEmbedder()


def opened(root: Path) -> Workspace:
    place = open_workspace(root)
    place._embedders.append(Seeded(place.root, place.store, 1))
    return place


# --- processes


@dataclass
class Ran:
    """A process that did something: the lines it wrote, whether it was killed, how long its work took."""

    lines: list[str]
    killed: bool
    seconds: float
    error: str = ""


def run(work: Callable[[Callable[[str], None]], None], kill_after: float | None = None) -> Ran:
    """Fork, do the work there, and kill its process group `kill_after` seconds after it said that it begins.

    This process opens nothing itself, so that a fork has no threads and no connections of its parent.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.setsid()
        _in_child(work, writer)
    os.close(writer)
    ran = _watch(child, reader, kill_after)
    os.close(reader)
    return ran


def _in_child(work: Callable[[Callable[[str], None]], None], writer: int) -> None:
    code = 0

    def tell(line: str) -> None:
        os.write(writer, f"{line}\n".encode())

    try:
        work(tell)
    except BaseException:  # noqa: BLE001 - the parent raises it again; nothing may run on in a forked copy of it
        os.write(writer, f"error {json.dumps(traceback.format_exc())}\n".encode())
        code = 1
    os._exit(code)


def _watch(child: int, reader: int, kill_after: float | None) -> Ran:
    data, begun, killed = b"", 0.0, False
    while True:
        left = None if not begun or kill_after is None or killed else max(0.0, begun + kill_after - time.monotonic())
        ready, _, _ = select.select([reader], [], [], left)
        if not ready:
            os.killpg(child, signal.SIGKILL)
            killed = True
            continue
        piece = os.read(reader, 65536)
        if not piece:
            break
        data += piece
        if not begun and b"begin\n" in data:
            begun = time.monotonic()
    ended = time.monotonic()
    _, status = os.waitpid(child, 0)
    lines = data.decode(errors="replace").splitlines()
    error = next((json.loads(line[6:]) for line in lines if line.startswith("error ")), "")
    return Ran(lines, killed and os.WIFSIGNALED(status), ended - (begun or ended), error)


# --- the workspace


def text_of(number: int, version: int) -> str:
    dice = random.Random(f"{number}/{version}")
    paragraphs = [" ".join(dice.choice(WORDS) for _ in range(40)) + "." for _ in range(3)]
    told = f"\n\n{SECRET}." if number == 7 else ""
    # The language is stated because telling it would take most of the time, in which nothing is written.
    return f"---\nlanguage: en\n---\n# File {number} v{version}\n\n" + "\n\n".join(paragraphs) + told + "\n"


def write_documents(folder: Path, version: int) -> None:
    """Version 1: 24 files. Version 2: every third one changed, every fifth deleted, ten new."""
    folder.mkdir(parents=True)
    for number in range(FILES + (10 if version == 2 else 0)):
        if version == 2 and number % 5 == 4 and number < FILES:
            continue
        changed = version == 2 and number % 3 == 0
        path = folder / f"file-{number:02}.md"
        path.write_text(text_of(number, 2 if changed else 1), encoding="utf-8")
        os.utime(path, ns=(10**18, 10**18 + (1000 if changed else 0)))


def ingest(place: Workspace, docs: Path, told: Callable[[int, int, str], object] = lambda *_: None) -> None:
    ingesting.ingest(place, [docs], told)


def fill(place: Workspace, docs: Path) -> None:
    """A golden set, a run, traces and a bundle's snapshot that hold what is to be forgotten."""
    complete(place, docs)
    stores = place.stores
    chunk = next(chunk for chunk in stores.catalog.chunks_of(GONE) if SECRET in chunk.text)
    case = Case("pay", "What does she earn?", Expected(answers=("91,000",), evidence=(Evidence(GONE, SECRET),)))
    stores.golden.put(GoldenSet("small", (case,), AT))
    cited = Citation(chunk.span, chunk.text, "", "", chunk.chunk_id)
    told = AnswerSentence(chunk.text, (cited,), Check(CheckStatus.SUPPORTED, 1.0))
    reply = Reply(Outcome.ANSWERED, sentences=(told,), passages=(Passage(1, chunk.chunk_id, chunk.span, 0.9),))
    stores.runs.create(Run("run-1", "assistant", "s", "", "small", "0" * 64, 1, 1, 0, (), AT))
    stores.runs.append("run-1", [Sample("pay", 0, reply, {"correct": 1.0}, {})])
    shown = reply.passages
    traces = [
        Trace(f"trace-{n}", "assistant", "", "", "default", (), AT, Outcome.ANSWERED, "", None, 1.0, (), shown, (),
              Usage(), "What?", chunk.text)
        for n in range(20)
    ]  # fmt: skip
    stores.traces.append(traces)
    frozen = ingesting.freeze(place).snapshot_id
    stores.bundles.put(Bundle("assistant", "assistant", {"snapshot": {"id": frozen}}, AT))


def state(place: Workspace) -> dict[str, Any]:
    """What the workspace holds, in a form that two workspaces can be compared by."""
    catalog, reader = place.stores.catalog, place.index.head()
    assert isinstance(reader, EmbeddedReader)
    documents = {document.doc_id: document.text_sha256 for document in catalog.documents()}
    current = sorted(catalog.current_chunk_ids())
    found = [hit.chunk_id for hit in reader.lexical(f"{WORDS[3]} {WORDS[40]} {WORDS[99]}", Scope(), 20)]
    return {
        "documents": documents,
        "unreadable": [d for d, text in documents.items() if not place.stores.blobs.has(text)],
        "chunks": current,
        "indexed": sorted(reader.rows.chunk_ids),
        "in_engine": reader.searcher.num_docs,
        "found": found,
        "sources": sorted(one.source_uri for one in catalog.source_states() if one.doc_ids),
        "pending": len(catalog.pending()),
    }


@dataclass
class Seen:
    """What a look at one killed workspace found."""

    opened: bool = True
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    resumed: bool = False


def differences(now: dict[str, Any], expected: dict[str, Any], seen: Seen) -> None:
    """Everything in which a finished workspace is not the expected one."""
    for name in ("chunks", "indexed", "sources"):
        have, want = now[name], expected[name]
        seen.lost += [f"{name}: {one}" for one in want if one not in set(have)]
        seen.doubled += [f"{name}: {one}" for one in set(have) if have.count(one) > want.count(one)]
    seen.lost += [f"document {d}" for d, text in expected["documents"].items() if now["documents"].get(d) != text]
    seen.doubled += [f"document {d}" for d in now["documents"] if d not in expected["documents"]]
    seen.lost += [f"text of {d}" for d in now["unreadable"]]
    if now["in_engine"] != len(expected["indexed"]):
        seen.doubled.append(f"the engine holds {now['in_engine']} chunks, not {len(expected['indexed'])}")
    if now["found"] != expected["found"]:
        seen.lost.append("a search finds something else")


# --- the operations


@dataclass(frozen=True)
class Operation:
    """`work` is killed; `look` sees what is left, runs the command again and compares with `expected`."""

    name: str
    template: Path
    work: Callable[[Workspace, Callable[[str], None]], None]
    look: Callable[[Workspace, list[str], dict[str, Any]], Seen]


def operations(root: Path) -> list[Operation]:
    """Build the templates; every workspace is opened in a process of its own."""
    docs, changing = root / "still" / "docs", root / "changing" / "docs"
    write_documents(docs, 1)
    write_documents(changing, 1)
    empty = built(root / "empty", lambda _: None)
    whole = built(root / "whole", lambda place: complete(place, docs))
    told = built(root / "told", lambda place: fill(place, docs))
    older = built(root / "older", lambda place: complete(place, changing))
    shutil.rmtree(changing)
    write_documents(changing, 2)
    return [
        Operation("ingest", empty, *_syncing(docs)),
        Operation("sync", older, *_syncing(changing)),
        Operation("forget", told, _forget, _look_forgotten(docs)),
        Operation("freeze", whole, _freeze, _look_frozen),
    ]


def complete(place: Workspace, docs: Path) -> None:
    ingest(place, docs)
    ingesting.embed(place, lambda *_: None)


def built(root: Path, make: Callable[[Workspace], object]) -> Path:
    def work(_: Callable[[str], None]) -> None:
        create_workspace(root)
        place = opened(root)
        make(place)
        place.close()

    if failed := run(work).error:
        raise RuntimeError(failed)
    return root


Parts = tuple[
    Callable[[Workspace, Callable[[str], None]], None], Callable[[Workspace, list[str], dict[str, Any]], Seen]
]


def _syncing(docs: Path) -> Parts:
    def work(place: Workspace, tell: Callable[[str], None]) -> None:
        ingest(place, docs, lambda done, _, name: tell(f"done {done} {name}"))

    def look(place: Workspace, lines: list[str], expected: dict[str, Any]) -> Seen:
        seen = Seen()
        before = state(place)
        known = max((int(line.split()[1]) for line in lines if line.startswith("done ")), default=0)
        for path in sorted(docs.iterdir())[:known]:
            doc_id = f"docs/{path.name}"
            if before["documents"].get(doc_id) != expected["documents"][doc_id]:
                seen.lost.append(f"acknowledged {doc_id}")
        seen.lost += [f"text of {d}" for d in before["unreadable"]]
        ingest(place, docs)
        differences(state(place), expected, seen)
        return seen

    return work, look


def _forget(place: Workspace, tell: Callable[[str], None]) -> None:
    forgetting.forget(place, Asked(documents=(GONE,)))
    tell("forgotten")


def _look_forgotten(docs: Path) -> Callable[[Workspace, list[str], dict[str, Any]], Seen]:
    def look(place: Workspace, lines: list[str], expected: dict[str, Any]) -> Seen:
        seen = Seen()
        begun = SqlJournal(place.database).erasures()
        if "forgotten" in lines and not begun:
            seen.lost.append("an erasure that was acknowledged")
        if not begun:
            whole = [chunk.text for chunk in place.stores.catalog.chunks_of(GONE)]
            seen.lost += [] if any(SECRET in text for text in whole) else ["a document whose erasure never began"]
            forgetting.forget(place, Asked(documents=(GONE,)))
        else:
            seen.resumed = begun[0].open
            with place.writing("the next write"):  # which finishes the erasure
                pass
        (record,) = SqlJournal(place.database).erasures()
        if record.state != "done" or not place.stores.certificates.get(record.certificate_id).passed:
            seen.doubled.append(f"the erasure is {record.state}")
        ingest(place, docs)
        place.close()
        _still_there(place.store, seen)
        again = opened(place.root)
        differences(state(again), expected, seen)
        pinned = again.stores.bundles.bundles()[0].snapshot_id
        if len(again.index.snapshots()) != 1 or again.index.open(pinned).chunks != len(expected["chunks"]):
            seen.doubled.append("snapshots")
        again.close()
        return seen

    return look


def _still_there(store: Path, seen: Seen) -> None:
    """What is to be forgotten, in plain bytes of any file."""
    for path in sorted(store.rglob("*")):
        if path.is_file() and (SECRET.encode() in (data := path.read_bytes()) or GONE.encode() in data):
            seen.doubled.append(f"forgotten text in {path.relative_to(store)}")


def _freeze(place: Workspace, tell: Callable[[str], None]) -> None:
    tell(f"frozen {ingesting.freeze(place).snapshot_id}")


def _look_frozen(place: Workspace, lines: list[str], expected: dict[str, Any]) -> Seen:
    seen = Seen()
    acknowledged = [line.split()[1] for line in lines if line.startswith("frozen ")]
    for snapshot in place.index.snapshots():
        place.index.open(snapshot.snapshot_id)
    have = [one.snapshot_id for one in place.index.snapshots()]
    seen.lost += [f"snapshot {one}" for one in acknowledged if one not in have]
    again = ingesting.freeze(place).snapshot_id
    reader = place.index.open(again)
    assert isinstance(reader, EmbeddedReader)
    if [one.snapshot_id for one in place.index.snapshots()] != [again]:
        seen.doubled.append("snapshots")
    if sorted(reader.rows.chunk_ids) != expected["chunks"]:
        seen.lost.append("chunks of the snapshot")
    differences(state(place), expected, seen)
    return seen


# --- the measurement


@dataclass
class Row:
    """One operation's results."""

    name: str
    took_s: float
    kills: int = 0
    reopen_failed: int = 0
    lost: int = 0
    doubled: int = 0
    resumed: int = 0
    redo_s: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


def measure(operation: Operation, points: int, dice: random.Random, scratch: Path) -> Row:
    """Time the uninterrupted operation, then kill it `points` times."""
    finished = [_finished(operation, scratch) for _ in range(3 if points > 20 else 1)]
    expected = finished[0][1]
    row = Row(operation.name, median(seconds for seconds, _ in finished))
    moment = row.took_s
    while row.kills < points:
        copy = _copied(operation, scratch)
        killed = run(_working(operation, copy), kill_after=dice.random() * moment)
        if killed.error:
            raise RuntimeError(killed.error)
        if not killed.killed:  # it was quicker this time: aim a little earlier
            moment = max(0.7 * row.took_s, 0.97 * moment)
            continue
        row.kills += 1
        _look(operation, copy, killed.lines, expected, row)
        print(f"\r{operation.name} {row.kills}/{points}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return row


def _copied(operation: Operation, scratch: Path) -> Path:
    shutil.rmtree(scratch / operation.template.name, ignore_errors=True)
    return Path(shutil.copytree(operation.template, scratch / operation.template.name))


def _working(operation: Operation, copy: Path) -> Callable[[Callable[[str], None]], None]:
    def work(tell: Callable[[str], None]) -> None:
        place = opened(copy)
        tell("begin")
        operation.work(place, tell)
        tell("end")

    return work


def _finished(operation: Operation, scratch: Path) -> tuple[float, dict[str, Any]]:
    """`(seconds, the state afterwards)` of one run that nobody kills."""
    copy = _copied(operation, scratch)
    ran = run(_working(operation, copy))
    if ran.error:
        raise RuntimeError(ran.error)

    def look(tell: Callable[[str], None]) -> None:
        tell(json.dumps(state(opened(copy))))

    seen = run(look)
    if seen.error:
        raise RuntimeError(seen.error)
    return ran.seconds, json.loads(seen.lines[-1])


def _look(operation: Operation, copy: Path, lines: list[str], expected: dict[str, Any], row: Row) -> None:
    def look(tell: Callable[[str], None]) -> None:
        place = opened(copy)
        tell("begin")
        seen = operation.look(place, lines, expected)
        tell(json.dumps({"lost": seen.lost, "doubled": seen.doubled, "resumed": seen.resumed}))

    seen = run(look)
    if seen.error:
        row.reopen_failed += 1
        row.told.append(seen.error)
        return
    found = json.loads(seen.lines[-1])
    row.lost += bool(found["lost"])
    row.doubled += bool(found["doubled"])
    row.resumed += found["resumed"]
    row.redo_s.append(seen.seconds)
    row.told += [*found["lost"][:3], *found["doubled"][:3]]


def show(rows: Sequence[Row]) -> None:
    headers = ("operation", "took s", "kills", "no open", "lost", "doubled", "resumed", "redo")
    print("  ".join(header.rjust(9) for header in headers))
    for row in rows:
        redo = f"{median(row.redo_s) / row.took_s:.2f}" if row.redo_s else "-"
        cells = (row.name, f"{row.took_s:.2f}", row.kills, row.reopen_failed, row.lost, row.doubled, row.resumed, redo)
        print("  ".join(str(cell).rjust(9) for cell in cells))
    for row in rows:
        for line in row.told[:10]:
            print(f"{row.name}: {line}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100, help="kills of each operation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="one operation: ingest, sync, forget or freeze")
    options = parser.parse_args()
    Py3LangId().identify("Loaded once, before the processes are divided.")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        scratch = root / "scratch"
        scratch.mkdir()
        dice = random.Random(options.seed)
        chosen = [one for one in operations(root) if options.only in ("", one.name)]
        rows = [measure(operation, options.points, dice, scratch) for operation in chosen]
    show(rows)
    figures = {
        "kills": sum(row.kills for row in rows),
        "lost": sum(row.lost for row in rows),
        "doubled": sum(row.doubled for row in rows),
        "reopen_failed": sum(row.reopen_failed for row in rows),
        "by_operation": {row.name: {"kills": row.kills, "lost": row.lost, "doubled": row.doubled} for row in rows},
        "seed": options.seed,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
