"""Forgetting: a journal, steps that can be done twice, a probe of everything that is left, and a certificate."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from assay.records.certificates import Certificate

KIND = "forgetting"
ERASING, PROBING, REMAINS, DONE = "erasing", "probing", "remains", "done"
"""States of an erasure. While it is `erasing` its record names documents, because the steps need the names; from
`probing` on it holds keyed digests only. `remains` means that a probe still found something."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure in the journal. It never holds text of documents or people."""

    erasure_id: str
    state: str
    created_at: str
    asked: tuple[str, ...]
    """How it was asked for: `document`, `source`, `subject`."""
    salt: str
    """64 hex digits; key of `denied`."""
    doc_ids: tuple[str, ...] = ()
    chunk_ids: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    """Hashes of the text copies that no document which stays has too."""
    source_uris: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    """Keyed digests of document ids, texts and files that no sync may bring back."""
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
        return self._denied("file", sha256)

    def document(self, doc_id: str, text_sha256: str) -> bool:
        return self._denied("id", doc_id) or self._denied("text", text_sha256)

    def _denied(self, kind: str, value: str) -> bool:
        return any(denial(one.salt, kind, value) in one.denied for one in self.erasures if one.denied)


def allowed_again(erasures: Iterable[Erasure], doc_ids: Sequence[str]) -> tuple[Erasure, ...]:
    """Erasures that denied one of these documents, each without that denial and those of files and texts."""
    changed: list[Erasure] = []
    for one in erasures:
        lifted = {denial(one.salt, "id", doc_id) for doc_id in doc_ids}
        if lifted.intersection(one.denied):
            changed.append(replace(one, denied=tuple(d for d in one.denied if d not in lifted)))
    return tuple(changed)


def erase(erasure: Erasure, steps: Mapping[str, Step], journal: Journal) -> Erasure:
    """Run every step in order and note what each removed; then let go of the names."""
    counts = dict(erasure.counts)
    for name, step in steps.items():
        removed = step()
        counts[name] = counts.get(name, 0) + removed
    nameless = replace(
        erasure,
        state=PROBING if erasure.state == ERASING else erasure.state,
        doc_ids=(),
        chunk_ids=(),
        texts=(),
        source_uris=(),
        counts=counts,
        attempts=erasure.attempts + 1,
    )
    journal.put(nameless)
    return nameless


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
