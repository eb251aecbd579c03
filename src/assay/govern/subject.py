"""Where a person is named in a text: exact spans, compared as `assay forget` compares."""

from __future__ import annotations

import re
from collections.abc import Iterable

from assay.govern.forget_marks import words

_TOKEN = re.compile(r"[^\W_]+")


def spans(text: str, subjects: Iterable[str]) -> tuple[tuple[int, int], ...]:
    """`(start, end)` in characters of every place where one of the subjects stands, in order. A subject that an
    invisible character divides inside a word is found by its marks (`forget_marks`) and has no span."""
    tokens = [(match.start(), match.end(), word) for match in _TOKEN.finditer(text) for word in words(match.group())]
    found: set[tuple[int, int]] = set()
    for subject in subjects:
        wanted = words(subject)
        for at in range(len(tokens) - len(wanted) + 1):
            if wanted and [word for _, _, word in tokens[at : at + len(wanted)]] == wanted:
                found.add((tokens[at][0], tokens[at + len(wanted) - 1][1]))
    return tuple(sorted(found))
