"""The safeguards by group on the shared sets, and every group figure beside Fairlearn's in the same run.

    make bench NAME=fairness

HateCheck is told for the cases that the packaged signal was neither trained nor tuned on (the gate part of
`signal_sets`), and for all of them. Fairlearn (MIT) runs in an environment of its own: bench/.cache/fairlearn.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assay.detect.signals import packaged
from assay.evaluate.fairness import Asked, Held, Value, hold_values
from assay.evaluate.fairness_safeguards import MISS, Safeguard, Trial, examine, tried
from assay.stats.disparity import Tolerance
from assay.wiring.fairness_safeguards import RulesGuard, SignalGuard
from assay.wiring.fairness_sets import read
from assay.wiring.signals import threshold_of
from signal_sets import hatecheck as hatecheck_cases
from signal_sets import part_of

DATA = Path("../shared/data")
PEER = Path("bench/.cache/fairlearn/bin/python")
RATIO, DIFFERENCE, GAP = 1.25, 0.10, 0.10
SETS = (
    "toxicity/hatecheck", "injection/notinject", "injection/xstest", "pii/presidio-synthetic",
    "retrieval/xquad-en", "retrieval/xquad-de", "retrieval/xquad-es", "retrieval/xquad-zh",
)  # fmt: skip

PEER_CODE = """
import json, sys
from fairlearn.metrics import (MetricFrame, selection_rate, true_positive_rate, false_positive_rate,
                               false_negative_rate, count, demographic_parity_difference, demographic_parity_ratio)
from sklearn.metrics import accuracy_score
out = []
for one in json.load(sys.stdin):
    y, p, g = one["truth"], one["said"], one["groups"]
    measures = {"selected": selection_rate, "tpr": true_positive_rate, "fnr": false_negative_rate,
                "fpr": false_positive_rate, "accuracy": accuracy_score}
    frame = MetricFrame(metrics=measures, y_true=y, y_pred=p, sensitive_features=g)
    told = {name: {str(k): float(v) for k, v in frame.by_group[name].items()} for name in measures}
    told["difference"] = {name: float(v) for name, v in frame.difference(method="between_groups").items()}
    told["to_overall"] = {name: float(v) for name, v in frame.difference(method="to_overall").items()}
    out.append(told)
json.dump(out, sys.stdout)
"""


def held(measure: str, by: str, trials: Sequence[Trial], wrong: bool | None) -> Held:
    """One of Fairlearn's five measures; `wrong` None counts the texts that were acted on."""
    rows = [
        Value(float(acted(one) if wrong is None else one.wrong is wrong), one.text.groups[by], f"{number}")
        for number, one in enumerate(trials)
    ]
    return hold_values(rows, Asked(measure, by, Tolerance(difference=DIFFERENCE)), higher_is_better=False)


def acted(one: Trial) -> bool:
    return one.wrong is not (one.rate == MISS)


def ours(trials: Sequence[Trial], by: str) -> dict[str, Held]:
    """The five group metrics that Fairlearn has, from the same trials."""
    harmful = [one for one in trials if one.rate == MISS]
    harmless = [one for one in trials if one.rate != MISS]
    return {
        "selected": held("selected", by, trials, None), "tpr": held("tpr", by, harmful, False),
        "fnr": held("fnr", by, harmful, True), "fpr": held("fpr", by, harmless, True),
        "accuracy": held("accuracy", by, trials, False),
    }  # fmt: skip


def against_fairlearn(trials: Sequence[Trial], by: str) -> dict[str, float]:
    """The largest distance from Fairlearn's values by group and from its largest differences."""
    rows = [one for one in trials if one.text.groups.get(by)]
    asked = {
        "truth": [int(one.rate == MISS) for one in rows], "said": [int(acted(one)) for one in rows],
        "groups": [one.text.groups[by] for one in rows],
    }  # fmt: skip
    made = subprocess.run(
        [str(PEER), "-c", PEER_CODE], input=json.dumps([asked]), capture_output=True, text=True, check=True,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/tmp")},
    )  # fmt: skip
    (told,) = json.loads(made.stdout)
    mine = ours(rows, by)
    groups = max(
        abs(told[name][row.name] - row.value) for name, found in mine.items() for row in found.disparity.rows
    )  # fmt: skip
    spread = max(abs(told["difference"][name] - found.disparity.largest_difference) for name, found in mine.items())
    return {"groups": groups, "difference": spread, "values": sum(len(f.disparity.rows) for f in mine.values())}


def hatecheck(trials: Sequence[Trial]) -> dict[str, Any]:
    """Accuracy over all cases, recall by group and the gap between the best and the worst group."""
    targeted = [one for one in trials if one.text.groups.get("identity") and one.rate == MISS]
    recall = held("tpr", "identity", targeted, False).disparity
    return {
        "n": len(trials), "accuracy": 1.0 - sum(one.wrong for one in trials) / len(trials),
        "recall": {row.name: row.value for row in recall.rows}, "recall_gap": recall.largest_difference,
        "p_groups": recall.p_groups,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--every", type=int, default=1, help="only each so many text of the questions in four languages"
    )
    asked = parser.parse_args()
    if not DATA.is_dir():
        sys.exit("../shared/data is not here; this benchmark needs it")
    texts = [one for at, one in enumerate(read([DATA / name for name in SETS])) if
             one.source != "xquad" or at % asked.every == 0]  # fmt: skip
    guards: list[Safeguard] = [SignalGuard(name, signal, threshold_of(signal)) for name in packaged.NAMES
              for signal in (packaged.load(name),)]  # fmt: skip
    rates, by_safeguard = [], {}
    guards.append(RulesGuard())
    for guard in guards:
        print(f"{guard.name}: {len(texts)} texts", file=sys.stderr)
        began = time.process_time()
        trials = tried(guard, texts)
        by_safeguard[guard.name] = trials
        print(f"{guard.name}: {time.process_time() - began:.1f} CPU-s", file=sys.stderr)
        found, _ = examine(guard, trials, lambda rate, by: Asked(rate, by, Tolerance(ratio=RATIO)))
        for one in found:
            d = one.held.disparity
            rates.append({
                "safeguard": guard.name, "set": one.source, "rate": one.held.measure, "by": one.held.by, "n": d.n,
                "overall": d.overall, "largest_difference": d.largest_difference, "largest_ratio": d.largest_ratio,
                "reading_at_ratio_1.25": str(d.reading), "p_groups": d.p_groups,
                "groups": {row.name: [row.value, row.n] for row in d.rows},
            })  # fmt: skip
            values = ", ".join(f"{row.name} {row.value:.3f} ({row.n})" for row in d.rows)
            print(f"{guard.name:10} {one.held.measure:12} {one.source:18} by {one.held.by:14} {d.reading:7} {values}")
    hate = [one for one in by_safeguard["toxicity"] if one.text.source == "hatecheck"]
    templates = [case.template for case in hatecheck_cases()]
    assert len(templates) == len(hate)
    unseen = [one for one, name in zip(hate, templates, strict=True) if part_of(f"hatecheck {name}") == "gate"]
    told = {"unseen": hatecheck(unseen), "all": hatecheck(hate)}
    for name, figures in told.items():
        share, gap = figures["accuracy"], figures["recall_gap"]
        verdict = "reached" if share >= 0.7 and gap <= GAP else "NOT reached"
        print(f"HateCheck {name}: accuracy {share:.3f} of {figures['n']}, recall gap {gap:.3f}: {verdict}")
    peer: dict[str, float] = {}
    if PEER.exists():
        peer = against_fairlearn(hate, "identity")
        print(f"Fairlearn: {peer['values']} values by group, farthest {peer['groups']:.1e} away")
        assert max(peer["groups"], peer["difference"]) <= 1e-9
    else:
        print(f"no Fairlearn at {PEER}: make an environment there, pip install fairlearn", file=sys.stderr)
    print(json.dumps({"hatecheck": told, "fairlearn": peer, "rates": rates}))


if __name__ == "__main__":
    main()
