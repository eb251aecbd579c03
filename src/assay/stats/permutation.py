"""Are groups treated alike? Fisher's exact test of two, and a permutation test of many that respects clusters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from assay.stats.mean import Floats

DRAWS = 1999
Codes = NDArray[np.intp]


def fisher_exact(x1: int, n1: int, x2: int, n2: int) -> float:
    """Two-sided p-value for "both shares are equal": the tables that are no likelier than this one (Fisher 1935).

    Raises ValueError for impossible counts.
    """
    if not 0 <= x1 <= n1 or not 0 <= x2 <= n2:
        raise ValueError(f"a table needs 0 <= x <= n, not {x1} of {n1} and {x2} of {n2}")
    events, total = x1 + x2, n1 + n2
    whole = _log_choose(total, events)

    def chance(k: int) -> float:
        return math.exp(_log_choose(n1, k) + _log_choose(n2, events - k) - whole)

    seen = chance(x1) * (1.0 + 1e-7)
    return min(1.0, math.fsum(p for k in range(max(0, events - n2), min(n1, events) + 1) if (p := chance(k)) <= seen))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def same_means(
    values: Floats, groups: Sequence[str], clusters: Sequence[str] | None = None, *, draws: int = DRAWS, seed: int = 0
) -> float:
    """p-value for "group does not matter" by permutation of Pearson's chi-square (for scores: of the variance between
    groups), with the observed arrangement counted in (Phipson and Smyth 2010).

    Without clusters all labels are dealt anew. A cluster within one group keeps its cases together and changes its
    label with other such clusters; in a cluster over several groups labels are dealt inside it. 1 for one group alone.
    Raises ValueError for shapes that differ.
    """
    if len(values) != len(groups) or (clusters is not None and len(clusters) != len(values)):
        raise ValueError("values, groups and clusters have one entry for each case")
    names, codes = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < 2 or float(np.ptp(values)) == 0.0:
        return 1.0
    centred = values - values.mean()
    seen = _between(centred, codes, len(names))
    rng = np.random.default_rng(seed)
    dealt = _dealt(codes, clusters, draws, rng)
    hits = sum(_between(centred, one, len(names)) >= seen * (1.0 - 1e-12) for one in dealt)
    return (hits + 1) / (draws + 1)


def _between(centred: Floats, codes: Codes, count: int) -> float:
    sums = np.bincount(codes, weights=centred, minlength=count)
    return float((sums**2 / np.maximum(np.bincount(codes, minlength=count), 1)).sum())


def _dealt(codes: Codes, clusters: Sequence[str] | None, draws: int, rng: np.random.Generator) -> Iterator[Codes]:
    if clusters is None or len(set(clusters)) == len(codes):
        for _ in range(draws):
            yield rng.permutation(codes)
        return
    _, cluster = np.unique(np.asarray(clusters), return_inverse=True)
    count = int(cluster.max()) + 1
    first = np.zeros(count, dtype=np.intp)
    first[cluster] = codes
    mixed = np.zeros(count, dtype=bool)
    np.logical_or.at(mixed, cluster, codes != first[cluster])
    pure, inside = np.flatnonzero(~mixed), mixed[cluster]
    order = np.lexsort((np.zeros(len(codes)), cluster))
    for _ in range(draws):
        labels = first.copy()
        labels[pure] = rng.permutation(first[pure])
        made = labels[cluster]
        shuffled = np.lexsort((rng.random(len(codes)), cluster))
        within = np.empty_like(codes)
        within[order] = codes[shuffled]
        yield np.where(inside, within, made)
