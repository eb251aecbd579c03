"""Inputs that are objects: which of their fields is the question, and ids for inputs that were given none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.adapters.imports.rows import text_of
from assay.records.digest import sha256_json
from assay.records.errors import InputError

_ASKS = ("question", "query", "input", "prompt", "problem", "instruction", "text", "message", "goal", "ctx", "sentence")
_SAYS = ("answer", "output", "expected", "target", "response", "reference", "label", "text", "content")


def question_of(value: Any) -> str:
    """The text of an input: itself, the only field, the field that is named like a question, or all as JSON."""
    return _chosen(value, _ASKS)


def answer_of(value: Any) -> str:
    """The text of an output or a reference, likewise."""
    return _chosen(value, _SAYS)


def _chosen(value: Any, names: tuple[str, ...]) -> str:
    if isinstance(value, Mapping):
        if len(value) == 1:
            return text_of(next(iter(value.values())))
        for name in names:
            if isinstance(value.get(name), str):
                return str(value[name])
    return text_of(value)


@dataclass
class Repeats:
    """Ids for inputs by their content, and the number of each further reply to one."""

    _seen: Counter[str] = field(default_factory=Counter)

    def of_content(self, content: Any) -> tuple[str, int]:
        """An id that is the same in every log that asks the same, and which reply to it this is."""
        try:
            case_id = f"case-{sha256_json(content)[:12]}"
        except (ValueError, UnicodeEncodeError):  # NaN, or half a surrogate pair, which have no canonical form
            raise InputError("import.bad_input", "an input holds a value that JSON does not know") from None
        return case_id, self.next(case_id)

    def next(self, case_id: str) -> int:
        self._seen[case_id] += 1
        return self._seen[case_id] - 1


def whole(value: Any, default: int = 0) -> int:
    """A whole number, also from the text of a CSV cell; `default` for what is none."""
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        return default


def positive(value: Any) -> float | None:
    """A finite number of at least 0, also from text; None for what is none."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if 0.0 <= found < float("inf") else None


def count(value: Any) -> int | None:
    """A number of tokens, None where it is not known."""
    found = positive(value)
    return None if found is None else int(found)
