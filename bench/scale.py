"""What an engine costs as it grows: build, disk, memory and queries at several sizes, and the slope per million chunks.

    python bench/scale.py [--engines embedded lancedb] [--chunks 20000 100000] [--queries 60]

Chunks are 100 words drawn from a Zipf distribution over 50,000, with a title; vectors are 384 numbers in 500 clusters.
They are committed 10,000 at a time, vectors after each commit, as an ingestion does. Then another process opens the
index and asks for the best 50: by four words, by a vector, and by both behind an access list that lets 1 % of the
chunks through; peak memory is that process's, questions included and corpus not. Times are wall times, and CPU time is
in the figures at the end, for machines that do something else meanwhile. The floor is a scan of the same vectors with
numpy, without access lists. Recall is of the ten nearest against that scan.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WORDS, PER_CHUNK, WIDTH, BATCH, LIMIT = 50_000, 100, 384, 10_000, 50
ENGINES = ("embedded", "lancedb")
ACCESS = ("everybody", "few")


class Corpus:
    """The same chunks, vectors and questions for every engine."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._rng = np.random.default_rng(11)
        chance = 1 / np.arange(1, WORDS + 1)
        self._chance = chance / chance.sum()
        self._centres = self._rng.normal(size=(500, WIDTH)).astype(np.float32)

    def batches(self) -> Iterator[tuple[list[Any], NDArray[np.float32], NDArray[np.bool_]]]:
        """Chunks, their vectors, and which of them are behind the narrow list."""
        for start in range(0, self.count, BATCH):
            size = min(BATCH, self.count - start)
            few = self._rng.random(size) < 0.01
            words = self._rng.choice(WORDS, size=(size, PER_CHUNK), p=self._chance)
            yield [self._chunk(start + i, words[i], bool(few[i])) for i in range(size)], self.vectors(size), few

    def _chunk(self, number: int, words: NDArray[np.int64], few: bool) -> Any:
        from assay.records.access import AccessList
        from assay.records.documents import BlockKind, Chunk

        text = " ".join(f"w{word}" for word in words)
        access = AccessList("bench", ACCESS) if few else AccessList("bench", ACCESS[:1])
        name, title = f"doc{number}", f"w{words[0]} w{words[1]}"
        return Chunk(
            f"{name}#0", name, "0" * 64, 0, 0, len(text), text, title, (), BlockKind.PARAGRAPH, "en", access
        )  # fmt: skip

    def vectors(self, count: int) -> NDArray[np.float32]:
        near = self._centres[self._rng.integers(0, 500, count)]
        made = near + 0.8 * self._rng.normal(size=(count, WIDTH)).astype(np.float32)
        return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)

    def questions(self, count: int) -> list[str]:
        ranges = ((20, 300), (20, 2_000), (300, 3_000), (3_000, 20_000))
        return [" ".join(f"w{self._rng.integers(*some)}" for some in ranges) for _ in range(count)]


def opened(engine: str, folder: Path) -> Any:
    if engine == "embedded":
        from assay.adapters.embedded_index.index import EmbeddedIndex

        return EmbeddedIndex(folder)
    from assay.adapters.lance_index.index import LanceIndex

    return LanceIndex(str(folder))


def timed(ask: Callable[[Any], Any], asked: Sequence[Any]) -> dict[str, float]:
    """Milliseconds of each question after three that warm up, and CPU milliseconds of the process for one."""
    for one in asked[:3]:
        ask(one)
    taken, cpu = [], time.process_time()
    for one in asked:
        begun = time.perf_counter()
        ask(one)
        taken.append(1000 * (time.perf_counter() - begun))
    used = 1000 * (time.process_time() - cpu) / len(asked)
    taken.sort()
    return {"p50_ms": taken[len(taken) // 2], "p95_ms": taken[int(0.95 * len(taken))], "cpu_ms": used}


def build(engine: str, count: int, folder: Path) -> dict[str, Any]:
    """Fill an index in this process; the vectors are written beside it for the floor."""
    corpus = Corpus(count)
    kept = np.lib.format.open_memmap(folder / "vectors.npy", "w+", np.float32, (count, WIDTH))
    narrow = np.zeros(count, dtype=bool)
    index, used, cpu, done = opened(engine, folder / "index"), 0.0, 0.0, 0
    for chunks, vectors, few in corpus.batches():
        begun, begun_cpu = time.perf_counter(), time.process_time()
        index.add(chunks)
        index.commit()
        index.add_vectors("bench", {chunk.chunk_id: vectors[i] for i, chunk in enumerate(chunks)})
        used, cpu = used + time.perf_counter() - begun, cpu + time.process_time() - begun_cpu
        kept[done : done + len(chunks)], narrow[done : done + len(chunks)] = vectors, few
        done += len(chunks)
        print(f"\r{engine} {done:,}/{count:,} chunks  {used:.0f} s ", end="", file=sys.stderr)
    print(file=sys.stderr)
    begun = time.perf_counter()
    index.compact()
    index.freeze()
    rest = time.perf_counter() - begun
    np.save(folder / "narrow.npy", narrow)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    index.close()
    size = _size(folder / "index") / 1e6
    return {"build_s": used, "build_cpu_s": cpu, "compact_and_freeze_s": rest, "build_peak_mb": peak, "disk_mb": size}


def ask(engine: str, count: int, folder: Path, queries: int) -> dict[str, Any]:
    """Search a filled index in this process, which has held nothing else."""
    from assay.records.access import Scope

    corpus, index = Corpus(count), opened(engine, folder / "index")
    texts, vectors = corpus.questions(queries), list(corpus.vectors(queries))
    head, everybody, few = index.head(), Scope("bench", frozenset(ACCESS[:1])), Scope("bench", frozenset(ACCESS[1:]))
    found: dict[str, Any] = {
        "lexical": timed(lambda text: head.lexical(text, everybody, LIMIT), texts),
        "dense": timed(lambda vector: head.dense(vector, everybody, LIMIT), vectors),
        "lexical_1pc": timed(lambda text: head.lexical(text, few, LIMIT), texts),
        "dense_1pc": timed(lambda vector: head.dense(vector, few, LIMIT), vectors),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    matrix, narrow = np.load(folder / "vectors.npy"), np.load(folder / "narrow.npy")
    found["recall"] = _recall(head, matrix, np.ones(count, dtype=bool), vectors, everybody)
    found["recall_1pc"] = _recall(head, matrix, narrow, vectors, few)
    found["floor"] = timed(lambda vector: np.argpartition(-(matrix @ vector), LIMIT), vectors)
    index.close()
    return found


def _recall(head: Any, matrix: NDArray[np.float32], mask: NDArray[np.bool_], vectors: Any, scope: Any) -> float:
    inside, right = np.flatnonzero(mask), 0
    for vector in vectors:
        best = {f"doc{i}#0" for i in inside[np.argsort(-(matrix[inside] @ vector))[:10]]}
        right += len(best & {hit.chunk_id for hit in head.dense(vector, scope, LIMIT)[:10]})
    return right / (10 * len(vectors))


def _size(folder: Path) -> int:
    """Bytes of the files, each counted once however many names it has."""
    stats = (path.stat() for path in folder.rglob("*") if path.is_file())
    return sum({stat.st_ino: stat.st_size for stat in stats}.values())


def run(engine: str, count: int, queries: int) -> dict[str, Any]:
    """Build in one process and search in another."""
    with tempfile.TemporaryDirectory() as folder:
        found: dict[str, Any] = {}
        for role in ("build", "ask"):
            command = [sys.executable, __file__, "--child", role, engine, str(count), folder, "--queries", str(queries)]
            done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
            found |= json.loads(done.stdout.splitlines()[-1])
        return found


def print_table(rows: dict[str, dict[int, dict[str, Any]]]) -> None:
    kinds = ("lexical", "dense", "lexical_1pc", "dense_1pc")
    print(f"{'engine':10}{'chunks':>9}{'build s':>9}{'CPU s':>8}{'disk MB':>9}{'peak MB':>9}"
          + "".join(f"{kind + ' p50/p95':>22}" for kind in kinds) + f"{'recall':>8}{'1 %':>6}{'floor':>8}")  # fmt: skip
    for engine, sizes in rows.items():
        for count, row in sizes.items():
            told = "".join(f"{row[kind]['p50_ms']:>13.1f} / {row[kind]['p95_ms']:6.1f}" for kind in kinds)
            print(f"{engine:10}{count:>9,}{row['build_s']:9.1f}{row['build_cpu_s']:8.1f}{row['disk_mb']:9.0f}"
                  f"{row['peak_mb']:9.0f}{told}{row['recall']:8.3f}{row['recall_1pc']:6.2f}"
                  f"{row['floor']['p50_ms']:8.1f}")  # fmt: skip


def slopes(sizes: dict[int, dict[str, Any]]) -> dict[str, float]:
    """What a million chunks more would cost, from a straight line through the two largest sizes."""
    (less, small), (more, large) = sorted(sizes.items())[-2:]
    million = 1e6 / (more - less)
    plain = {name: (large[name] - small[name]) * million for name in ("build_s", "build_cpu_s", "disk_mb", "peak_mb")}
    asked = {
        f"{kind}_p50_ms": (large[kind]["p50_ms"] - small[kind]["p50_ms"]) * million
        for kind in ("lexical", "dense", "lexical_1pc", "dense_1pc")
    }
    return {name: round(value, 1) for name, value in {**plain, **asked}.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--chunks", nargs="+", type=int, default=[20_000, 100_000])
    parser.add_argument("--queries", type=int, default=60)
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        role, engine, count, folder = given.child[0], given.child[1], int(given.child[2]), Path(given.child[3])
        done = build(engine, count, folder) if role == "build" else ask(engine, count, folder, given.queries)
        print(json.dumps(done))
        return
    rows: dict[str, dict[int, dict[str, Any]]] = {}
    for engine in given.engines:
        rows[engine] = {count: run(engine, count, given.queries) for count in given.chunks}
    print_table(rows)
    figures: dict[str, Any] = {"sizes": rows}
    if len(given.chunks) > 1:
        figures["per_million"] = {engine: slopes(sizes) for engine, sizes in rows.items()}
        for engine, told in figures["per_million"].items():
            print(f"{engine}: a million chunks more, on a straight line: {told}")
    if set(rows) == set(ENGINES):
        most = max(given.chunks)
        ratio = {k: rows["lancedb"][most][k] / rows["embedded"][most][k] for k in ("build_s", "disk_mb", "peak_mb")}
        for kind in ("lexical", "dense", "dense_1pc"):
            ratio[kind] = rows["lancedb"][most][kind]["p50_ms"] / rows["embedded"][most][kind]["p50_ms"]
        figures["lancedb_over_embedded"] = {name: round(value, 2) for name, value in ratio.items()}
        print(f"lancedb over embedded at {most:,} chunks: {figures['lancedb_over_embedded']}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
