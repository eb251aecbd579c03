"""A follow-up question with the words of the turns it leans on."""

from __future__ import annotations

from collections.abc import Sequence


def contextual(text: str, history: Sequence[str], turns: int) -> str:
    """The question, after at most `turns` of the turns before it."""
    if turns < 1 or not history:
        return text
    return "\n".join((*history[-turns:], text))
