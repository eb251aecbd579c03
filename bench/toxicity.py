"""What the toxicity signal makes of HateCheck, and of innocent text beside it.

    make bench NAME=toxicity

HateCheck is a test suite, so every model here is measured on cases whose template, and whatever is derived from the
same template, it never saw: the packaged one on the gate part, others in folds of templates, and others again on whole
functions that were left out. The floor calls everything hateful.
"""

from __future__ import annotations

import argparse
import json
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1] / "tools"))

import train_signals as training
from assay.detect.signals.packaged import load
from signal_sets import SOURCES, hatecheck, part_of, texts_of

PLAIN = ("clinc150", "mtrag-questions", "llmbar", "expertqa-questions", "claude-docs-questions")
"""Innocent sets for the models of the folds: short ones, so that a fold takes seconds."""


def left_out(key: str, folds: int) -> dict[str, object]:
    """Measures over all cases, each scored by a model without its template or its function; the threshold is where a
    model trained on the other folds thinks both classes equally likely."""
    cases = hatecheck()
    innocent = [
        one.text
        for source in SOURCES
        if source.name in PLAIN
        for one in training.sampled(texts_of(source), "train")[:100]
    ]
    names = [case.template if key == "template" else case.function for case in cases]
    if key == "template":
        fold = np.array([int(sha256(name.encode()).hexdigest()[:8], 16) % folds for name in names])
    else:
        order = {name: number for number, name in enumerate(sorted(set(names)))}
        fold = np.array([order[name] % folds for name in names])
    scores = np.zeros(len(cases))
    for number in range(folds):
        print(f"{key}: fold {number + 1} of {folds}", file=sys.stderr)
        out = fold == number
        templates = {case.template for case, taken in zip(cases, out, strict=True) if taken}
        kept = ~out & np.array([case.template not in templates for case in cases])
        model = training.toxic(cases, kept, innocent)[0]
        scores[out] = training.logistic(
            training.tops(model, [case.text for case, taken in zip(cases, out, strict=True) if taken])
        )
    return training.told_cases(cases, scores, np.ones(len(cases), dtype=bool), 0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=0, help="also in so many folds of templates and of functions")
    asked = parser.parse_args()
    signal, cases = load("toxicity"), hatecheck()
    gate = np.array([part_of(f"hatecheck {case.template}") == "gate" for case in cases])
    scores = np.array([signal.score(case.text) for case in cases])
    found = {"gate": training.told_cases(cases, scores, gate, signal.threshold)}
    if asked.folds:
        found |= {"templates": left_out("template", asked.folds), "functions": left_out("function", asked.folds)}
    print(f"{signal.recipe}, threshold {signal.threshold}\n")
    for name, one in found.items():
        told = {
            key: value["rate"] if isinstance(value, dict) and "rate" in value else value for key, value in one.items()
        }
        groups = told.pop("recall_by_group")
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in told.items()))
        assert isinstance(groups, dict)
        print("  recall by group: " + ", ".join(f"{group} {value['rate']}" for group, value in groups.items()))
    functions = sorted({case.function for case, chosen in zip(cases, gate, strict=True) if chosen})
    by_function = {}
    for function in functions:
        rows = np.array([case.function == function for case in cases]) & gate
        right = (scores >= signal.threshold) == np.array([case.hateful for case in cases])
        by_function[function] = training.rate(right[rows])
        print(f"  {function:24} right {by_function[function]['rate']:.3f} of {by_function[function]['n']}")
    fpr = {}
    for source in SOURCES:
        if source.attack:
            continue
        texts = [one.text for one in texts_of(source) if one.part in ("gate", "held")]
        fpr[source.name] = training.rate(np.array([signal.score(text) >= signal.threshold for text in texts]))
        print(
            f"{source.name:30} {fpr[source.name]['hits']} of {fpr[source.name]['n']} ({fpr[source.name]['rate']:.4f})"
        )
    print(json.dumps({"threshold": signal.threshold, "hatecheck": found, "right_by_function": by_function, "fpr": fpr}))


if __name__ == "__main__":
    main()
