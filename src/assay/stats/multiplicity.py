"""Adjusted p-values for many questions: Holm to block, Benjamini-Hochberg to alert."""

from __future__ import annotations

from collections.abc import Sequence


def _order(p_values: Sequence[float]) -> list[int]:
    if any(not 0.0 <= p <= 1.0 for p in p_values):
        raise ValueError("p-values lie between 0 and 1")
    return sorted(range(len(p_values)), key=lambda index: p_values[index])


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values, in the order given, that keep the chance of any false claim at alpha (Holm 1979)."""
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(_order(p_values)):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return tuple(adjusted)


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values, in the order given, that keep the expected share of false claims at alpha (BH 1995)."""
    adjusted = [0.0] * len(p_values)
    running = 1.0
    for rank, index in reversed(list(enumerate(_order(p_values), start=1))):
        running = min(running, p_values[index] * len(p_values) / rank)
        adjusted[index] = running
    return tuple(adjusted)
