"""How long a text may be before anything looks at what it says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TextLimits:
    """`max_chars` counts code points of the whole text; `max_word` those between white space; `max_run` one repeated
    character."""

    max_chars: int = 4000
    max_word: int = 1000
    max_run: int = 256


def exceeded(text: str, limits: TextLimits) -> str:
    """The name of the first limit that `text` breaks: `empty`, `too_long`, `long_word` or `long_run`; empty for none.

    Time is linear in `max_chars`, not in the text.
    """
    if len(text) > limits.max_chars:
        return "too_long"
    if not text.strip():
        return "empty"
    if any(len(word) > limits.max_word for word in text.split()):
        return "long_word"
    return "long_run" if _longest_run(text, limits.max_run) > limits.max_run else ""


def _longest_run(text: str, enough: int) -> int:
    longest, length, last = 0, 0, ""
    for sign in text:
        length = length + 1 if sign == last else 1
        last = sign
        if length > longest:
            longest = length
            if longest > enough:
                break
    return longest
