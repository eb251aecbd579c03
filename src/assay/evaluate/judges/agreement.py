"""A judge beside people: agreement, whether length sways it, and whether it still says what it said of its anchors."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from assay.records.evaluation import Interval, MetricKind
from assay.records.judging import Agreement, AnchorItem, AnchorSet, Control, Drift, JudgeSpec, Sentinel
from assay.stats.agreement import cohen_kappa, gwet_ac1, percent_agreement
from assay.stats.effect import paired_effect
from assay.stats.mean import share_interval
from assay.stats.special import check_level, t_ppf

ANCHOR_LEVEL = 0.90
"""Two one-sided tests at 5 %."""
_FEWEST_FOR_A_SLOPE = 10


def plain_interval(found: Interval) -> Interval:
    """With Python numbers, which canonical JSON needs."""
    return Interval(
        float(found.estimate), float(found.low), float(found.high), float(found.level), found.method, int(found.n)
    )


def agreement(
    judge: Sequence[bool], people: Sequence[bool], clusters: Sequence[str], *, level: float = 0.95
) -> Agreement:
    """Judge against people on the same replies; all arguments of shape (n,). People's pass is the positive class."""
    rows = list(zip(judge, people, clusters, strict=True))
    counts = {(j, p): sum(row[:2] == (j, p) for row in rows) for j in (True, False) for p in (True, False)}

    def rate(passed: bool) -> Interval | None:
        kept = [(float(j is passed), cluster) for j, p, cluster in rows if p is passed]
        if not kept:
            return None
        return plain_interval(share_interval([value for value, _ in kept], [cluster for _, cluster in kept], level))

    n = len(rows)
    constant = min(len(set(judge)), len(set(people))) < 2  # kappa is then 0 or nothing, whatever was said
    return Agreement(
        n,
        true_pass=counts[True, True],
        false_pass=counts[True, False],
        true_fail=counts[False, False],
        false_fail=counts[False, True],
        accuracy=plain_interval(percent_agreement(judge, people, level=level, clusters=clusters)) if n else None,
        tpr=rate(True),
        tnr=rate(False),
        kappa=None if constant else plain_interval(cohen_kappa(judge, people, level=level, clusters=clusters)),
        ac1=plain_interval(gwet_ac1(judge, people, level=level, clusters=clusters, categories=2)) if n else None,
        judged_rate=sum(judge) / n if n else 0.0,
        human_rate=sum(people) / n if n else 0.0,
    )


def rate_control(
    name: str, hits: Sequence[bool], clusters: Sequence[str], detail: str, *, level: float = 0.95
) -> Control:
    """How often something happened, with Wilson's interval."""
    if not hits:
        return Control(name, None, 0, "nothing to ask it on")
    found = share_interval([float(hit) for hit in hits], clusters, level)
    return Control(name, plain_interval(found), len(hits), detail)


def length_slope(
    verdicts: Sequence[float], labels: Sequence[float] | None, lengths: Sequence[float], clusters: Sequence[str],
    *, level: float = 0.95,
) -> Control:  # fmt: skip
    """How much the verdict rises with every doubling of the reply's length, given people's labels where there are any.

    Least squares of the verdict on label and log2(length), all of shape (n,); the interval is cluster-robust (CR1,
    Liang and Zeger 1986) with a t quantile of C - 1. 0 is a judge that does not mind.
    """
    given = "given people's labels" if labels is not None else "without labels: longer replies may be better ones"
    sizes = np.log2(np.maximum(np.asarray(lengths, dtype=np.float64), 1e-3))
    held = sorted(set(clusters))
    if len(verdicts) < _FEWEST_FOR_A_SLOPE or len(held) < 3 or float(np.ptp(sizes)) == 0.0:
        return Control("length slope", None, len(verdicts), "too few replies, or all of one length")
    columns = [np.ones(len(sizes)), sizes - sizes.mean()]
    if labels is not None and len(set(labels)) > 1:
        columns.append(np.asarray(labels, dtype=np.float64))
    design = np.column_stack(columns)
    values = np.asarray(verdicts, dtype=np.float64)
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return Control("length slope", None, len(verdicts), "length and label say the same here")
    inverse = np.linalg.inv(design.T @ design)
    weights = inverse @ design.T @ values
    residuals = values - design @ weights
    codes = np.searchsorted(np.asarray(held), np.asarray(clusters))
    scores = np.zeros((len(held), design.shape[1]))
    np.add.at(scores, codes, design * residuals[:, None])
    n, k, c = len(values), design.shape[1], len(held)
    spread = inverse @ (scores.T @ scores) @ inverse * (c / (c - 1)) * ((n - 1) / (n - k))
    half = t_ppf(1.0 - check_level(level) / 2.0, c - 1) * math.sqrt(max(float(spread[1, 1]), 0.0))
    slope = float(weights[1])
    found = Interval(slope, slope - half, slope + half, level, "least squares, cluster-robust t", n)
    return Control("length slope", found, n, f"per doubling of the length, {given}")


_FAMILIES = (
    ("gpt", r"\b(?:gpt|chatgpt|o[134])(?:[-.:_]|\b)|davinci"),
    ("claude", r"claude"),
    ("gemini", r"gemini|gemma|palm"),
    ("llama", r"llama"),
    ("mistral", r"mistral|mixtral|codestral|magistral"),
    ("qwen", r"qwen|qwq"),
    ("deepseek", r"deepseek"),
    ("phi", r"\bphi-?\d"),
    ("command", r"\bcommand-|cohere"),
    ("grok", r"\bgrok"),
    ("smollm", r"smollm"),
)


def family_of(model: str) -> str:
    """Who made a model, by its name; empty when the name does not tell."""
    return next((family for family, pattern in _FAMILIES if re.search(pattern, model, re.IGNORECASE)), "")


def family_control(judge: str, systems: Sequence[str]) -> Control:
    """Whether the judge judges its own kin, which judges are known to favour (Panickssery et al. 2024)."""
    known = sorted({one for one in systems if one})
    if not judge or not known:
        missing = "the judge's family" if not judge else "the system's family"
        return Control("self-family", None, 0, f"{missing} is not known: set family, or no language model wrote")
    if judge in known:
        return Control("self-family", None, len(known), f"same: judge and system are both {judge}")
    return Control("self-family", None, len(known), f"different: the judge is {judge}, the system {', '.join(known)}")


def sentinel(
    spec: JudgeSpec, anchors: AnchorSet, today: Sequence[tuple[AnchorItem, float | None]], *, margin: float,
    run_id: str, now: str,
) -> Sentinel | None:  # fmt: skip
    """Today's verdicts on the anchors that can still be read, against the frozen ones; None with fewer than two.

    A verdict is None where the judge gave none, which counts as no pass and as a disagreement with people.
    """
    if len(today) < 2:
        return None
    then = [float(spec.passes(item.value)) for item, _ in today]
    after = [float(value is not None and spec.passes(value)) for _, value in today]
    change = _paired(then, after)
    accuracy = _accuracy(today, then, after)
    worst = accuracy.low if accuracy else 0.0
    below = accuracy is not None and accuracy.high < -margin
    if change.low > margin or change.high < -margin or below:
        state = Drift.DRIFTED
    elif change.low > -margin and change.high < margin and worst > -margin:
        state = Drift.STEADY
    else:
        state = Drift.UNSURE
    return Sentinel(
        anchors.judge,
        anchors.digest,
        state,
        change,
        margin,
        accuracy,
        flips=sum(one != other for one, other in zip(then, after, strict=True)),
        gone=len(anchors.items) - len(today),
        unscored=sum(value is None for _, value in today),
        run_id=run_id,
        at=now,
    )


def _accuracy(
    today: Sequence[tuple[AnchorItem, float | None]], then: Sequence[float], after: Sequence[float]
) -> Interval | None:
    """The change of the share on which judge and people agree, on the labelled anchors."""
    rows = [
        (float(old == float(item.label == "pass")), float(value is not None and new == float(item.label == "pass")))
        for (item, value), old, new in zip(today, then, after, strict=True)
        if item.label
    ]
    return _paired([one for one, _ in rows], [other for _, other in rows]) if len(rows) > 1 else None


def _paired(before: Sequence[float], after: Sequence[float]) -> Interval:
    return plain_interval(paired_effect(MetricKind.BINARY, before, after).interval(ANCHOR_LEVEL))
