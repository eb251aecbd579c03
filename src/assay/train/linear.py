"""Weights of a linear ranker by regularised maximum likelihood, as a correction to the fused score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.retrieve.features import FEATURES
from assay.retrieve.linear_ranker import BASE_WEIGHT
from assay.train.examples import Example

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Loss = Callable[[Floats], tuple[float, Floats]]

_STEPS = 150
_REMEMBERED_STEPS = 10
_TRIED_STEPS = 40
_FLAT = 1e-9
_SMALL_GAIN = 1e-7


@dataclass(frozen=True, slots=True)
class _Stack:
    """Examples side by side: `x` (questions, pool, features), centred within each question; `base` and `real` have
    shape (questions, pool); a piece of evidence is a row of `carried` (pieces, pool), its question and its weight."""

    x: Floats
    base: Floats
    real: NDArray[np.bool_]
    carried: NDArray[np.bool_]
    question: NDArray[np.int64]
    weight: Floats


def fit(examples: Sequence[Example], ridge: float) -> dict[str, float]:
    """Weights by feature name, in units of the features.

    Each piece of evidence should be carried by a likely candidate: the loss is -Σ grade · log Σ p(candidate) over the
    candidates that carry it, with p a softmax over the pool (ListNet, Cao et al. 2007; the sum stands inside the
    logarithm because one chunk of a document is enough), plus `ridge` times the squared weights of the standardised
    features. The fused score stands outside the penalty, so that a strong ridge gives plain fusion. Features that never
    vary get no weight. Examples without evidence in their pool teach nothing; without any other, there are no weights.
    """
    stack = _stacked([example for example in examples if example.evidence])
    if stack is None:
        return {}
    scale = np.sqrt((stack.x[stack.real] ** 2).mean(axis=0))
    varied = np.flatnonzero(scale > _FLAT)
    x = stack.x[:, :, varied] / scale[varied]

    def loss(weights: Floats) -> tuple[float, Floats]:
        return _loss(stack, x, weights, ridge)

    found = minimum(loss, np.zeros(len(varied))) / scale[varied]
    return {FEATURES[column]: float(value) for column, value in zip(varied, found, strict=True)}


def _stacked(examples: Sequence[Example]) -> _Stack | None:
    if not examples:
        return None
    pool = max(len(example.features) for example in examples)
    x = np.zeros((len(examples), pool, len(FEATURES)))
    base, real = np.zeros((len(examples), pool)), np.zeros((len(examples), pool), dtype=bool)
    carried, question, weight = [], [], []
    for row, example in enumerate(examples):
        size = len(example.features)
        x[row, :size] = example.features - example.features.mean(axis=0)
        base[row, :size] = BASE_WEIGHT * example.features[:, FEATURES.index("fused")]
        real[row, :size] = True
        whole = sum(grade for grade, _ in example.evidence)
        for grade, rows in example.evidence:
            carried.append(np.zeros(pool, dtype=bool))
            carried[-1][:size] = rows
            question.append(row)
            weight.append(grade / whole)
    return _Stack(x, base, real, np.array(carried), np.array(question), np.array(weight))


def _loss(stack: _Stack, x: Floats, weights: Floats, ridge: float) -> tuple[float, Floats]:
    scores = np.where(stack.real, stack.base + x @ weights, -np.inf)
    exponents = np.exp(scores - scores.max(axis=1, keepdims=True))
    likely = exponents / exponents.sum(axis=1, keepdims=True)
    shares = np.where(stack.carried, likely[stack.question], 0.0)
    whole = np.maximum(shares.sum(axis=1), 1e-300)
    slope = likely.copy()
    np.subtract.at(slope, stack.question, shares * (stack.weight / whole)[:, None])
    count = len(x)
    value = -float(stack.weight @ np.log(whole)) / count + ridge * float(weights @ weights)
    return value, slope.ravel() @ x.reshape(-1, x.shape[2]) / count + 2.0 * ridge * weights


def minimum(loss: Loss, start: Floats) -> Floats:
    """Where a smooth function is least, by L-BFGS (Liu and Nocedal 1989). Deterministic.

    `loss` returns the value and its gradient; shape of the result is that of `start`.
    """
    at = start
    value, slope = loss(at)
    moves: list[tuple[Floats, Floats]] = []
    for _ in range(_STEPS):
        direction = -_curved(slope, moves)
        if float(direction @ slope) > -1e-12:
            break
        there, lower, new_slope = _along(loss, at, value, slope, direction)
        if lower >= value:
            break
        move, turn = there - at, new_slope - slope
        if float(move @ turn) > 1e-12:
            moves = [*moves[-(_REMEMBERED_STEPS - 1) :], (move, turn)]
        done = value - lower < _SMALL_GAIN * max(1.0, abs(value))
        at, value, slope = there, lower, new_slope
        if done:
            break
    return at


def _along(loss: Loss, at: Floats, value: float, slope: Floats, direction: Floats) -> tuple[Floats, float, Floats]:
    """A step that lowers the value enough and is not too short (weak Wolfe conditions), by bisection; the place, the
    value and the slope there. Source: Lewis and Overton, "Nonsmooth optimization via quasi-Newton methods", 2013."""
    descent = float(direction @ slope)
    low, high, step = 0.0, np.inf, 1.0
    there, lower, new_slope = at, value, slope
    for _ in range(_TRIED_STEPS):
        there = at + step * direction
        lower, new_slope = loss(there)
        if lower > value + 1e-4 * step * descent:
            high = step
        elif float(direction @ new_slope) < 0.9 * descent:
            low = step
        else:
            break
        step = (low + high) / 2.0 if np.isfinite(high) else 2.0 * step
    return there, lower, new_slope


def _curved(slope: Floats, moves: Sequence[tuple[Floats, Floats]]) -> Floats:
    """The slope times an estimate of the inverse curvature, from the last moves (two-loop recursion)."""
    found = slope.copy()
    shares: list[float] = []
    for move, turn in reversed(moves):
        share = float(move @ found) / float(move @ turn)
        shares.append(share)
        found -= share * turn
    if moves:
        move, turn = moves[-1]
        found *= float(move @ turn) / float(turn @ turn)
    for (move, turn), share in zip(moves, reversed(shares), strict=True):
        found += (share - float(turn @ found) / float(move @ turn)) * move
    return found
