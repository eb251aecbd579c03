"""Reading one JSON object field by field; whatever is wrong is noted with its path, and reading goes on."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from assay.golden.problems import Problem, key_path


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
