"""Extracted fields against the gold ones, each value compared as what it is: a number, a date, a text, a list."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from assay.evaluate.measures import Value
from assay.records.dialogue import Output, Reply
from assay.records.evaluation import Unscored
from assay.records.golden import Case

TOLERANCE = 1e-6
"""Relative: numbers that differ by less are the same."""
_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_AROUND = " \t\r\n.,;:!?\"'()[]€$£¥"
_DATE_FORMS = ("%d.%m.%Y", "%d %B %Y", "%B %d, %Y", "%d %b %Y", "%b %d, %Y", "%Y/%m/%d")
"""Forms that can be read in one way only; 01/02/2026 is not among them."""


def gold_fields(case: Case, _reply: Reply) -> str:
    return "" if case.expected.fields else "no_gold_fields"


def said_fields(reply: Reply) -> Mapping[str, Any]:
    return (reply.output or Output()).fields


def agreement(gold: Any, said: Any) -> float:
    """How far two JSON values agree, 0 to 1. Numbers within TOLERANCE, dates by their day, texts without case and outer
    punctuation; lists by F1 over their items in any order, objects by F1 over their keys. None agrees with None only.
    """
    if gold is None or said is None:
        return float(gold is said)
    if isinstance(gold, bool) or isinstance(said, bool):
        return float(gold is said)
    if isinstance(gold, Mapping):
        return _objects(gold, said) if isinstance(said, Mapping) else 0.0
    if isinstance(gold, list | tuple):
        return _lists(list(gold), list(said) if isinstance(said, list | tuple) else [said])
    if isinstance(said, list | tuple | Mapping):
        return 0.0
    return float(_same_scalar(gold, said))


def _same_scalar(gold: Any, said: Any) -> bool:
    a, b = _number(gold), _number(said)
    if a is not None and b is not None:
        return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=1e-12)
    one, other = _day(gold), _day(said)
    if one is not None and other is not None:
        return one == other
    return _plain(gold) == _plain(said)


def _number(value: Any) -> float | None:
    if isinstance(value, int | float):
        return float(value)
    text = str(value).strip(_AROUND)
    return float(text.replace(",", "")) if _NUMBER.fullmatch(text) else None


def _day(value: Any) -> date | None:
    text = " ".join(str(value).split())
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        pass  # the other forms follow
    for form in _DATE_FORMS:
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    return None


def _plain(value: Any) -> str:
    return " ".join(unicodedata.normalize("NFKC", str(value)).casefold().split()).strip(_AROUND)


def _lists(gold: list[Any], said: list[Any]) -> float:
    if not gold and not said:
        return 1.0
    left, found = list(said), 0.0
    for item in gold:
        scores = [agreement(item, other) for other in left]
        best = max(range(len(left)), key=lambda i: scores[i], default=-1)
        if best >= 0 and scores[best] > 0.0:
            found += scores[best]
            left.pop(best)
    return 2 * found / (len(gold) + len(said))


def _objects(gold: Mapping[str, Any], said: Mapping[str, Any]) -> float:
    right, wanted, given = field_counts(gold, said, said.keys())
    return 2 * right / (wanted + given) if wanted + given else 1.0


def field_counts(
    gold: Mapping[str, Any], said: Mapping[str, Any], names: Any = None
) -> tuple[float, int, int]:  # fmt: skip
    """What is right, what is wanted and what was given, over the gold fields (or `names` and them). A gold None is
    wanted by nobody: giving it is wrong."""
    keys = set(gold) | set(names or ())
    right = sum(agreement(gold[k], said[k]) for k in gold if gold[k] is not None and said.get(k) is not None)
    wanted = sum(gold[k] is not None for k in gold)
    given = sum(said.get(k) is not None for k in keys)
    return right, wanted, given


def fields_f1(case: Case, reply: Reply) -> float:
    """F1 over the fields that the case speaks of, 0 to 1; others that were given do not count."""
    right, wanted, given = field_counts(case.expected.fields, said_fields(reply))
    return 2 * right / (wanted + given) if wanted + given else 1.0


def fields_exact(case: Case, reply: Reply) -> float:
    """1 when every field that the case speaks of is right, and those that must be left out were."""
    said = said_fields(reply)
    return float(all(agreement(value, said.get(name)) == 1.0 for name, value in case.expected.fields.items()))


def field_named(name: str) -> Value:
    """How far one field agrees, 0 to 1."""

    def value(case: Case, reply: Reply) -> float | Unscored:
        if name not in case.expected.fields:
            return Unscored("no_gold_field")
        return agreement(case.expected.fields[name], said_fields(reply).get(name))

    return value
