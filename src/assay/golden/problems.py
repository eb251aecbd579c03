"""What is wrong with a file of cases, every problem with its line and JSON path; and what to look at in a set."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assay.records.errors import InputError

SHOWN = 30
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_ .-]{0,39}")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, never quoting what was written. `line` counts from 1; 0 is the file as a whole."""

    line: int
    path: str
    code: str
    what: str

    def __str__(self) -> str:
        where = f"line {self.line}: {self.path}" if self.line else self.path
        return f"{where}: {self.what} [{self.code}]"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at. `severity` is `error` (judging by this case, or set, misleads), `warning` or `info`.

    `case_id` is empty for the set as a whole; `where` is a path in the case; `detail` never quotes a text.
    """

    severity: str
    code: str
    case_id: str
    where: str
    detail: str


class BadCases(InputError):
    """Nothing was imported. `problems` holds all of them, in the order of the file."""

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        shown = "\n".join(f"  {problem}" for problem in self.problems[:SHOWN])
        more = len(self.problems) - SHOWN
        listed = f"{shown}\n  and {more} more" if more > 0 else shown
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__(
            "golden.invalid", f"{count}, and nothing was imported\n{listed}", where=name,
            remedy="correct these lines and import the file again",
        )  # fmt: skip


def key_path(key: str) -> str:
    """The step to a key; a key that is no ordinary name is not repeated."""
    return f".{key}" if _NAME.fullmatch(key) else ".?"
