"""Word lists, written as running text and read as sets."""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    """The words of a list that is separated by white space."""
    return frozenset(text.split())
