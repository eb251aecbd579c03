"""Counts of terms are counts of chunks."""

from __future__ import annotations

from assay.adapters.remote_index.terms import TermCounts


def test_a_term_is_counted_once_for_each_chunk_whatever_it_weighs() -> None:
    """Chunks come as their weights or as their ids; each counts one, and going out takes one away."""
    heavy, light = {7: 2.2, 9: 1.9}, {7: 0.4}
    change = TermCounts.change([heavy, light], [])
    assert (change.of(7), change.of(9), change.of(8)) == (2, 1, 0)
    after = TermCounts.total([change, TermCounts.change([], [(7, 9)])])
    assert (after.of(7), after.of(9)) == (1, 0)
