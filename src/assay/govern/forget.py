"""Forgetting: a journal, steps that can be done twice, a probe of everything that is left, and a certificate."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from assay.records.certificates import Certificate

KIND = "forgetting"
ERASING, REMAINS, DONE = "erasing", "remains", "done"
"""States of an erasure; `remains` means that a probe still found something, and that it will be tried again."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure in the journal. It names nothing and nobody: what is to go is told by marks, which lie beside it
    until it is done."""

    erasure_id: str
    state: str
    created_at: str
    asked: tuple[str, ...]
    """How it was asked for: `document`, `source`, `subject`."""
    salt: str
    """64 hex digits; key of `denied`."""
    denied: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What no sync may bring back, as keyed digests: of a document's id, with those of its texts and files."""
    counts: dict[str, int] = field(default_factory=dict)
    """What each step removed, added up over all attempts."""
    golden: dict[str, str] = field(default_factory=dict)
    """`name@old version` to the version without what was forgotten."""
    snapshots: dict[str, str] = field(default_factory=dict)
    """Snapshots that held it, each with the one that stands in its place; empty when it was dropped."""
    attempts: int = 0
    certificate_id: str = ""

    @property
    def open(self) -> bool:
        return self.state != DONE


class Journal(Protocol):
    """Erasures, oldest first. `put` is durable when it returns and replaces the record of the same id."""

    def put(self, erasure: Erasure) -> None: ...
    def erasures(self) -> tuple[Erasure, ...]: ...


@dataclass(frozen=True, slots=True)
class Remain:
    """Where something was still found: `store` is the name of a step, `where` a table, file or engine."""

    store: str
    where: str
    count: int

    def __str__(self) -> str:
        return f"forget.{self.store}: {self.where} ({self.count})"


@dataclass(frozen=True, slots=True)
class Probed:
    """What a probe looked at and what it found."""

    looked: dict[str, int]
    remains: tuple[Remain, ...]


Step = Callable[[], int]


def denial(salt: str, kind: str, value: str) -> str:
    """The keyed digest under which a document id (`id`), text (`text`) or file (`file`) is remembered as forgotten."""
    return hmac.new(
        bytes.fromhex(salt), f"{kind}\x00{value}".encode("utf-8", "surrogatepass"), hashlib.sha256
    ).hexdigest()


@dataclass(frozen=True)
class Forgotten:
    """What no sync may bring back, over all erasures."""

    erasures: Sequence[Erasure]

    def file(self, sha256: str) -> bool:
        return any(denial(one.salt, "file", sha256) in held for one in self.erasures for held in one.denied.values())

    def document(self, doc_id: str, text_sha256: str) -> bool:
        for one in self.erasures:
            text = denial(one.salt, "text", text_sha256)
            if denial(one.salt, "id", doc_id) in one.denied or any(text in held for held in one.denied.values()):
                return True
        return False


def denials(salt: str, held: Mapping[str, Iterable[tuple[str, str]]]) -> dict[str, tuple[str, ...]]:
    """By document id its texts and files, as `(kind, hash)`, to what is remembered of them."""
    return {
        denial(salt, "id", doc_id): tuple(sorted(denial(salt, kind, value) for kind, value in stated))
        for doc_id, stated in held.items()
    }


def allowed_again(erasures: Iterable[Erasure], doc_ids: Sequence[str]) -> tuple[Erasure, ...]:
    """Erasures that denied one of these documents, without that denial. A file that held it may be read again; other
    documents in the file stay denied by their own ids and texts."""
    changed: list[Erasure] = []
    for one in erasures:
        lifted = {denial(one.salt, "id", doc_id) for doc_id in doc_ids}.intersection(one.denied)
        if lifted:
            free = {digest for name in lifted for digest in one.denied[name]}
            kept = {name: held for name, held in one.denied.items() if name not in lifted}
            denied = {name: tuple(digest for digest in held if digest not in free) for name, held in kept.items()}
            changed.append(replace(one, denied=denied))
    return tuple(changed)


def erase(erasure: Erasure, steps: Mapping[str, Step], journal: Journal) -> Erasure:
    """Run every step in order, and note what each removed."""
    counts = dict(erasure.counts)
    for name, step in steps.items():
        counts[name] = counts.get(name, 0) + step()
    noted = replace(erasure, counts=counts, attempts=erasure.attempts + 1)
    journal.put(noted)
    return noted


def certificate(erasure: Erasure, probed: Probed, marks: Mapping[str, object], now: str) -> Certificate:
    """What was removed, what was probed, and what still stands where; signed by the caller."""
    facts = {
        "asked": list(erasure.asked),
        "attempts": erasure.attempts,
        "removed": dict(erasure.counts),
        "denied": len(erasure.denied),
        "golden_versions_replaced": len(erasure.golden),
        "snapshots_replaced": dict(erasure.snapshots),
        "marks": dict(marks),
        "probed": dict(probed.looked),
        "hits": sum(remain.count for remain in probed.remains),
    }
    findings = tuple(str(remain) for remain in probed.remains)
    return Certificate(KIND, erasure.erasure_id, not findings, facts, now, findings)
