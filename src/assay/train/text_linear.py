"""Weights of a linear text signal by regularised logistic regression over hashed n-grams, and their calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.detect.signals.grams import buckets
from assay.detect.signals.groups import without_groups
from assay.detect.signals.seen import see, windows
from assay.train.linear import minimum

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Windows as sparse rows: those of row i are `columns[ends[i-1]:ends[i]]`, each with the value `values[i]`;
    `texts[i]` is the number of the text that it is a window of."""

    columns: NDArray[np.int32]
    starts: NDArray[np.int64]
    values: Floats
    texts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts)

    def only(self, chosen: NDArray[np.bool_]) -> Rows:
        """The rows for which `chosen` is true, in order; they keep the numbers of their texts."""
        lengths = _lengths(self)
        kept = lengths[chosen]
        columns = self.columns[np.repeat(chosen, lengths)]
        return Rows(columns, np.cumsum(kept) - kept, self.values[chosen], self.texts[chosen])


def rows_of(texts: Sequence[str], bits: int, *, folds_groups: bool = False) -> Rows:
    """The windows of texts as the signal cuts them; a window without any n-gram is left out."""
    columns, sizes, of = [], [], []
    for number, text in enumerate(texts):
        codes = see(text).codes
        for start, end in windows(len(codes)):
            window = codes[start:end]
            found = buckets(without_groups(window) if folds_groups else window, bits)
            columns.append(found.astype(np.int32))
            sizes.append(len(found))
            of.append(number)
    counts = np.array(sizes, dtype=np.int64)
    return Rows(
        np.concatenate(columns) if columns else np.empty(0, dtype=np.int32),
        np.cumsum(counts) - counts, 1.0 / np.sqrt(counts), np.array(of, dtype=np.int64),
    )  # fmt: skip


def margins(rows: Rows, weights: Floats, bias: float) -> Floats:
    """The margin of each window: bias plus the sum of the weights of its buckets over the root of their number."""
    if not len(rows):
        return np.empty(0)
    return np.add.reduceat(weights[rows.columns], rows.starts) * rows.values + bias


def fit(
    rows: Rows, positive: NDArray[np.bool_], importance: Floats, bits: int, ridge: float, *, by_ratio: bool = False
) -> tuple[Floats, float]:
    """Weights (2^bits,) and bias with the least mean logistic loss plus `ridge` times the squared weights.

    `positive` and `importance` have one entry per window. With `by_ratio` a weight is cheap where its bucket tells the
    classes apart: it is penalised after division by `ratios` (Wang and Manning 2012). Deterministic: L-BFGS from zero.
    """
    share = importance / importance.sum()
    signs = np.where(positive, 1.0, -1.0)
    scale = ratios(rows, positive, share, bits) if by_ratio else np.ones(1 << bits)

    def loss(at: Floats) -> tuple[float, Floats]:
        scaled, bias = at[:-1], float(at[-1])
        margin = signs * margins(rows, scaled * scale, bias)
        value = float(share @ np.logaddexp(0.0, -margin)) + ridge * float(scaled @ scaled)
        slope = -share * signs / (1.0 + np.exp(np.minimum(margin, 500.0)))
        whole = _summed(rows, slope * rows.values, bits) * scale + 2.0 * ridge * scaled
        return value, np.append(whole, slope.sum())

    found = minimum(loss, np.zeros((1 << bits) + 1))
    return found[:-1] * scale, float(found[-1])


def ratios(rows: Rows, positive: NDArray[np.bool_], share: Floats, bits: int) -> Floats:
    """How far each bucket is more frequent in one class than in the other: the size of the logarithm of the ratio of
    its shares, each count raised by one, over the mean of the buckets that are seen. Shape (2^bits,)."""
    for_, against = (1.0 + _summed(rows, share * chosen, bits) * len(rows) for chosen in (positive, ~positive))
    found: Floats = np.abs(np.log((for_ / for_.sum()) / (against / against.sum())))
    seen = found[for_ + against > 4.0]
    return found / (seen.mean() if len(seen) and seen.mean() > 0 else 1.0)


def _summed(rows: Rows, each: Floats, bits: int) -> Floats:
    """For each bucket the sum of `each` over the rows that hold it; shape (2^bits,)."""
    found = np.bincount(rows.columns, weights=np.repeat(each, _lengths(rows)), minlength=1 << bits)
    return found.astype(np.float64)


def _lengths(rows: Rows) -> NDArray[np.int64]:
    return np.diff(np.append(rows.starts, len(rows.columns)))


def highest(rows: Rows, margin: Floats, count: int) -> Floats:
    """The highest margin among the windows of each of `count` texts; -inf for a text without any."""
    found = np.full(count, -np.inf)
    np.maximum.at(found, rows.texts, margin)
    return found


def calibrated(margin: Floats, positive: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset of Platt's sigmoid (Platt 1999, with his smoothed targets), both classes weighing the same."""
    good, bad = int(positive.sum()), int((~positive).sum())
    target = np.where(positive, (good + 1.0) / (good + 2.0), 1.0 / (bad + 2.0))
    share = np.where(positive, 0.5 / good, 0.5 / bad)

    def loss(at: Floats) -> tuple[float, Floats]:
        z = at[0] * margin + at[1]
        value = float(share @ (np.logaddexp(0.0, z) - target * z))
        slope = share * (1.0 / (1.0 + np.exp(-np.clip(z, -500, 500))) - target)
        return value, np.array([slope @ margin, slope.sum()])

    found = minimum(loss, np.array([1.0, 0.0]))
    return float(found[0]), float(found[1])
