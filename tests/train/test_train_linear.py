"""Fitting: the loss, its gradient, where it is least, and what a strong ridge leaves."""

from __future__ import annotations

import numpy as np
import pytest
from train_examples import planted

from assay.retrieve.features import FEATURES
from assay.retrieve.linear_ranker import LinearRanker
from assay.train import linear
from assay.train.linear import fit, minimum


def test_the_minimum_of_a_known_function_is_found() -> None:
    """Rosenbrock's function is least at (1, 1), and starting anywhere sensible leads there."""

    def rosenbrock(at: np.ndarray) -> tuple[float, np.ndarray]:
        x, y = at
        return (1 - x) ** 2 + 100 * (y - x * x) ** 2, np.array(
            [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)]
        )

    assert minimum(rosenbrock, np.array([-1.2, 1.0])) == pytest.approx([1.0, 1.0], abs=1e-3)


def test_the_gradient_is_that_of_the_loss() -> None:
    """Central differences agree with the slope in every direction."""
    stack = linear._stacked(planted(6))
    assert stack is not None
    x = stack.x[:, :, :5]
    at = np.random.default_rng(1).normal(size=5)
    _, slope = linear._loss(stack, x, at, 0.1)
    for column in range(5):
        step = np.zeros(5)
        step[column] = 1e-6
        rise = linear._loss(stack, x, at + step, 0.1)[0] - linear._loss(stack, x, at - step, 0.1)[0]
        assert slope[column] == pytest.approx(rise / 2e-6, abs=1e-5)


def test_a_planted_signal_is_learned_and_brings_the_right_candidate_first() -> None:
    """The one feature that tells right from wrong gets the largest weight, on questions never seen as well."""
    weights = fit(planted(120), 0.03)
    assert max(weights, key=lambda name: abs(weights[name])) == "coverage"
    fresh = planted(60, seed=9)
    found = [one.ndcg(LinearRanker(weights).scores(one.features)) for one in fresh]
    assert np.mean(found) > 0.9


def test_a_very_strong_ridge_gives_plain_fusion() -> None:
    """Nothing is learned when learning is forbidden: the correction goes to zero and the order stays."""
    weights = fit(planted(60), 1e6)
    assert max(map(abs, weights.values())) < 1e-3
    for one in planted(20, seed=3):
        plain = one.features[:, FEATURES.index("fused")]
        assert np.array_equal(np.argsort(-LinearRanker(weights).scores(one.features)), np.argsort(-plain))


def test_without_evidence_in_any_pool_nothing_is_learned() -> None:
    """No positive, no weights, no error."""
    from dataclasses import replace

    assert fit([replace(one, evidence=()) for one in planted(5)], 0.1) == {}
    assert fit([], 0.1) == {}


def test_a_feature_that_never_varies_gets_no_weight() -> None:
    """Such a feature cannot change an order, and dividing by its spread would not be finite."""
    from dataclasses import replace

    made = []
    for one in planted(30):
        features = one.features.copy()
        features[:, FEATURES.index("freshness")] = 4.0
        made.append(replace(one, features=features))
    assert "freshness" not in fit(made, 0.1)
