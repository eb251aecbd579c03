"""Intervals cover what they promise: small seeded simulations of the settings in which common tools fail."""

import numpy as np
import pytest

from assay.records.evaluation import MetricKind
from assay.stats.effect import paired_effect
from assay.stats.mean import mean_interval


def test_cluster_t_covers_where_the_naive_interval_does_not() -> None:
    """Thirty documents of ten questions with a document effect: nominal 95 % covers, naive does about three in four."""
    rng = np.random.default_rng(11)
    labels = np.repeat(np.arange(30), 10)
    naive = robust = 0
    for _ in range(400):
        logits = rng.normal(0, 1.3, 30)[labels] + 1.0
        values = (rng.random(300) < 1 / (1 + np.exp(-logits))).astype(float)
        inside = [
            interval.low <= 0.6809 <= interval.high
            for interval in (mean_interval(values), mean_interval(values, labels))
        ]
        naive, robust = naive + inside[0], robust + inside[1]
    assert naive / 400 < 0.82
    assert 0.92 <= robust / 400 <= 0.98


@pytest.mark.parametrize(("cases", "discordance"), [(100, 0.06), (300, 0.03), (50, 0.12)])
def test_a_difference_exactly_on_the_margin_is_called_harm_at_most_at_alpha(cases: int, discordance: float) -> None:
    rng = np.random.default_rng(13)
    claimed, runs = 0, 1000
    for _ in range(runs):
        draw = rng.random(cases)
        won, lost = draw < (discordance - 0.03) / 2, draw > 1 - (discordance + 0.03) / 2
        effect = paired_effect(MetricKind.BINARY, np.where(won, 0.0, 1.0), np.where(lost, 0.0, 1.0))
        claimed += effect.p_beyond(-0.03, below=True) <= 0.05
    assert claimed / runs <= 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5


@pytest.mark.parametrize(("clusters", "size", "discordance"), [(200, 1, 0.05), (80, 3, 0.06), (30, 5, 0.12)])
def test_a_difference_exactly_on_the_margin_is_shipped_at_most_at_alpha(
    clusters: int, size: int, discordance: float
) -> None:
    rng = np.random.default_rng(12)
    labels = np.repeat(np.arange(clusters), size)
    shipped, runs = 0, 400
    for _ in range(runs):
        draw = np.where(rng.random(len(labels)) < 0.3, rng.random(clusters)[labels], rng.random(len(labels)))
        won, lost = draw < (discordance - 0.03) / 2, draw > 1 - (discordance + 0.03) / 2
        baseline, candidate = np.where(won, 0.0, 1.0), np.where(lost, 0.0, 1.0)
        shipped += paired_effect(MetricKind.BINARY, baseline, candidate, labels).interval(0.9).low > -0.03
    assert shipped / runs <= 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5
