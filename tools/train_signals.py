"""Trains the signals that come with the package from ../shared/data, and writes their arrays and cards.

Run from the project's root: `.venv/bin/python tools/train_signals.py injection toxicity`. Same data, same arrays: the
parts come from digests of the texts, what is drawn comes from a seed, and the fit is deterministic. Weights come from
the train part, calibration and threshold from the tune part; the gate part and the sets held out whole are measured
once, at the end, and change nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path += [str(Path(__file__).resolve().parents[1] / folder) for folder in ("src", "bench")]

from assay.detect.signals.linear import LinearSignal
from assay.stats.proportion import clopper_pearson
from assay.train.text_linear import calibrated, fit, highest, margins, rows_of
from signal_phrases import ATTACKS, INNOCENT, drawn
from signal_sets import (
    DATA,
    LEARNED,
    SOURCES,
    Case,
    Learned,
    Source,
    Text,
    development,
    hatecheck,
    part_of,
    texts_of,
)  # fmt: skip

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "assay" / "detect" / "signals"
BITS, RIDGE, SEED, CAP = 17, 1e-6, 20261123, 700
WEIGHT = {
    "cyberseceval": 3.0, "llmbar": 3.0, "claude-docs": 3.0, "llmbar-processed": 2.0, "phrases-innocent": 4.0,
}  # fmt: skip
"""Sets that weigh more than their number of texts."""
PLAIN = 1.0
PLAIN_CAP, FOLDS = 150, 5
TOXIC_RIDGE = 1e-5
LIMIT, PHRASES = 0.01, 0.05
PASSAGES = (
    "handbook-sourcegraph", "handbook-github-site-policy", "handbook-gds-way", "claude-docs", "bipia-contexts",
    "mtrag-texts", "xquad-en-texts", "ragchecker-answers",
)  # fmt: skip
VERSION, INJECTION_VERSION = 1, 2
MODEL = f"logistic regression over hashed character 3- to 5-grams and word 1- to 3-grams, {1 << BITS} buckets"
Floats = NDArray[np.float64]


Lesson = tuple[str, bool, float]
"""A text, whether it is one to find, and its weight."""


def learned(lessons: Sequence[Lesson], ridge: float, *, folds_groups: bool = False) -> tuple[Floats, float]:
    """Weights and bias from texts; attacks and innocent texts weigh the same in sum, as do all windows of a text."""
    texts, positive, weight = [one[0] for one in lessons], [one[1] for one in lessons], [one[2] for one in lessons]
    rows = rows_of(texts, BITS, folds_groups=folds_groups)
    bad, each = np.array(positive)[rows.texts], np.array(weight)[rows.texts] / np.bincount(rows.texts)[rows.texts]
    each[bad] *= each[~bad].sum() / each[bad].sum()
    return fit(rows, bad, each, BITS, ridge)


def packed(weights: Floats, bias: float, slope: float, offset: float) -> bytes:
    """The arrays as a .npz file of int8 weights and their scale; the same input gives the same bytes."""
    scale = float(np.abs(weights).max()) / 127.0
    file = io.BytesIO()
    np.savez_compressed(
        file, weights=np.round(weights / scale).astype(np.int8), scale=np.array(scale),
        shape=np.array([bias, slope, offset]),
    )  # fmt: skip
    return file.getvalue()


def signal(name: str, weights: Floats, bias: float, *, folds_groups: bool = False) -> LinearSignal:
    """The signal as it will be read back, not calibrated yet: margins become scores by the plain logistic."""
    scale = float(np.abs(weights).max()) / 127.0
    rounded = (np.round(weights / scale) * scale).astype(np.float32)
    return LinearSignal(name, VERSION, rounded, bias, 1.0, 0.0, 0.5, "", folds_groups)


def tops(found: LinearSignal, texts: Sequence[str]) -> Floats:
    """The highest margin of each text."""
    rows = rows_of(texts, BITS, folds_groups=found.folds_groups)
    return highest(rows, margins(rows, found.weights.astype(float), found.bias), len(texts))


def rate(hits: NDArray[np.bool_]) -> dict[str, float | int]:
    """A share with its 95 % interval (Clopper and Pearson)."""
    found = clopper_pearson(int(hits.sum()), len(hits))
    return {"n": len(hits), "hits": int(hits.sum()), "rate": round(found.estimate, 4), "low": round(found.low, 4),
            "high": round(found.high, 4)}  # fmt: skip


def digest_of(folder: Path) -> str:
    """SHA-256 over the names and contents of a folder's files."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole.update(f"{path.relative_to(folder)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def sampled(texts: list[Text], part: str) -> list[Text]:
    """Texts of one part; of innocent sets at most CAP, so that none drowns the others."""
    chosen = [one for one in texts if one.part == part]
    if texts and not texts[0].attack and part == "train" and len(chosen) > CAP:
        return random.Random(SEED).sample(chosen, CAP)
    return chosen


@dataclass(frozen=True)
class Made:
    """A model of development texts: margins out of fold for choices, and the weights of all of them."""

    texts: tuple[Learned, ...]
    margins: Floats
    weights: Floats
    bias: float


def developed() -> Made:
    """Four models that each leave a fold of groups out, and one of everything. Forms of phrases are groups too."""
    texts = development(CAP, SEED)
    for attack, forms in ((True, ATTACKS), (False, INNOCENT)):
        name = f"phrases-{'attack' if attack else 'innocent'}"
        texts += [
            Learned(text, name, attack, form)
            for number, form in enumerate(forms)
            for text in drawn([form], 12, SEED + number)
        ]
    print(f"injection: {len(texts)} texts to learn from", file=sys.stderr)
    rows = rows_of([one.text for one in texts], BITS)
    weight = np.array([WEIGHT.get(one.source, 1.0) for one in texts])
    bad = np.array([one.attack for one in texts])
    fold = np.array([int(hashlib.sha256(f"fold {one.group}".encode()).hexdigest()[:8], 16) % 4 for one in texts])
    out = np.full(len(texts), -np.inf)
    for left in (*range(4), None):
        print(f"injection: {'all' if left is None else f'fold {left + 1} of 4'}", file=sys.stderr)
        chosen = rows.only((fold != left)[rows.texts])
        each = weight[chosen.texts] / np.bincount(chosen.texts, minlength=len(texts))[chosen.texts]
        found_bad = bad[chosen.texts]
        each[found_bad] *= each[~found_bad].sum() / each[found_bad].sum()
        weights, bias = fit(chosen, found_bad, each, BITS, RIDGE, by_ratio=True)
        if left is not None:
            rest = rows.only((fold == left)[rows.texts])
            found = signal("injection", weights, bias)
            top = highest(rest, margins(rest, found.weights.astype(float), bias), len(texts))
            out[fold == left] = top[fold == left]
    return Made(tuple(texts), out, weights, bias)


def point(made: Made, scores: Floats, limit: float, sets: Sequence[str] = ()) -> float:
    """The lowest score at which at most `limit` of each innocent set speak up out of fold, and at most PHRASES of the
    innocent phrases; with `sets` of these alone."""
    source = np.array([one.source for one in made.texts])
    threshold = 0.0
    for name in dict.fromkeys(one.source for one in made.texts if not one.attack):
        if sets and name not in sets:
            continue
        found = np.sort(scores[source == name])[::-1]
        allowed = int((PHRASES if name.startswith("phrases") else limit) * len(found))
        threshold = max(threshold, float(np.nextafter(found[allowed], 2.0)))
    return round(threshold + 5e-7, 6)


def injection() -> None:
    made = developed()
    source, bad = np.array([one.source for one in made.texts]), np.array([one.attack for one in made.texts])
    real = ~np.char.startswith(source, "phrases")
    slope, offset = calibrated(made.margins[real], bad[real])
    scores = logistic(slope * made.margins + offset)
    threshold = point(made, scores, LIMIT)
    named = {
        "strict": {"threshold": point(made, scores, LIMIT / 2), "unit": "window",
                   "what": f"at most {LIMIT / 2} of each innocent set of the development part out of fold"},
        "passage": {"threshold": point(made, scores, LIMIT / 2, PASSAGES), "unit": "window",
                    "what": f"at most {LIMIT / 2} of each set of passages out of fold: for documents alone"},
    }  # fmt: skip
    found = signal("injection", made.weights, made.bias)
    out_of_fold = {name: rate(scores[source == name] >= threshold) for name in dict.fromkeys(source.tolist())}
    sets = {one.name: texts_of(one) for one in SOURCES}
    measures: dict[str, dict[str, object]] = {"out of fold": dict(out_of_fold), "gate": {}, "held": {}}
    for name, texts in sets.items():
        chosen = [one for one in texts if one.part in ("gate", "held")]
        reached = logistic(slope * tops(found, [one.text for one in chosen]) + offset) >= threshold
        measures[chosen[0].part][name] = rate(reached)
    told = {
        "name": "injection", "version": INJECTION_VERSION, "licence": "Apache-2.0",
        "what": "how much a text reads like a direct attempt to override, extract or jailbreak a model's instructions",
        "model": MODEL + "; weights penalised by log-count ratios",
        "threshold": threshold,
        "threshold_rule": f"lowest with at most {LIMIT} of each innocent set of the development part out of fold, and "
                          f"{PHRASES} of the innocent phrases",
        "points": named,
        "calibration": {"slope": slope, "offset": offset, "on": "development part out of fold, both classes weighing "
                        "the same (Platt)"},
        "seed": SEED, "ridge": RIDGE,
        "splits": "75/25 development/gate by the least SHA-256 of a group of near-copies; choices on four folds of the "
                  "development part; no near-copy of a gate or held text is learned from; held: never trained or "
                  "tuned on",
        "sources": [about(one, sets[one.name]) for one in SOURCES]
        + [{"name": one.name, "licence": one.licence, "attack": False, "held": False,
            "texts": {"train": int((source == one.name).sum())}, "sha256": digest_of(DATA / one.folder)}
           for one in LEARNED]
        + [{"name": "phrases", "licence": "Apache-2.0", "what": "tools/signal_phrases.py, written for Assay"}],
        "measures": measures,
        "not_for": [
            "refusing or releasing anything alone: it lowers rights, and deterministic layers must contain effects",
            "indirect attacks that read like an ordinary request inside a document",
            "encoded, split or paraphrased attacks by somebody who can query it",
            "judging people or the harmfulness of a request",
        ],
    }  # fmt: skip
    written("injection", packed(made.weights, made.bias, slope, offset), told)


def toxicity() -> None:
    cases = hatecheck()
    parts = np.array([part_of(f"hatecheck {case.template}") for case in cases])
    hateful = np.array([case.hateful for case in cases])
    gate = parts == "gate"
    innocent = {
        source.name: texts_of(source) for source in SOURCES
        if not source.attack and source.name not in ("notinject", "bipia-contexts")
    }  # fmt: skip
    plain = [one.text for texts in innocent.values() for one in sampled(texts, "train")[:PLAIN_CAP]]
    folds = np.array(
        [int(hashlib.sha256(f"fold {case.template}".encode()).hexdigest()[:8], 16) % FOLDS for case in cases]
    )
    margin = np.zeros(len(cases))
    for fold in range(FOLDS):
        print(f"toxicity: fold {fold + 1} of {FOLDS}", file=sys.stderr)
        out = ~gate & (folds == fold)
        found = toxic(cases, ~gate & ~out, plain)[0]
        margin[out] = tops(found, [case.text for case, chosen in zip(cases, out, strict=True) if chosen])
    slope, offset = calibrated(margin[~gate], hateful[~gate])
    threshold = best_threshold(logistic(slope * margin + offset)[~gate], hateful[~gate])
    tuned = told_cases(cases, logistic(slope * margin + offset), ~gate, threshold)
    found, weights, bias = toxic(cases, ~gate, plain)
    scores = logistic(slope * tops(found, [case.text for case in cases]) + offset)
    on_innocent: dict[str, dict[str, object]] = {"gate": {}, "held": {}}
    for name, texts in innocent.items():
        for part, told in on_innocent.items():
            chosen = [one.text for one in texts if one.part == part]
            if chosen:
                told[name] = rate(logistic(slope * tops(found, chosen) + offset) >= threshold)
    written("toxicity", packed(weights, bias, slope, offset), {
        "name": "toxicity", "version": VERSION, "licence": "Apache-2.0", "folds_groups": True,
        "what": "how much a text reads like hate directed at a group of people, as HateCheck's templates put it",
        "model": MODEL + "; "
                 "names of groups of people are one word",
        "threshold": threshold,
        "threshold_rule": f"highest mean of both recalls on predictions out of fold ({FOLDS} folds of templates)",
        "calibration": {"slope": slope, "offset": offset, "on": "out of fold, both classes weighing the same"},
        "seed": SEED, "ridge": TOXIC_RIDGE,
        "splits": "75/25 train and tune/gate by the SHA-256 of the template; cases of a template and of what is "
                  "derived from it fall into one part; held: never trained or tuned on",
        "sources": [{"name": "hatecheck", "licence": "CC-BY-4.0", "attack": True, "held": False,
                     "texts": {"train": int((~gate).sum()), "gate": int(gate.sum())},
                     "sha256": digest_of(DATA / "toxicity" / "hatecheck")}]
                   + [about(source, innocent[source.name]) for source in SOURCES if source.name in innocent],
        "hatecheck": {"out_of_fold": tuned, "gate": told_cases(cases, scores, gate, threshold)},
        "measures": on_innocent,
        "not_for": [
            "removing what people say or judging them: two in five of HateCheck's contrasts (counter-speech, negation, "
            "reclaimed words) still raise it",
            "languages other than English", "comparing systems on HateCheck, which it was trained on",
            "spellings and slurs that HateCheck's templates do not hold",
        ],
    })  # fmt: skip


def toxic(cases: Sequence[Case], chosen: NDArray[np.bool_], plain: Sequence[str]) -> tuple[LinearSignal, Floats, float]:
    """A model of the chosen cases beside innocent texts, which weigh as much as the cases in sum."""
    learn = [(case.text, case.hateful, 1.0) for case, taken in zip(cases, chosen, strict=True) if taken]
    learn += [(text, False, PLAIN * len(learn) / len(plain)) for text in plain]
    weights, bias = learned(learn, TOXIC_RIDGE, folds_groups=True)
    return signal("toxicity", weights, bias, folds_groups=True), weights, bias


def logistic(margin: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-np.clip(margin, -60.0, 60.0)))


def about(source: Source, texts: Sequence[Text]) -> dict[str, object]:
    """What the card says of a set."""
    counted = Counter(one.part for one in texts)
    return {"name": source.name, "licence": source.licence, "attack": source.attack, "held": source.held,
            "texts": dict(sorted(counted.items())), "sha256": digest_of(DATA / source.folder)}  # fmt: skip


def best_threshold(scores: Floats, hateful: NDArray[np.bool_]) -> float:
    """The score that divides best: the highest mean of the two classes' recalls."""
    tried = np.unique(scores.round(3))
    means = [((scores[hateful] >= at).mean() + (scores[~hateful] < at).mean()) / 2.0 for at in tried]
    return float(tried[int(np.argmax(means))])


def told_cases(cases: Sequence[Case], scores: Floats, chosen: NDArray[np.bool_], threshold: float) -> dict[str, object]:
    """Accuracy, recalls, and recall by the group that hateful cases are aimed at, with the gap between groups."""
    hateful = np.array([case.hateful for case in cases])
    flagged = scores >= threshold
    groups = np.array([case.group for case in cases])
    by_group = {
        str(group): rate(flagged[chosen & hateful & (groups == group)])
        for group in np.unique(groups[chosen & hateful]) if group
    }  # fmt: skip
    rates = [float(one["rate"]) for one in by_group.values()]
    right = (flagged == hateful)[chosen]
    return {
        "accuracy": rate(right), "recall": rate(flagged[chosen & hateful]),
        "false_positives": rate(flagged[chosen & ~hateful]), "always_hateful": rate(hateful[chosen]),
        "recall_by_group": by_group, "recall_gap": round(max(rates) - min(rates), 4),
    }  # fmt: skip


def written(name: str, arrays: bytes, told: dict[str, object]) -> None:
    told["arrays_sha256"] = hashlib.sha256(arrays).hexdigest()
    (PACKAGE / f"{name}.npz").write_bytes(arrays)
    (PACKAGE / f"{name}.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{name}: {len(arrays):,} bytes, threshold {told['threshold']}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", choices=("injection", "toxicity"))
    for name in parser.parse_args().names:
        {"injection": injection, "toxicity": toxicity}[name]()


if __name__ == "__main__":
    main()
