"""Has a golden set leaked: its canary, its questions or its answers in a corpus, a prompt, a training set.

A canary is a random identifier that stands in every copy of the set and nowhere else; who finds it, found a copy
(Srivastava et al., "Beyond the Imitation Game", 2022). Copies that lost it are found by runs of words they share.
"""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from assay.ports.storage import Ledger
from assay.records.golden import GoldenSet
from assay.records.ledger import Entry
from assay.text.tokens import words

KIND = "golden.canary"
WARNING = "Cases of a test set: keep them out of training data, prompts and indexes."
RUN = 8
"""Words in a row that two texts do not share by chance; GPT-3 was cleaned by 13 (Brown et al., 2020), for web pages."""
LEAST = 5
"""Shorter texts may stand anywhere, and are not looked for."""
SHARE = 0.6
"""Of the runs of a text, so many must be found: a quotation of a part is no copy."""


@dataclass(frozen=True, slots=True)
class Leak:
    """`what` is `canary`, `question` or `answer`; `share` of its runs of words stand in the place called `where`."""

    where: str
    what: str
    case_id: str
    share: float


def canary_of(ledger: Ledger, name: str, at: str, stated: str = "") -> str:
    """The canary of a set, the same for all its versions; made, or taken from the file it came in, when there is
    none."""
    known = ledger.get(KIND, name, "canary")
    if known is None:
        ledger.append([Entry(KIND, name, "canary", {"guid": stated or str(uuid.uuid4())}, at)])
        known = ledger.get(KIND, name, "canary")
    return str(known.body["guid"]) if known else stated


def canary_line(guid: str) -> str:
    """The text that stands in every export."""
    return f"{WARNING} canary GUID {guid}"


class Detector:
    """Looks for one golden set in any number of texts. `answers` says whether gold answers of enough words are looked
    for too: in a corpus they stand rightfully."""

    def __init__(self, golden: GoldenSet, guid: str, *, answers: bool) -> None:
        self._guid = guid.casefold()
        self._sizes: list[int] = []
        self._owners: list[tuple[str, str]] = []
        self._runs: dict[tuple[str, ...], set[int]] = defaultdict(set)
        self._lengths: set[int] = set()
        for case in golden.cases:
            self._add(case.case_id, "question", case.question)
            for answer in case.expected.answers if answers else ():
                self._add(case.case_id, "answer", answer)

    def _add(self, case_id: str, what: str, text: str) -> None:
        found = words(text)
        if len(found) < LEAST:
            return
        size = min(RUN, len(found))
        runs = {found[at : at + size] for at in range(len(found) - size + 1)}
        for run in runs:
            self._runs[run].add(len(self._owners))
        self._lengths.add(size)
        self._sizes.append(len(runs))
        self._owners.append((case_id, what))

    def leaks(self, where: str, text: str) -> Iterator[Leak]:
        """What of the set stands in one text, in the order of the cases. Time is linear in the text."""
        if self._guid and self._guid in text.casefold():
            yield Leak(where, "canary", "", 1.0)
        found = words(text)
        hits: dict[int, set[tuple[str, ...]]] = defaultdict(set)
        for size in sorted(self._lengths):
            for at in range(len(found) - size + 1):
                run = found[at : at + size]
                for owner in self._runs.get(run, ()):
                    hits[owner].add(run)
        for owner in sorted(hits):
            share = len(hits[owner]) / self._sizes[owner]
            if share >= SHARE:
                case_id, what = self._owners[owner]
                yield Leak(where, what, case_id, share)


def texts_of(data: bytes, name: str) -> Iterator[tuple[str, str]]:
    """The texts of a file with where each stands: the strings of each line of JSON or JSONL, otherwise the whole."""
    text = data.decode("utf-8", errors="replace")
    if not name.casefold().endswith((".jsonl", ".json", ".ndjson")):
        yield name, text
        return
    try:
        yield name, "\n".join(_strings(json.loads(text)))
        return
    except (ValueError, RecursionError):
        pass  # JSONL, or no JSON at all: then each line is taken as it is
    for number, line in enumerate(text.split("\n"), 1):
        try:
            yield f"{name} line {number}", "\n".join(_strings(json.loads(line)))
        except (ValueError, RecursionError):
            yield f"{name} line {number}", line


def _strings(value: Any) -> Iterable[str]:
    waiting, found = [value], []
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            waiting.extend(reversed([*item.values()]))
        elif isinstance(item, list):
            waiting.extend(reversed(item))
    return found
