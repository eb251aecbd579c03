"""Run by itself with Python: a cluster of two workers on loopback, one of them killed in the middle of the work.

Prints one JSON object. It is a process of its own because Ray's threads and sockets outlive a test.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # loopback only

from assay.adapters.clocks import FakeClock
from assay.adapters.hashing_embedder import HashingEmbedder
from assay.adapters.memory import MemoryRuns
from assay.adapters.ray_batch import RayCluster, RayEmbedder, RayReading, RaySystem
from assay.evaluate import engine
from assay.evaluate.runs import new_run
from assay.evaluate.scorers import scorer
from assay.ingest.parsing import Job
from assay.ports.reading import SourceEntry
from assay.records.golden import Case, Expected, GoldenSet
from assay.wiring import ingesting
from assay.wiring.build import create_workspace, open_workspace
from ray_makers import Slow, killing_reader

SMALL = 80 * 2**20


def documents(folder: Path, count: int) -> None:
    folder.mkdir()
    for number in range(count):
        (folder / f"page-{number:03}.md").write_text(
            f"# Page {number}\n\nThe value of item {number} is {number * 7}.\n"
        )


def kept(place: Any) -> dict[str, Any]:
    catalog = place.stores.catalog
    return {
        "documents": sorted((d.doc_id, d.text_sha256) for d in catalog.documents()),
        "chunks": sorted(catalog.current_chunk_ids()),
        "indexed": place.index.head().chunks,
        "vectors": place.index.head().vectors,
        "found": [h.chunk_id for h in place.index.head().lexical("item 13", _scope(), 1)],
    }


def _scope() -> Any:
    from assay.records.access import Scope

    return Scope()


def ingested(root: Path, source: Path, overrides: Iterable[str], at: dict[int, Callable[[], object]]) -> dict[str, Any]:
    """Ingest and embed; `at` does something when so many files are done."""
    create_workspace(root)
    place = open_workspace(root, ["ingest.chunk.target_words=20", *overrides])

    def progress(done: int, _total: int, _note: str) -> None:
        for when in [when for when in at if done >= when]:
            at.pop(when)()

    report = ingesting.ingest(place, [source], progress)
    ingesting.embed(place, lambda _done, _total: None)
    result = kept(place) | {"outcomes": sorted((o.source_uri, o.status.value) for o in report.outcomes)}
    place.close()
    return result


def evaluated(cluster: RayCluster, cases: int, during: Callable[[], object]) -> dict[str, Any]:
    golden = GoldenSet(
        "g", tuple(Case(f"c{i}", f"question {i}", Expected(True, (f"question {i}",))) for i in range(cases))
    )
    system, store, clock = RaySystem(cluster, "slow.v1", Slow), MemoryRuns(), FakeClock()
    scorers = [scorer("exact_match")]
    run = new_run(golden, app="a", system="slow.v1", scorers=scorers, clock=clock)

    async def both() -> None:
        task = asyncio.create_task(engine.evaluate(system, golden, scorers, store, run=run, clock=clock, concurrency=8))
        await asyncio.sleep(0.5)
        await asyncio.to_thread(during)
        await task

    asyncio.run(both())
    samples = list(store.samples(run.run_id))
    return {
        "samples": len(samples),
        "distinct": len({s.case_id for s in samples}),
        "right": sum(s.scores.get("exact_match", 0) for s in samples),
    }


def main(folder: Path) -> None:
    from ray.cluster_utils import Cluster

    documents(folder / "docs", 120)
    here = ingested(folder / "here", folder / "docs", (), {})
    with contextlib.redirect_stdout(sys.stderr):
        ray = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": SMALL},
        )
        workers = [ray.add_node(num_cpus=1, object_store_memory=SMALL) for _ in range(2)]
    assert ray.address.startswith("127.0.0.1"), ray.address
    cluster = RayCluster(ray.address)
    told: dict[str, Any] = {"cpus": cluster.cpus}
    texts = [f"text number {i} " * (i % 7 + 1) for i in range(200)]
    plain = HashingEmbedder(32)
    spread = RayEmbedder(cluster, HashingEmbedder(32), partial(HashingEmbedder, 32))
    told["same_vectors"] = bool((spread.embed(texts) == plain.embed(texts)).all())
    told["evaluated"] = evaluated(cluster, 60, lambda: ray.remove_node(workers[0], allow_graceful=False))
    workers.append(ray.add_node(num_cpus=1, object_store_memory=SMALL))
    job = Job(SourceEntry("/p/poison.md", "poison.md"), "file:///p/poison.md", "p/poison.md", b"# x")
    told["poison"] = RayReading(cluster, killing_reader).start(job)().code
    cluster.close()
    there = ingested(
        folder / "there", folder / "docs", ["batch.engine=ray", f"batch.address={ray.address}"],
        {20: lambda: ray.remove_node(workers[1], allow_graceful=False)},
    )  # fmt: skip
    told["different"] = {name: [here[name], there[name]] for name in here if here[name] != there[name]}
    told["documents"] = len(there["documents"])
    told["vectors"] = [there["vectors"], there["indexed"]]
    print(json.dumps(told))
    with contextlib.redirect_stdout(sys.stderr):
        ray.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
