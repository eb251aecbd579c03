"""Whether a gold answer stands word for word in cited text: the strictest rule, for answers that are spans."""

from __future__ import annotations

from assay.text.normalise import comparable
from assay.text.tokens import words


def answer_stands(answer: str, quoted: str) -> bool:
    """True when the answer's words stand in the text in one piece, as whole words."""
    wanted = words(comparable(answer))
    if not wanted:
        return bool(comparable(answer)) and comparable(answer) in comparable(quoted)
    return f" {' '.join(wanted)} " in f" {' '.join(words(comparable(quoted)))} "
