"""How often the injection signal speaks up: on attacks, and on innocent text beside them.

    make bench NAME=injection

Rates at the threshold of the card, which was chosen on the tune part, on the gate part of the sets that the signal was
trained on and on all of the sets that it never saw. The floor is a list of phrases that people put in such filters, in
the same run.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assay.detect.signals.packaged import load, points
from assay.stats.proportion import clopper_pearson
from assay.text.normalise import comparable
from signal_sets import SOURCES, Text, texts_of

PHRASES = (
    "ignore previous instructions", "ignore all previous instructions", "ignore the above", "disregard previous",
    "system prompt", "you are now", "do anything now", "developer mode", "jailbreak", "forget everything",
    "forget your instructions", "pretend you are", "act as if", "no restrictions", "new instructions",
)  # fmt: skip
EXPLICIT = ("garak", "cyberseceval")
BYTES = 1500


def floor(text: str) -> bool:
    """Whether a text holds one of the usual phrases."""
    seen = comparable(text)
    return any(phrase in seen for phrase in PHRASES)


def rate(hits: Sequence[bool]) -> dict[str, float | int]:
    """A share with its exact 95 % interval."""
    found = clopper_pearson(sum(hits), len(hits))
    return {"n": len(hits), "hits": sum(hits), "rate": round(found.estimate, 4), "low": round(found.low, 4),
            "high": round(found.high, 4)}  # fmt: skip


def point_rates(scored: Mapping[str, Sequence[float]], threshold: float) -> dict[str, Any]:
    """Explicit attacks found, innocent phrases flagged, and the benign sets of which more than 1 % are."""
    shares = {name: sum(score >= threshold for score in scores) / len(scores) for name, scores in scored.items()}
    pooled = [score >= threshold for name in EXPLICIT for score in scored[name]]
    benign = [one.name for one in SOURCES if not one.attack and not one.name.startswith("notinject")]
    return {
        "explicit": round(sum(pooled) / len(pooled), 4),
        "notinject": round(max(share for name, share in shares.items() if name.startswith("notinject")), 4),
        "over": {name: round(shares[name], 4) for name in benign if shares[name] > 0.01},
    }


def milliseconds(score: Callable[[str], float], texts: Sequence[str]) -> float:
    """The 95th percentile of CPU milliseconds for texts of 1,500 characters."""
    took = []
    for text in texts:
        began = time.process_time()
        score(text)
        took.append(1000.0 * (time.process_time() - began))
    return sorted(took)[int(0.95 * len(took))]


def main() -> None:
    signal = load("injection")
    figures: dict[str, dict[str, dict[str, float | int]]] = {"tpr": {}, "fpr": {}, "floor_tpr": {}, "floor_fpr": {}}
    flagged: dict[str, list[bool]] = {}
    scored: dict[str, list[float]] = {}
    sample: list[str] = []
    print(f"{signal.recipe}, threshold {signal.threshold}\n")
    print(f"{'set':30} {'part':5} {'n':>5} {'signal':>7} {'95 % interval':>16} {'phrases':>8}")
    for source in SOURCES:
        texts: list[Text] = [one for one in texts_of(source) if one.part in ("gate", "held")]
        scored[source.name] = [signal.score(one.text) for one in texts]
        flagged[source.name] = [score >= signal.threshold for score in scored[source.name]]
        mine, usual = rate(flagged[source.name]), rate([floor(one.text) for one in texts])
        kind = "tpr" if source.attack else "fpr"
        figures[kind][source.name], figures[f"floor_{kind}"][source.name] = mine, usual
        interval = f"{mine['low']:.4f}-{mine['high']:.4f}"
        print(
            f"{source.name:30} {texts[0].part:5} {mine['n']:5} {mine['rate']:7.4f} {interval:>16} {usual['rate']:8.4f}"
        )
        if source.name == "handbook-18f":
            sample = [one.text[:BYTES] for one in texts if len(one.text) >= BYTES][:200]
    explicit = rate([hit for name in EXPLICIT for hit in flagged[name]])
    print(f"\nexplicit attacks pooled: {explicit['rate']:.4f} ({explicit['low']:.4f} to {explicit['high']:.4f})")
    at_points = {name: point_rates(scored, point.threshold) for name, point in points("injection").items()}
    print(f"\n{'point of the card':18}{'threshold':>10}{'explicit':>10}{'NotInject':>10}  benign sets over 1 %")
    for name, found in at_points.items():
        over = ", ".join(f"{one} {share:.4f}" for one, share in found["over"].items()) or "none"
        threshold = points("injection")[name].threshold
        print(f"{name:18}{threshold:10.4f}{found['explicit']:10.4f}{found['notinject']:10.4f}  {over}")
    took = milliseconds(signal.score, sample)
    print(f"1.5 KB take {took:.2f} ms of CPU at the 95th percentile")
    print(json.dumps({
        "threshold": signal.threshold, "explicit_tpr": explicit, **figures, "points": at_points,
        "p95_ms_per_1500": round(took, 2),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
