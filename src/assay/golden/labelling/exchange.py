"""What the exchange formats share: an item as it goes out blind, a label as it comes in, and problems told together."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.golden.labelling.shown import Shown, ShownReply
from assay.golden.problems import SHOWN, Problem
from assay.records.errors import InputError


@dataclass(frozen=True, slots=True)
class Out:
    """An item with the labels that go with it: none for people who are still to label it."""

    shown: Shown
    given: tuple[Given, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """One person's word in a file. `choice` is as it was shown, empty for a pass; `at` and `seconds` where it says."""

    item_id: str
    annotator: str
    choice: str
    at: str = ""
    seconds: float | None = None
    note: str = ""
    line: int = 0
    """Where it stands: a line of CSV, a record of JSON; from 1."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """What a file holds. `blank` counts records without any label: they are no passes, nobody has said anything."""

    given: tuple[Given, ...]
    blank: int = 0


Who = Mapping[str, str]
"""How a person is called in a file, to their pseudonym here."""


class BadLabels(InputError):
    """Nothing was imported. `problems` holds all of them, in the order of the file."""

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems[:SHOWN])
        more = len(self.problems) - SHOWN
        listed = f"{lines}\n  and {more} more" if more > 0 else lines
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__(
            "label.invalid", f"{count}, and nothing was imported\n{listed}", where=name,
            remedy="correct the file and import it again",
        )  # fmt: skip


@dataclass
class Reading:
    """Records of a JSON file, read one by one with what is wrong noted."""

    name: str
    problems: list[Problem] = field(default_factory=list)

    def records(self, data: bytes) -> list[tuple[int, dict[str, Any]]]:
        """The objects of a JSON list, or of JSON lines, numbered from 1. Raises BadLabels for what is neither."""
        try:
            text = data.decode("utf-8-sig")
            lines = text.lstrip()[:1] != "["
            values = [json.loads(line) for line in text.split("\n") if line.strip()] if lines else json.loads(text)
        except (ValueError, RecursionError):
            problem = Problem(0, "$", "label.bad_json", "is no JSON list and no lines of JSON")
            raise BadLabels(self.name, [problem]) from None
        found = []
        for number, value in enumerate(values, 1):
            if isinstance(value, dict):
                found.append((number, value))
            else:
                self.report(number, "$", "label.wrong_type", "must be an object")
        return found

    def report(self, number: int, path: str, code: str, what: str) -> None:
        self.problems.append(Problem(number, path, code, what))

    def part(self, number: int, record: Mapping[str, Any], key: str, kind: type, default: Any) -> Any:
        """A member of the kind; the default where it is absent or null, noted where it is something else."""
        value = record.get(key)
        if value is None:
            return default
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.report(number, f"$.{key}", "label.wrong_type", f"must be a {kind.__name__}")
            return default
        return value

    def done(self, given: Sequence[Given], blank: int) -> Incoming:
        """What was read. Raises BadLabels when anything is wrong."""
        if self.problems:
            raise BadLabels(self.name, self.problems)
        return Incoming(tuple(given), blank)


def texts(out: Shown) -> dict[str, str]:
    """The item as named texts: question, reply (and reply_2), passages, history, expected; only those there are."""
    found = {"question": out.question}
    if out.history:
        found["history"] = "\n".join(f"{turn.role}: {turn.content}" for turn in out.history)
    for number, reply in enumerate(out.replies, 1):
        suffix = "" if number == 1 else f"_{number}"
        found[f"reply{suffix}"] = reply.text
        if reply.passages:
            found[f"passages{suffix}"] = _passages(reply)
    if out.expected:
        found["expected"] = "\n".join(out.expected)
    return found


def _passages(reply: ShownReply) -> str:
    return "\n\n".join(
        f"[{one.number}] {one.title}{f', page {one.page}' if one.page else ''}\n"
        f"{'(withheld)' if one.withheld else one.quote}"
        for one in reply.passages
    )


Writer = Callable[[str, Sequence[Out]], str]
"""The task's name and its items to the text of a file."""
Reader = Callable[[bytes, str, Who], Incoming]
"""The bytes of a file, its name and who is who, to what it holds. Raises BadLabels."""
