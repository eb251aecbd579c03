"""Reading one JSON object field by field; whatever is wrong is noted with its path, and reading goes on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from assay.golden.problems import Problem, key_path

DEEPEST = 50
"""Objects and lists in one another; what `json` can read may nest deeper than can be written."""


@dataclass(frozen=True, slots=True)
class Fields:
    """An object at `path` in line `line`. A field that is wrong reads as empty, and adds to `problems`."""

    value: dict[str, Any]
    line: int
    path: str
    problems: list[Problem]

    def report(self, key: str, code: str, what: str) -> None:
        self.problems.append(Problem(self.line, self.path + key_path(key), code, what))

    def only(self, known: AbstractSet[str]) -> None:
        """Note every key that is not in `known`."""
        for key in self.value:
            if key not in known:
                self.report(key, "golden.unknown_key", f"unknown key; known are {', '.join(sorted(known))}")

    def has(self, key: str) -> bool:
        return self.value.get(key) is not None

    def is_object(self, key: str) -> bool:
        return isinstance(self.value.get(key), dict)

    def all_texts(self, key: str) -> bool:
        value = self.value.get(key)
        return isinstance(value, list) and all(isinstance(item, str) for item in value)

    def text(self, key: str, *, required: bool = False) -> str:
        """A text as it was written; empty when it is absent. A required one must not be blank."""
        value = self.value.get(key)
        if value is None:
            if required:
                self.report(key, "golden.missing", "is missing")
            return ""
        if not self._is_text(value, key):
            return ""
        if required and not value.strip():
            code = "golden.empty_question" if key == "question" else "golden.empty_text"
            self.report(key, code, "is empty")
        return str(value)

    def texts(self, key: str, *, one_is_enough: bool = False) -> tuple[str, ...]:
        """A list of texts, none of them blank; with `one_is_enough`, a text alone stands for a list of one."""
        value = self.value.get(key)
        if value is None:
            return ()
        if one_is_enough and isinstance(value, str):
            value = [value]
        if not isinstance(value, list):
            self.report(key, "golden.wrong_type", "must be a list of texts")
            return ()
        return tuple(item for at, item in enumerate(value) if self._is_full_text(item, f"{key}[{at}]"))

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.value.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.report(key, "golden.wrong_type", "must be true or false")
            return default
        return value

    def count(self, key: str, *, default: int) -> int:
        """A whole number of at least 1."""
        value = self.value.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            self.report(key, "golden.wrong_type", "must be a whole number of at least 1")
            return default
        return value

    def whole(self, key: str) -> int | None:
        """A whole number of at least 0, which must be there; None when it is not."""
        value = self.value.get(key)
        if value is None:
            self.report(key, "golden.missing", "is missing")
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.report(key, "golden.wrong_type", "must be a whole number of at least 0")
            return None
        return value

    def amount(self, key: str) -> float:
        """A finite number of at least 0; 0 when it is absent."""
        value = self.value.get(key)
        if value is None:
            return 0.0
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
            self.report(key, "golden.wrong_type", "must be a number of at least 0")
            return 0.0
        return float(value)

    def json_object(self, key: str) -> dict[str, Any]:
        """An object of any JSON values, all of which can be written back: finite numbers, whole characters."""
        value = self.value.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.report(key, "golden.wrong_type", "must be an object")
            return {}
        return value if self._is_writable(value, key) else {}

    def object(self, key: str) -> Fields | None:
        """One object; None when it is absent or none."""
        value = self.value.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.report(key, "golden.wrong_type", "must be an object")
            return None
        return Fields(value, self.line, self.path + key_path(key), self.problems)

    def texts_or_objects(self, key: str) -> Iterator[str | Fields]:
        """The members of a list of texts that are not blank, and of objects."""
        value = self.value.get(key)
        if value is None:
            return
        if not isinstance(value, list):
            self.report(key, "golden.wrong_type", "must be a list of texts or objects")
            return
        for at, item in enumerate(value):
            if isinstance(item, dict):
                yield Fields(item, self.line, f"{self.path}{key_path(key)}[{at}]", self.problems)
            elif self._is_full_text(item, f"{key}[{at}]"):
                yield item

    def named_texts(self, key: str) -> dict[str, str]:
        """An object whose values are texts."""
        value = self.value.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.report(key, "golden.wrong_type", "must be an object of texts")
            return {}
        inner = Fields(value, self.line, self.path + key_path(key), self.problems)
        return {name: text for name, text in value.items() if inner._is_text(name, "?") and inner._is_text(text, name)}

    def objects(self, key: str) -> Iterator[Fields]:
        """The objects of a list."""
        value = self.value.get(key)
        if value is None:
            return
        if not isinstance(value, list):
            self.report(key, "golden.wrong_type", "must be a list of objects")
            return
        for at, item in enumerate(value):
            path = f"{self.path}{key_path(key)}[{at}]"
            if isinstance(item, dict):
                yield Fields(item, self.line, path, self.problems)
            else:
                self.problems.append(Problem(self.line, path, "golden.wrong_type", "must be an object"))

    def _is_writable(self, value: Any, key: str) -> bool:
        waiting = [(value, 0)]
        while waiting:
            item, depth = waiting.pop()
            if depth > DEEPEST:
                self.report(key, "golden.wrong_type", f"nests more than {DEEPEST} deep")
                return False
            if isinstance(item, dict):
                waiting.extend((inner, depth + 1) for pair in item.items() for inner in pair)
            elif isinstance(item, list):
                waiting.extend((inner, depth + 1) for inner in item)
            elif isinstance(item, float) and not math.isfinite(item):
                self.report(key, "golden.wrong_type", "holds a number that is too large")
                return False
            elif isinstance(item, str) and not self._is_text(item, key):
                return False
        return True

    def _is_full_text(self, value: Any, step: str) -> bool:
        if self._is_text(value, step) and not value.strip():
            self._note(step, "golden.empty_text", "is empty")
            return False
        return isinstance(value, str)

    def _is_text(self, value: Any, step: str) -> bool:
        if not isinstance(value, str):
            self._note(step, "golden.wrong_type", "must be a text")
            return False
        try:
            value.encode()
        except UnicodeEncodeError:
            self._note(step, "golden.not_unicode", "holds half of a surrogate pair")
            return False
        return True

    def _note(self, step: str, code: str, what: str) -> None:
        key, bracket, rest = step.partition("[")
        self.problems.append(Problem(self.line, f"{self.path}{key_path(key)}{bracket}{rest}", code, what))
