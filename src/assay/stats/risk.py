"""When to answer and when to decline: risk against coverage, and thresholds that keep a promised risk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.records.evaluation import Interval
from assay.stats.mean import Floats
from assay.stats.proportion import clopper_pearson, wilson_limits
from assay.stats.special import betainc, check_level, normal_ppf


@dataclass(frozen=True, slots=True)
class RiskPoint:
    """Answering whenever the confidence is at least `threshold`: `coverage` of the items, `risk` among them."""

    threshold: float
    coverage: float
    risk: Interval


@dataclass(frozen=True, slots=True)
class RiskCurve:
    """Points from the strictest threshold to answering everything. `aurc` is the area under it, lower is better."""

    points: tuple[RiskPoint, ...]
    aurc: float
    aurc_best: float
    """The area of the ordering that puts every loss last: what the confidences could reach at most."""


@dataclass(frozen=True, slots=True)
class RiskThreshold:
    """Answer when the confidence is at least `threshold`; None: no threshold keeps the promise, so never answer.

    `risk` is what the calibration items showed and `bound` what is guaranteed, in the meaning `method` gives.
    """

    threshold: float | None
    coverage: float
    risk: float
    bound: float
    n: int
    method: str


def risk_coverage(
    confidences: Sequence[float] | Floats, wrong: Sequence[float] | Floats, *, level: float = 0.95
) -> RiskCurve:
    """The risk-coverage curve (El-Yaniv and Wiener 2010) with pointwise Wilson intervals.

    `wrong`, shape (n,), is a loss between 0 and 1 (0/1 for right and wrong; Wilson's variance bounds any other). Equal
    confidences are one point. Raises ValueError for no item, lengths that differ or losses outside 0 to 1.
    """
    stated, loss = _checked(confidences, wrong)
    order = np.argsort(-stated, kind="stable")
    stated, loss = stated[order], loss[order]
    last = np.flatnonzero(np.append(stated[1:] != stated[:-1], True))
    sums = np.cumsum(loss)
    z, n = normal_ppf(1.0 - check_level(level) / 2.0), len(stated)
    points = []
    for index in last.tolist():
        count, total = index + 1, min(float(sums[index]), index + 1.0)
        low, high = wilson_limits(total, count, z)
        risk = Interval(total / count, low, high, level, "Wilson score", count)
        points.append(RiskPoint(float(stated[index]), count / n, risk))
    return RiskCurve(tuple(points), _area(_tie_averaged(loss, last)), _area(np.sort(loss)))


def _tie_averaged(loss: Floats, last: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Floats:
    """Losses with each run of equal confidences replaced by its mean: what any order of the ties gives on average."""
    starts = np.append(0, last[:-1] + 1)
    sizes = last - starts + 1
    return np.repeat(np.add.reduceat(loss, starts) / sizes, sizes)


def _area(loss: Floats) -> float:
    return float((np.cumsum(loss) / np.arange(1, len(loss) + 1)).mean())


def conformal_risk_threshold(
    confidences: Sequence[float] | Floats, loss: Sequence[float] | Floats, alpha: float, *, bound: float = 1.0
) -> RiskThreshold:
    """The most permissive threshold whose expected loss on the next item is at most `alpha`, declining costing 0.

    Conformal risk control (Angelopoulos et al. 2024): the loss of answering, shape (n,), lies between 0 and `bound`;
    counted over all items, answered or not, it falls as the threshold rises, and the threshold is the lowest with
    n/(n+1) · mean loss + bound/(n+1) <= alpha. Holds for exchangeable items, in expectation over calibration sets. For
    the risk among answered items, which is not monotone, take `selective_risk_threshold`. Raises ValueError for alpha
    outside 0 to `bound` and for losses outside their bound.
    """
    if not 0.0 < alpha < bound:
        raise ValueError(f"alpha lies between 0 and the largest loss, not {alpha}")
    stated, losses = _checked(confidences, loss, bound)
    n = len(stated)
    method = "conformal risk control: expected loss over all items"
    order = np.argsort(-stated, kind="stable")
    stated, losses = stated[order], losses[order]
    last = np.flatnonzero(np.append(stated[1:] != stated[:-1], True))
    total = np.cumsum(losses)[last]
    kept = last[(total + bound) / (n + 1) <= alpha + 1e-12]
    if not len(kept):
        return RiskThreshold(None, 0.0, 0.0, alpha, n, method)
    index = int(kept[-1])
    mean = float(losses[: index + 1].sum()) / n
    return RiskThreshold(float(stated[index]), (index + 1) / n, mean, alpha, n, method)


def selective_risk_threshold(
    confidences: Sequence[float] | Floats,
    wrong: Sequence[float] | Floats,
    alpha: float,
    *,
    delta: float = 0.05,
    steps: int = 50,
) -> RiskThreshold:
    """The most permissive threshold at which the share of wrong answers among given answers is at most `alpha`.

    Learn then test (Angelopoulos et al. 2021): thresholds at `steps` fixed shares of coverage are tested from the
    strictest that could pass without an error, by the exact binomial (Clopper-Pearson) p-value, until the first fails
    at `delta`. The promise holds with probability 1 - delta over calibration sets. `wrong` is 0 or 1.
    """
    if not 0.0 < alpha < 1.0 or not 0.0 < delta < 1.0 or steps < 1:
        raise ValueError("alpha and delta lie between 0 and 1, and at least one threshold is tried")
    stated, losses = _checked(confidences, wrong)
    if not np.isin(losses, (0.0, 1.0)).all():
        raise ValueError("the share of wrong answers needs outcomes 0 and 1")
    n, method = len(stated), "learn then test: share wrong among answers"
    least = math.ceil(math.log(delta) / math.log1p(-alpha))
    best = RiskThreshold(None, 0.0, 0.0, alpha, n, method)
    ordered = np.sort(stated)[::-1]
    grid = sorted({math.ceil(n * step / steps) for step in range(1, steps + 1)})
    for count in (count for count in grid if count >= least):
        threshold = float(ordered[count - 1])
        answered = stated >= threshold
        answers, failures = int(answered.sum()), int(losses[answered].sum())
        if binomial_cdf(failures, answers, alpha) > delta:
            break
        upper = clopper_pearson(failures, answers, 1.0 - 2.0 * delta).high
        best = RiskThreshold(threshold, answers / n, failures / answers, min(alpha, upper), n, method)
    return best


def binomial_cdf(k: int, n: int, p: float) -> float:
    """P(X <= k) for X ~ Binomial(n, p)."""
    if k >= n:
        return 1.0
    return 0.0 if k < 0 else betainc(n - k, k + 1.0, 1.0 - p)


def _checked(
    confidences: Sequence[float] | Floats, loss: Sequence[float] | Floats, bound: float = 1.0
) -> tuple[Floats, Floats]:
    stated, losses = np.asarray(confidences, dtype=np.float64), np.asarray(loss, dtype=np.float64)
    if stated.ndim != 1 or stated.shape != losses.shape or len(stated) == 0:
        raise ValueError(f"expected as many confidences as losses, at least one, not {stated.shape}, {losses.shape}")
    if not np.isfinite(stated).all() or not ((losses >= 0.0) & (losses <= bound)).all():
        raise ValueError(f"confidences are finite numbers and losses lie between 0 and {bound:g}")
    return stated, losses
