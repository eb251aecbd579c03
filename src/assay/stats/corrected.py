"""A mean corrected by labels where verdicts make no strata: continuous judges, and labels from another set."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from assay.records.evaluation import Interval
from assay.stats.mean import Floats
from assay.stats.special import check_level, normal_ppf, t_ppf


def ppi_mean(
    judge_all: Sequence[float] | Floats,
    judge_labelled: Sequence[float] | Floats,
    human_labelled: Sequence[float] | Floats,
    *,
    level: float = 0.95,
    folds: int = 10,
    seed: int = 0,
    force: bool = False,
) -> Interval:
    """The mean human score by PPI++ (Angelopoulos, Duchi and Zrnic 2023) with a cross-fitted power-tuned weight.

    `judge_all`, shape (N,), holds the judge's score of every item, the labelled ones among them; the other two, shape
    (n,), judge and human on the labelled items, a simple random sample. For continuous scores; for verdicts take
    `post_stratified`. Raises ValueError with fewer than 200 labels or fewer than 20 away from the commonest value
    (unless `force`), because the interval is then too narrow, and when the labelled scores are not among all scores.
    """
    everything, judge, human = (np.asarray(x, dtype=np.float64) for x in (judge_all, judge_labelled, human_labelled))
    n = len(human)
    if judge.shape != human.shape or n < 2 or not all(np.isfinite(x).all() for x in (everything, judge, human)):
        raise ValueError("the labelled items need a finite score from the judge and from people, at least two of them")
    _check_subset(everything, judge)
    _, counts = np.unique(human, return_counts=True)
    if not force and (n < 200 or n - int(counts.max()) < 20):
        raise ValueError(
            f"{n} labels, {n - int(counts.max())} away from the commonest value: a prediction-powered interval needs "
            "200 and 20; take post_stratified"
        )
    order = np.random.default_rng(seed).permutation(n)
    weight = np.empty(n)
    for part in np.array_split(order, min(folds, n)):
        rest = np.setdiff1d(order, part) if n > 2 else order
        spread = float(np.var(judge[rest]))
        weight[part] = float(np.cov(judge[rest], human[rest], bias=True)[0, 1]) / spread if spread > 0.0 else 0.0
    centre = float(everything.mean())
    terms = human - weight * (judge - centre)
    slope = float(weight.mean())
    covariance = float(np.cov(terms, judge)[0, 1])
    shared = slope**2 * float(everything.var(ddof=1)) + 2.0 * slope * covariance if len(everything) > 1 else 0.0
    error = math.sqrt(max(float(terms.var(ddof=1)) / n + shared / len(everything), 0.0))
    estimate, half = float(terms.mean()), t_ppf(1.0 - check_level(level) / 2.0, n - 1) * error
    return Interval(estimate, estimate - half, estimate + half, level, "PPI++, cross-fitted, t", n)


def _check_subset(everything: Floats, labelled: Floats) -> None:
    whole = dict(zip(*(x.tolist() for x in np.unique(everything, return_counts=True)), strict=True))
    for value, count in zip(*(x.tolist() for x in np.unique(labelled, return_counts=True)), strict=True):
        if whole.get(value, 0) < count:
            raise ValueError("the judge's scores of labelled items must be among those of all items")


def rogan_gladen(p: float, n: int, q0: float, q1: float, m0: int, m1: int, *, level: float = 0.95) -> Interval:
    """The pass rate from a judge's raw rate and its error on a separate calibration set (Rogan and Gladen 1978).

    `p` is the share of `n` items that the judge passed; `q0` the share of `m0` wrong items it failed (specificity),
    `q1` the share of `m1` right items it passed (sensitivity). The interval is that of Lee et al. 2025 with the
    plus-four adjustment. Only for labels from another, class-balanced set whose error rates carry over; labels of the
    judged items themselves belong in `post_stratified`. Raises ValueError when q0 + q1 - 1 < .2: such a judge says next
    to nothing, and dividing by it invents precision.
    """
    if min(n, m0, m1) < 1 or not all(0.0 <= x <= 1.0 for x in (p, q0, q1)):
        raise ValueError("Rogan-Gladen needs counts of at least 1 and rates between 0 and 1")
    if q0 + q1 - 1.0 < 0.2:
        raise ValueError(f"sensitivity + specificity - 1 is {q0 + q1 - 1.0:.2f}: below .2 a judge cannot be corrected")
    z = normal_ppf(1.0 - check_level(level) / 2.0)
    rate, fails, passes = (
        (n * p + z * z / 2.0) / (n + z * z),
        (m0 * q0 + 1.0) / (m0 + 2.0),
        (m1 * q1 + 1.0) / (m1 + 2.0),
    )
    gain = fails + passes - 1.0
    if gain <= 0.0:
        raise ValueError("the calibration set is too small to correct this judge")
    theta = (rate + fails - 1.0) / gain
    wrong, right = fails * (1.0 - fails) / (m0 + 2.0), passes * (1.0 - passes) / (m1 + 2.0)
    shift = 2.0 * z * z * (theta * right - (1.0 - theta) * wrong)
    half = z * math.sqrt(rate * (1.0 - rate) / (n + z * z) + (1.0 - theta) ** 2 * wrong + theta**2 * right) / gain
    estimate = min(1.0, max(0.0, (p + q0 - 1.0) / (q0 + q1 - 1.0)))
    low, high = (min(1.0, max(0.0, theta + shift + side)) for side in (-half, half))
    return Interval(estimate, min(low, estimate), max(high, estimate), level, "Rogan-Gladen (Lee 2025)", n)
