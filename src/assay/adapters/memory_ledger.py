"""Fakes of the ledger and the cache."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from assay.records.digest import plain
from assay.records.ledger import Entry


@dataclass
class MemoryLedger:
    kept: dict[tuple[str, str, str], Entry] = field(default_factory=dict)

    def append(self, entries: Sequence[Entry]) -> int:
        before = len(self.kept)
        new = [(entry.kind, entry.subject, entry.key, replace(entry, body=plain(entry.body))) for entry in entries]
        for kind, subject, key, entry in new:
            self.kept.setdefault((kind, subject, key), entry)
        return len(self.kept) - before

    def get(self, kind: str, subject: str, key: str) -> Entry | None:
        return copy.deepcopy(self.kept.get((kind, subject, key)))

    def entries(self, kind: str, subject: str = "") -> Iterator[Entry]:
        for entry in tuple(self.kept.values()):
            if entry.kind == kind and subject in ("", entry.subject):
                yield copy.deepcopy(entry)

    def subjects(self, kind: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(entry.subject for entry in self.kept.values() if entry.kind == kind))


@dataclass
class MemoryCache:
    kept: dict[str, str] = field(default_factory=dict)

    def get(self, key: str) -> str | None:
        return self.kept.get(key)

    def put(self, key: str, value: str) -> None:
        self.kept[key] = value

    def clear(self) -> int:
        count = len(self.kept)
        self.kept.clear()
        return count
