"""Canaries: how many notations give one away to the guard, false hits in real pages, leaks in random cuttings.

A simulated model writes its whole system prompt in each notation of the red team, as the whole of its answer; a text
that holds a canary leaves as a stream of text and as sentences, cut at random. Beside the guard stands a search for the
token as it is written, without regard to case: what a plain filter would find. Nothing was tuned on these pages.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from assay.cli.common import Progress, table
from assay.detect.canaries import Canary, Finder, token_of
from assay.evaluate.redteam.obfuscations import OBFUSCATIONS
from assay.guard.canaries import Known, Watch
from assay.stats.rare import rate_at_most
from assay.wiring.canary_proof import Guarding, Secret, disclosed, leaked, streamed, synthetic

DATA = Path("../shared/data/documents")
DECOYS = 200


def pages() -> Iterator[str]:
    for path in sorted(DATA.glob("handbook-*/**/*")):
        if path.suffix in (".md", ".erb", ".html"):
            yield path.read_text(encoding="utf-8", errors="replace")


def searched(secrets: list[Secret]) -> int:
    """How many notations a search for the token as it is written sees."""
    return sum(
        all(one.canary.token in write(one.text).casefold() for one in secrets) for write in OBFUSCATIONS.values()
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--trials", type=int, default=3000)
    options.add_argument("--floor", type=int, default=128, help="cuttings without the guard")
    options.add_argument("--seed", type=int, default=11)
    asked = options.parse_args()
    if not DATA.exists():
        sys.exit(f"skipped: {DATA} is not there")
    key = hashlib.sha256(f"bench {asked.seed}".encode()).digest()
    secrets = synthetic(key)
    found = disclosed(secrets, Guarding(), progress=Progress("disclosures"))
    seen = sum(stopped == n for stopped, n in found.values())
    plain = searched(secrets)

    decoys = [Canary("document", str(n), token_of(key, "document", str(n))) for n in range(DECOYS)]
    known = Known(Finder([*(one.canary for one in secrets), *decoys]))
    texts = list(pages())
    size = sum(map(len, texts)) / 1e6
    assert known.finder is not None
    began = time.perf_counter()
    hits = sum(bool(known.finder.find(text)) for text in texts)
    took = time.perf_counter() - began
    look_ms = _look_ms(known.finder, texts)
    big_s = _big_s(known.finder, texts)

    cut = streamed(secrets, Guarding(), asked.trials, asked.seed, Progress("cuttings"))
    floor = streamed(secrets, Guarding(on=False), asked.floor, asked.seed, Progress("without the guard"))
    leaks, bare = sum(bad for bad, _ in cut.values()), sum(bad for bad, _ in floor.values())
    rows = [
        ("notations found", f"{seen} of {len(OBFUSCATIONS)}", f"{plain} by a search for the token"),
        ("false hits", f"{hits} in {size:.2f} MB", f"{len(decoys) + len(secrets)} canaries, {len(texts)} pages"),
        ("leaks in cuttings", f"{leaks} of {asked.trials}", f"{bare} of {asked.floor} without the guard"),
        ("at most (95 %)", f"{100 * rate_at_most(leaks, asked.trials):.3f} %", ""),
        ("a sentence behind 1,000 signs", f"{look_ms:.1f} ms", "median"),
        ("pages", f"{size / took:.2f} MB/s", f"4 MB in one text: {big_s:.1f} s"),
    ]
    print(table(("what", "with the guard", "beside it"), rows))
    print(json.dumps({
        "found": seen, "notations": len(OBFUSCATIONS), "found_by_search": plain, "false_hits": hits,
        "corpus_mb": round(size, 2), "trials": asked.trials, "leaks": leaks,
        "upper_bound_95": round(rate_at_most(leaks, asked.trials), 6), "leaks_without": bare, "without": asked.floor,
        "look_ms": round(look_ms, 2), "mb_per_s": round(size / took, 2), "four_mb_s": round(big_s, 2),
        "seed": asked.seed, "self_test": leaked(secrets[0].text, secrets[0].canary),
    }))  # fmt: skip


def _look_ms(finder: Finder, texts: list[str]) -> float:
    """What one sentence of 150 signs costs behind 1,000 that have left."""
    times = []
    for text in (text for text in texts if len(text) > 1200):
        watch = Watch(finder)
        watch.left(text[:1000])
        began = time.perf_counter()
        watch.stops(text[1000:1150])
        times.append(1000 * (time.perf_counter() - began))
        if len(times) == 200:
            break
    return sorted(times)[len(times) // 2]


def _big_s(finder: Finder, texts: list[str]) -> float:
    text = "\n".join(texts)[:4_000_000]
    watch = Watch(finder, refuses=False)
    began = time.perf_counter()
    for at in range(0, len(text), 1_000_000):
        watch.stops(text[at : at + 1_000_000])
        watch.left(text[at : at + 1_000_000])
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
