"""Values to stand where redaction took one out, so that what was kept without its content can be judged again."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from assay.detect.registry import RULES
from assay.detect.rules import unmarked


@lru_cache(maxsize=1)
def _samples() -> dict[str, str]:
    """An example of each rule, with the words around it that the rule asks for."""
    found: dict[str, str] = {}
    for rule in RULES:
        if rule.found:
            found.setdefault(rule.rule_id, unmarked(rule.found[0])[0])
    return found


@lru_cache(maxsize=1)
def _mark() -> Any:
    import re2

    return re2.compile(r"\[([a-z][a-z0-9_]{1,63})\]")


def restored(text: str) -> str:
    """The text with a published example in the place of each mark such as `[card]`; marks of no rule stay."""
    samples = _samples()
    parts, last = [], 0
    for found in _mark().finditer(text):
        if found.group(1) in samples:
            parts += [text[last : found.start()], samples[found.group(1)]]
            last = found.end()
    return "".join((*parts, text[last:]))
