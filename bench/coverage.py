"""Do intervals of a nominal 95 % cover 95 %? And how often does the gate block nothing, or ship a regression?

First the intervals that Assay reports, each in a setting where common tools go wrong, by exact enumeration where the
data are counts and by seeded simulation elsewhere, with the Monte-Carlo error beside it. Beside each stands, as the
peer in the same run, what is usually done instead. Then the intervals whose claim is "at least 95 %", which are
meant to cover more and are kept out of the range. Last the gate: A/A comparisons on clustered cases with 200 clauses,
and a regression of six points at n = 800 against a margin of three.

    python bench/coverage.py [--simulations 2000] [--gates 1000] [--fresh]

Each line is kept in bench/.cache/coverage.jsonl with the state of the code it came from, so that a run that was stopped
goes on where it was. Nothing was tuned on these settings but what docs/statistics.md says.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.evaluate.pairing import Pairs
from assay.evaluate.summary import metric_interval
from assay.records.comparison import Clause, ClauseKind, GatePolicy, Verdict
from assay.records.evaluation import Direction, Interval, Metric, MetricKind
from assay.records.golden import Case, Expected
from assay.release.clauses import examine, judge, sliced
from assay.stats.agreement import cohen_kappa, gwet_ac1, krippendorff_alpha
from assay.stats.bounded import betting_interval
from assay.stats.corrected import ppi_mean, rogan_gladen
from assay.stats.effect import paired_effect
from assay.stats.experiment import cuped
from assay.stats.judged import (
    clustered_post_stratified,
    paired_post_stratified,
    post_stratified,
)
from assay.stats.mean import mean_interval
from assay.stats.proportion import clopper_pearson, miettinen_nurminen, wilson
from assay.stats.ratio import paired_ratio, risk_ratio
from assay.stats.sequential import mean_sequence, share_sequence

Floats = NDArray[np.float64]
Rng = np.random.Generator
Draw = Callable[[Rng], "tuple[Interval | None, Interval | None]"]
CACHE = Path(__file__).parent / ".cache" / "coverage.jsonl"
SOURCES = Path(__file__).parent.parent / "src" / "assay"
BINARY = Metric("pass", MetricKind.BINARY, Direction.HIGHER)
MEAN = Metric("score", MetricKind.MEAN, Direction.HIGHER)
SKEWED = Metric("latency_ms", MetricKind.SKEWED, Direction.LOWER, "ms")


@dataclass(frozen=True)
class Setting:
    """A truth and a way to draw what is reported and what is usual; `share` asks for a part of the simulations."""

    name: str
    truth: float
    draw: Draw
    usual: str
    share: float = 1.0


@dataclass(frozen=True)
class Row:
    name: str
    coverage: float
    error: float
    width: float
    usual: str
    usual_coverage: float | None
    method: str


# What is usually done


def wald(values: Floats) -> Interval:
    half = 1.96 * float(values.std(ddof=1)) / math.sqrt(len(values))
    return Interval(
        float(values.mean()), float(values.mean()) - half, float(values.mean()) + half, 0.95, "z", len(values)
    )


# Exact settings: every count that can come out, with its probability


def binomial(n: int, p: float) -> Floats:
    k = np.arange(n + 1)
    logs = np.array([math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) for i in range(n + 1)])
    return np.asarray(np.exp(logs + k * math.log(p) + (n - k) * math.log1p(-p)))


def exact_share(n: int, p: float, method: Callable[[int, int], Interval]) -> Row:
    chances = binomial(n, p)
    found = [method(k, n) for k in range(n + 1)]
    inside = [one.low <= p <= one.high for one in found]
    flat = [abs(k / n - p) <= 1.96 * math.sqrt(k / n * (1 - k / n) / n) for k in range(n + 1)]
    return Row(
        f"share {p:g}, n {n}", float(chances @ inside), 0.0, float(chances @ [one.high - one.low for one in found]),
        "z", float(chances @ flat), found[0].method,
    )  # fmt: skip


# Simulated settings


def logit_normal_mean(centre: float, deviation: float) -> float:
    points, weights = np.polynomial.hermite_e.hermegauss(80)
    return float((weights / (1.0 + np.exp(-(centre + deviation * points)))).sum() / weights.sum())


def clustered_share(sizes: Sequence[int], centre: float, deviation: float) -> Setting:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    names = [f"d{label}" for label in labels]

    def draw(rng: Rng) -> tuple[Interval | None, Interval | None]:
        logits = centre + rng.normal(0, deviation, len(sizes))[labels]
        values = (rng.random(len(labels)) < 1 / (1 + np.exp(-logits))).astype(float)
        return metric_interval(BINARY, values.tolist(), names), wald(values)

    kind = f"{len(sizes)} documents of {min(sizes)}" + (f" to {max(sizes)}" if min(sizes) < max(sizes) else "")
    return Setting(f"share, {kind}", logit_normal_mean(centre, deviation), draw, "z, clusters ignored")


def judged(rng: Rng, rate: float, tpr: float, tnr: float, n: int = 2000) -> tuple[Floats, Floats]:
    truth = rng.random(n) < rate
    verdict = np.where(truth, rng.random(n) < tpr, rng.random(n) >= tnr)
    return truth.astype(float), verdict.astype(float)


def judged_rate(rate: float, tpr: float, tnr: float, labels: int, *, stratified: bool = False) -> Setting:
    def draw(rng: Rng) -> tuple[Interval | None, Interval | None]:
        truth, verdict = judged(rng, rate, tpr, tnr)
        counts = {"pass": int(verdict.sum()), "fail": int(len(verdict) - verdict.sum())}
        if stratified:
            half = min(labels // 2, counts["fail"])
            picked = np.concatenate(
                [rng.permutation(np.flatnonzero(verdict == v))[:k] for v, k in ((0, half), (1, labels - half))]
            )
        else:
            picked = rng.permutation(len(truth))[:labels]
        seen = {
            name: (int(truth[picked][verdict[picked] == v].sum()), int((verdict[picked] == v).sum()))
            for name, v in (("pass", 1), ("fail", 0))
        }
        ours = post_stratified(counts, seen)
        rest = np.setdiff1d(np.arange(len(truth)), picked)
        return ours, prediction_powered(verdict[rest], verdict[picked], truth[picked])

    how = "stratified labels" if stratified else "labels"
    usual = "PPI++, z, as if drawn alike" if stratified else "PPI++, z"
    return Setting(f"judged pass {rate:g} (TPR {tpr:g}, TNR {tnr:g}), {labels} {how}", rate, draw, usual)


def prediction_powered(unlabelled: Floats, judge: Floats, human: Floats) -> Interval:
    """PPI++ as it is commonly run: one tuned weight from the same labels, normal quantile."""
    n, rest = len(human), len(unlabelled)
    spread = float(np.concatenate([unlabelled, judge]).var())
    weight = float(np.cov(judge, human, bias=True)[0, 1]) / spread / (1 + n / rest) if spread > 0 else 0.0
    estimate = weight * float(unlabelled.mean()) + float((human - weight * judge).mean())
    error = math.sqrt(weight**2 * float(unlabelled.var()) / rest + float((human - weight * judge).var()) / n)
    return Interval(estimate, estimate - 1.96 * error, estimate + 1.96 * error, 0.95, "PPI++", n)


def judged_difference(labels: int) -> Setting:
    """Two versions on 1,000 items, a judge on both, people on some: base .80, candidate .78, correlated."""

    def draw(rng: Rng) -> tuple[Interval | None, Interval | None]:
        n = 1000
        draw_ = rng.random(n)
        a, b = draw_ < 0.80, np.where(draw_ < 0.07, False, np.where(draw_ > 0.95, True, draw_ < 0.80))
        sides = [np.where(truth, rng.random(n) < 0.92, rng.random(n) < 0.2).astype(int) for truth in (a, b)]
        names = [f"{x}{y}" for x, y in zip(*sides, strict=True)]
        difference = b.astype(int) - a.astype(int)
        picked = rng.permutation(n)[:labels]
        counts = {name: names.count(name) for name in set(names)}
        seen = {
            name: tuple(sum(names[i] == name and difference[i] == d for i in picked) for d in (-1, 0, 1))
            for name in counts
        }
        seen = {name: three for name, three in seen.items() if sum(three)}
        found = paired_post_stratified(counts, seen, draws=4000, seed=int(rng.integers(2**31)))
        naive = np.array(sides[1] - sides[0], dtype=float)
        return found.interval(), wald(naive)

    return Setting(f"judged difference -.02, {labels} labels", -0.02, draw, "the judge's word, z", 0.5)


def judged_clusters() -> Setting:
    """400 documents of five items, sixty documents labelled; what is right hangs on the document."""
    labels = np.repeat(np.arange(400), 5)
    names = [f"d{label}" for label in labels]
    truth_rate = logit_normal_mean(2.2, 1.2)

    def draw(rng: Rng) -> tuple[Interval | None, Interval | None]:
        logits = 2.2 + rng.normal(0, 1.2, 400)[labels]
        truth = rng.random(2000) < 1 / (1 + np.exp(-logits))
        verdict = np.where(truth, rng.random(2000) < 0.95, rng.random(2000) < 0.3)
        chosen = rng.permutation(400) < 60
        known = [float(t) if chosen[d] else None for t, d in zip(truth, labels, strict=True)]
        words = ["pass" if v else "fail" for v in verdict]
        found = clustered_post_stratified(words, known, names, draws=1000, seed=int(rng.integers(2**31)))
        picked = np.flatnonzero(chosen[labels])
        rest = np.setdiff1d(np.arange(2000), picked)
        v, t = verdict.astype(float), truth.astype(float)
        return found.interval(), prediction_powered(v[rest], v[picked], t[picked])

    return Setting("judged pass .86, 60 of 400 documents labelled", truth_rate, draw, "PPI++, z", 0.3)


def mean_of(name: str, metric: Metric, n: int, truth: float, values: Callable[[Rng], Floats], share: float) -> Setting:
    labels = [str(i) for i in range(n)]

    def draw(rng: Rng) -> tuple[Interval | None, Interval | None]:
        drawn = values(rng)
        return metric_interval(metric, drawn.tolist(), labels, seed=int(rng.integers(2**31))), wald(drawn)

    return Setting(name, truth, draw, "z", share)


def paired_shares(n: int, discordance: float, gap: float, clusters: int = 0) -> Setting:
    labels = np.arange(n) % clusters if clusters else None

    def draw(rng: Rng) -> tuple[Interval | None, Interval | None]:
        u = rng.random(n)
        if labels is not None:
            u = np.where(rng.random(n) < 0.3, rng.random(clusters)[labels], u)
        won, lost = u < (discordance + gap) / 2, u > 1 - (discordance - gap) / 2
        base, new = np.where(won, 0.0, 1.0), np.where(lost, 0.0, 1.0)
        names = None if labels is None else labels.tolist()
        return paired_effect(MetricKind.BINARY, base, new, names).interval(0.95), wald(new - base)

    where = f", {clusters} clusters" if clusters else ""
    return Setting(f"paired shares, n {n}, discordance {discordance:g}{where}", gap, draw, "z of the differences")


def paired_means(name: str, kind: MetricKind, truth: float, pair: Callable[[Rng], tuple[Floats, Floats]],
                 labels: NDArray[np.int64] | None = None, share: float = 1.0) -> Setting:  # fmt: skip
    def draw(rng: Rng) -> tuple[Interval | None, Interval | None]:
        base, new = pair(rng)
        names = None if labels is None else labels.tolist()
        effect = paired_effect(kind, base, new, names, seed=int(rng.integers(2**31)))
        return effect.interval(0.95), wald(new - base)

    return Setting(name, truth, draw, "z of the differences", share)


def agreement_setting(name: str, n: int, which: Callable[..., Interval], skew: float, same: float) -> Setting:
    """Two coders: with chance `same` both copy a draw, else each draws alone; kappa is then `same`."""
    observed = same + (1 - same) * (skew**2 + (1 - skew) ** 2)
    chance = skew**2 + (1 - skew) ** 2 if which is cohen_kappa else 2 * skew * (1 - skew)

    def draw(rng: Rng) -> tuple[Interval | None, Interval | None]:
        first, second = rng.random(n) < skew, rng.random(n) < skew
        second = np.where(rng.random(n) < same, first, second)
        try:
            found = which(first.tolist(), second.tolist())
        except ValueError:
            return None, None
        half = 1.96 * math.sqrt(observed * (1 - observed) / n) / (1 - chance)
        return found, Interval(found.estimate, found.estimate - half, found.estimate + half, 0.95, "z", n)

    return Setting(name, (observed - chance) / (1 - chance), draw, "z, chance held", 0.5)


def alpha_setting() -> Setting:
    same, units = 0.6, 80

    def draw(rng: Rng) -> tuple[Interval | None, Interval | None]:
        base = rng.integers(0, 3, units)
        rows = []
        for coder in "abc":
            own = np.where(rng.random(units) < math.sqrt(same), base, rng.integers(0, 3, units))
            rows.append([(coder, int(value)) for value in own])
        ratings = [{coder: str(value) for coder, value in unit} for unit in zip(*rows, strict=True)]
        return krippendorff_alpha(ratings, draws=800, seed=int(rng.integers(2**31))), None

    return Setting("Krippendorff's alpha, 80 units, 3 coders", same, draw, "", 0.3)


def shares_apart() -> Setting:
    def draw(rng: Rng) -> tuple[Interval | None, Interval | None]:
        x, y = int(rng.binomial(70, 0.95)), int(rng.binomial(80, 0.88))
        p, q = x / 70, y / 80
        half = 1.96 * math.sqrt(p * (1 - p) / 70 + q * (1 - q) / 80)
        return miettinen_nurminen(x, 70, y, 80), Interval(p - q, p - q - half, p - q + half, 0.95, "z", 150)

    return Setting("two shares .95 and .88, n 70 and 80", 0.07, draw, "z")


def ratios() -> Iterator[Setting]:
    labels = np.repeat(np.arange(40), 5)
    names = [f"d{label}" for label in labels]

    def draw(rng: Rng) -> tuple[Interval | None, Interval | None]:
        document = rng.lognormal(0, 0.3, 40)[labels]
        base = document * rng.gamma(4.0, 0.25, 200)
        new = 1.2 * document * rng.gamma(4.0, 0.25, 200)
        logs = np.log(new / base)
        z = wald(logs)
        return paired_ratio(new, base, names), Interval(0, math.exp(z.low), math.exp(z.high), 0.95, "z", 200)

    yield Setting("ratio of latencies 1.2, 40 documents of 5", 1.2, draw, "z of log ratios")

    def risk(rng: Rng) -> tuple[Interval | None, Interval | None]:
        x, y = int(rng.binomial(300, 0.02)), int(rng.binomial(300, 0.04))
        found = risk_ratio(x, 300, y, 300)
        if found is None or x == 0:
            return found, None
        half = 1.96 * math.sqrt(1 / x - 1 / 300 + 1 / y - 1 / 300)
        z = Interval(0, x / y * math.exp(-half), x / y * math.exp(half), 0.95, "log", 600)
        return found, z

    yield Setting("risk ratio .02 to .04, n 300 each", 0.5, risk, "log ratio, z (zeros left out)")


def continuous_judge() -> Setting:
    def draw(rng: Rng) -> tuple[Interval | None, Interval | None]:
        human = np.clip(rng.beta(4, 2, 2000), 0, 1)
        judge_ = np.clip(human + rng.normal(0.05, 0.15, 2000), 0, 1)
        found = ppi_mean(judge_, judge_[:200], human[:200], seed=int(rng.integers(2**31)))
        return found, wald(judge_)

    return Setting("mean score, judge on 2,000, 200 labels", 4 / 6, draw, "the judge's word, z", 0.5)


def with_covariate() -> Setting:
    def draw(rng: Rng) -> tuple[Interval | None, Interval | None]:
        before = rng.normal(0, 1, (2, 100))
        now = 0.8 * before + rng.standard_t(5, (2, 100)) * 0.5
        found = cuped(now[0], before[0], now[1] + 0.2, before[1]).difference()
        return found.interval(), None

    return Setting("CUPED difference, n 100 each", 0.2, draw, "")


def settings() -> list[Setting]:
    labels = np.repeat(np.arange(40), 5)

    def latency(rng: Rng) -> tuple[Floats, Floats]:
        base = rng.lognormal(5.5, 0.5, 300)
        return base, base * rng.lognormal(0.02, 0.3, 300)

    def graded(rng: Rng) -> tuple[Floats, Floats]:
        quality = rng.normal(0.75, 0.1, 40)[labels]
        drift = rng.normal(0, 0.05, 40)[labels]
        base = np.clip(np.round((quality + rng.normal(0, 0.1, 200)) * 4) / 4, 0, 1)
        return base, base + drift + rng.normal(0, 0.05, 200)

    grown = math.exp(5.5 + 0.125) * (math.exp(0.02 + 0.045) - 1.0)
    return [
        judged_rate(0.99, 0.98, 0.80, 30),
        judged_rate(0.99, 0.98, 0.80, 50),
        judged_rate(0.99, 0.98, 0.80, 200),
        judged_rate(0.97, 0.97, 0.70, 30),
        judged_rate(0.97, 0.97, 0.70, 100),
        judged_rate(0.90, 0.95, 0.70, 30),
        judged_rate(0.90, 0.95, 0.70, 100),
        judged_rate(0.70, 0.90, 0.80, 30),
        judged_rate(0.70, 0.90, 0.80, 200),
        judged_rate(0.70, 0.70, 0.60, 100),
        judged_rate(0.98, 0.97, 0.80, 60, stratified=True),
        judged_rate(0.90, 0.95, 0.70, 60, stratified=True),
        judged_rate(0.99, 0.90, 0.80, 30, stratified=True),
        judged_difference(200),
        judged_clusters(),
        clustered_share([20] * 10, 1.0, 1.3),
        clustered_share([10] * 30, 1.0, 1.3),
        clustered_share([5] * 100, 1.0, 1.3),
        clustered_share([1, 2, 3, 4, 5, 6, 7, 8, 12, 20] * 5, 1.0, 1.0),
        mean_of("mean score, n 50, Beta(4, 2)", MEAN, 50, 4 / 6, lambda r: r.beta(4, 2, 50), 1.0),
        mean_of("mean score, n 150, six in ten at 1", MEAN, 150, 0.84,
                lambda r: np.where(r.random(150) < 0.6, 1.0, r.choice([0.2, 0.6, 1.0], 150)), 1.0),
        mean_of("mean latency, n 200, log-normal .6", SKEWED, 200, math.exp(5.5 + 0.18),
                lambda r: r.lognormal(5.5, 0.6, 200), 0.3),
        paired_shares(200, 0.10, -0.02),
        paired_shares(60, 0.15, 0.0),
        paired_shares(400, 0.12, -0.03, clusters=80),
        paired_means("paired scores, 40 documents of 5", MetricKind.MEAN, 0.0, graded, labels),
        paired_means("paired latencies, n 300, log-normal", MetricKind.SKEWED, grown, latency, None, 0.3),
        shares_apart(),
        *ratios(),
        agreement_setting("Cohen's kappa .8, n 100, labels .7", 100, cohen_kappa, 0.7, 0.8),
        agreement_setting("Gwet's AC1 .93, n 100, labels .95", 100, gwet_ac1, 0.95, 0.4),
        alpha_setting(),
        continuous_judge(),
        with_covariate(),
    ]  # fmt: skip


def guaranteed() -> list[Setting]:
    """Intervals whose claim is a lower bound: they should cover at least 95 %."""

    def bounded(rng: Rng) -> tuple[Interval | None, Interval | None]:
        values = (rng.random(100) < 0.97).astype(float) * rng.choice([1.0, 0.9], 100)
        return betting_interval(values, seed=int(rng.integers(2**31))), mean_interval(values)

    def looked_at(rng: Rng) -> tuple[Interval | None, Interval | None]:
        values = (rng.random(2000) < 0.03).astype(float)
        worst = None
        sums = np.cumsum(values)
        for n in range(50, 2001, 50):
            found = share_sequence(int(sums[n - 1]), n, planned=500)
            if not found.low <= 0.03 <= found.high:
                return found, None
            worst = found
        return worst, None

    def looked_at_mean(rng: Rng) -> tuple[Interval | None, Interval | None]:
        values = rng.gamma(2.0, 0.5, 2000)
        found = None
        for n in range(100, 2001, 100):
            found = mean_sequence(values[:n], planned=500)
            if not found.low <= 1.0 <= found.high:
                return found, None
        return found, None

    def corrected(rng: Rng) -> tuple[Interval | None, Interval | None]:
        rate = int(rng.binomial(1000, 0.9 * 0.9 + 0.1 * 0.25)) / 1000
        q0, q1 = int(rng.binomial(150, 0.75)) / 150, int(rng.binomial(150, 0.9)) / 150
        return rogan_gladen(rate, 1000, q0, q1, 150, 150), None

    return [
        Setting("betting interval, mean .92, n 100", 0.97 * 0.95, bounded, "Student t", 0.25),
        Setting("beta-binomial sequence, 40 looks, rate .03", 0.03, looked_at, "", 0.1),
        Setting("mean sequence, 20 looks", 1.0, looked_at_mean, "", 0.3),
        Setting("Rogan-Gladen, pass .9, 150 + 150 calibration labels", 0.9, corrected, ""),
    ]


def run_setting(setting: Setting, simulations: int, seed: int) -> Row:
    rng = np.random.default_rng(seed)
    inside = usual = usual_seen = seen = 0
    width, method = 0.0, ""
    for _ in range(max(100, round(simulations * setting.share))):
        ours, theirs = setting.draw(rng)
        if ours is not None:
            seen += 1
            inside += ours.low - 1e-12 <= setting.truth <= ours.high + 1e-12
            width += ours.high - ours.low
            method = ours.method
        if theirs is not None:
            usual_seen += 1
            usual += theirs.low - 1e-12 <= setting.truth <= theirs.high + 1e-12
    coverage = inside / seen
    error = math.sqrt(max(coverage * (1 - coverage), 1e-6) / seen)
    return Row(
        setting.name, coverage, error, width / seen, setting.usual, usual / usual_seen if usual_seen else None, method
    )


# The gate


def gate_case(rng: Rng, clusters: int, slices: int) -> tuple[tuple[Case, ...], NDArray[np.int64]]:
    sizes = rng.integers(1, 6, clusters)
    labels = np.repeat(np.arange(clusters), sizes)
    member = rng.random((len(labels), slices)) < 0.3
    return tuple(
        Case(f"c{i}", "?", Expected(), cluster=f"d{label}", slices=tuple(f"s{k}" for k in np.flatnonzero(member[i])))
        for i, label in enumerate(labels)
    ), labels


def same_system(rng: Rng, labels: NDArray[np.int64], metrics: Sequence[Metric]) -> dict[str, tuple[Floats, Floats]]:
    """Two runs of one system: metrics hang together through the document and the case, and noise differs."""
    document, case = rng.normal(0, 1, labels.max() + 1)[labels], rng.normal(0, 1, len(labels))
    noise = [rng.normal(0, 0.7, labels.max() + 1)[labels] + rng.normal(0, 1.0, len(labels)) for _ in range(2)]
    found = {}
    for metric in metrics:
        scores = []
        for shared in noise:
            latent = 1.8 + document + case + 0.7 * shared + rng.normal(0, 0.7, len(labels))
            binary = metric.kind is MetricKind.BINARY
            scores.append((latent > 0).astype(float) if binary else np.round(4 / (1 + np.exp(-latent))) / 4)
        found[metric.name] = (scores[0], scores[1])
    return found


def false_blocks(gates: int, multiplicity: str, clusters: int, keep: Keep) -> tuple[int, int]:
    """(blocks, ships) of A/A gates: ten metrics, each on all cases and on nineteen slices, 200 clauses."""
    metrics = [Metric(f"m{i}", MetricKind.BINARY if i % 2 else MetricKind.MEAN, Direction.HIGHER) for i in range(10)]
    names = ["", *(f"s{k}" for k in range(19))]
    policy = GatePolicy(
        tuple(Clause(m.name, ClauseKind.NON_INFERIORITY, 0.0, slice=s) for m in metrics for s in names),
        multiplicity=multiplicity,
    )
    blocked = shipped = done = 0
    while done < gates:
        part = min(50, gates - done)
        key = f"A/A {multiplicity} {clusters} from {done} for {part}"
        kept = keep.get(key)
        if kept is None:
            rng = np.random.default_rng([17, done])
            verdicts = [one_gate(rng, policy, metrics, names, clusters) for _ in range(part)]
            kept = [sum(Verdict.DO_NOT_SHIP in v for v in verdicts), sum(v == {Verdict.SHIP} for v in verdicts)]
            keep.put(key, kept)
        blocked, shipped, done = blocked + kept[0], shipped + kept[1], done + part
        print(f"  A/A by {multiplicity}: {done} gates, {blocked} blocked", file=sys.stderr, flush=True)
    return blocked, shipped


def one_gate(
    rng: Rng, policy: GatePolicy, metrics: Sequence[Metric], names: Sequence[str], clusters: int
) -> set[Verdict]:
    cases, labels = gate_case(rng, clusters, len(names) - 1)
    scores = same_system(rng, labels, metrics)
    measured = []
    for metric in metrics:
        one, other = scores[metric.name]
        whole = Pairs(metric, cases, tuple(one.tolist()), tuple(other.tolist()), {}, 0)
        parts = sliced(whole, [name for name in names if name])
        measured += [
            examine(c, parts[c.slice] if c.slice else whole, 3) for c in policy.clauses if c.metric == metric.name
        ]
    return {result.verdict for result in judge(measured, policy, int(rng.integers(2**31)))}


def regressions(gates: int) -> tuple[float, ...]:
    """(shipped, blocked, open) shares of a six-point regression: base .80, discordance .12, margin .03, n 800."""
    rng = np.random.default_rng(23)
    policy = GatePolicy((Clause("pass", ClauseKind.NON_INFERIORITY, 0.03),))
    cases = tuple(Case(f"c{i}", "?", Expected()) for i in range(800))
    counts = dict.fromkeys(Verdict, 0)
    for _ in range(gates):
        u = rng.random(800)
        won, lost = u < 0.03, (u >= 0.03) & (u < 0.12)
        base = np.where(won, 0.0, np.where(lost, 1.0, rng.random(800) < 0.77 / 0.88)).astype(float)
        new = np.where(won, 1.0, np.where(lost, 0.0, base))
        pairs = Pairs(BINARY, cases, tuple(base.tolist()), tuple(new.tolist()), {}, 0)
        counts[judge([examine(policy.clauses[0], pairs, 0)], policy)[0].verdict] += 1
    return tuple(counts[v] / gates for v in (Verdict.SHIP, Verdict.DO_NOT_SHIP, Verdict.NEED_MORE_DATA))


class Keep:
    """Finished lines by key, for the state of the code that made them."""

    def __init__(self, fresh: bool) -> None:
        sources = [*sorted((SOURCES / "stats").glob("*.py")), SOURCES / "release" / "clauses.py", Path(__file__)]
        self._code = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
        CACHE.parent.mkdir(exist_ok=True)
        lines = CACHE.read_text().splitlines() if CACHE.exists() and not fresh else []
        known = (json.loads(line) for line in lines)
        self._found = {entry["key"]: entry["value"] for entry in known if entry["code"] == self._code}

    def get(self, key: str) -> list[int] | None:
        return self._found.get(key)

    def put(self, key: str, value: object) -> None:
        with CACHE.open("a") as file:
            file.write(json.dumps({"code": self._code, "key": key, "value": value}) + "\n")

    def row(self, key: str, make: Callable[[], Row]) -> Row:
        if key in self._found:
            return Row(**self._found[key])
        started = time.perf_counter()
        found = make()
        print(
            f"  {found.name}: {found.coverage:.3f} ({time.perf_counter() - started:.1f} s)", file=sys.stderr, flush=True
        )
        self.put(key, found.__dict__)
        return found


def table(rows: Sequence[Row], title: str) -> None:
    print(f"\n{title}\n{'':56}{'coverage':>9}{'± 1 se':>8}{'width':>9}  usual instead")
    for row in rows:
        flag = " " if 0.93 <= row.coverage <= 0.97 else "*"
        usual = f"{row.usual_coverage:.3f} {row.usual}" if row.usual_coverage is not None else ""
        print(f"{row.name:56}{row.coverage:9.3f}{flag}{row.error:7.3f}{row.width:9.3f}  {usual:32} [{row.method}]")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--gates", type=int, default=1000)
    parser.add_argument("--fresh", action="store_true", help="do not use what an earlier run kept")
    asked = parser.parse_args()
    keep = Keep(asked.fresh)
    print("coverage ...", file=sys.stderr)
    exact = [(30, 0.99), (50, 0.95), (100, 0.98), (1000, 0.99), (200, 0.8)]
    rows = [exact_share(n, p, wilson) for n, p in exact]
    for number, one in enumerate(settings()):
        key = f"{one.name} {asked.simulations}"
        rows.append(keep.row(key, partial(run_setting, one, asked.simulations, number)))
    sure = [exact_share(n, p, clopper_pearson) for n, p in exact[:3]]
    for number, one in enumerate(guaranteed(), start=500):
        key = f"{one.name} {asked.simulations}"
        sure.append(keep.row(key, partial(run_setting, one, asked.simulations, number)))
    table(rows, f"Reported intervals, nominal .95 ({len(rows)} settings; * outside .93 to .97)")
    table(sure, "Intervals that promise at least .95 (not in the range below)")
    shipped, stopped, open_ = regressions(4 * asked.gates)
    blocked, passed = false_blocks(asked.gates, "holm", 120, keep)
    fewer = max(100, asked.gates // 4)
    joint, _ = false_blocks(fewer, "max_t", 120, keep)
    print(
        f"\nA/A, 200 clauses at margin 0, where the line is the truth, 120 clusters of 1 to 5 cases; alpha .05: "
        f"false blocks by Holm {blocked}/{asked.gates}, by max-T {joint}/{fewer}"
    )
    print(f"six-point regression, n 800, margin .03: shipped {shipped:.4f}, blocked {stopped:.3f}, open {open_:.3f}")
    coverages = [row.coverage for row in rows]
    figures = {
        "min_coverage": min(coverages),
        "max_coverage": max(coverages),
        "settings": len(rows),
        "min_guaranteed": min(row.coverage for row in sure),
        "aa_false_block": blocked / asked.gates,
        "aa_false_block_max_t": joint / fewer,
        "aa_shipped": passed / asked.gates,
        "regression_shipped": shipped,
    }
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
