"""The head, the snapshots and whose turn it is: one document, replaced only by whoever read it last."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from assay.adapters.opensearch_index.server import Action, Server
from assay.adapters.remote_index.failures import no_snapshot, other_recipe
from assay.adapters.remote_index.state import State
from assay.adapters.remote_index.terms import TermCounts
from assay.adapters.turns import Row
from assay.records.digest import plain
from assay.records.retrieval import Snapshot

_HEAD = "head"
_MOST_CHANGES = 16
_MOST_TERMS = 500_000
_PROPERTIES = {
    "holder": {"type": "keyword"},
    "since": {"type": "keyword"},
    "record": {"type": "object", "enabled": False},
    "data": {"type": "binary"},
}


@dataclass(frozen=True, slots=True)
class Record:
    """What the document says. `allocated` is the highest version that was handed to a writer; `aborted` are versions
    whose writer may still be writing somewhere, which nobody ever sees."""

    recipe: str
    state: State = field(default_factory=State)
    allocated: int = 0
    aborted: tuple[int, ...] = ()
    frozen: tuple[tuple[Snapshot, State], ...] = ()
    wholes: Mapping[int, int] = field(default_factory=dict)
    """Versions whose counts of terms are kept as a whole, with the number of documents that takes."""
    changes: Mapping[int, int] = field(default_factory=dict)
    """Versions of which only what they changed in the counts is kept."""

    def moved(self, **changes: Any) -> Record:
        return replace(self, **changes)

    def named(self, snapshot_id: str) -> tuple[Snapshot, State]:
        """Raises NotFound."""
        for snapshot, state in self.frozen:
            if snapshot.snapshot_id == snapshot_id:
                return snapshot, state
        raise no_snapshot()

    def held_versions(self) -> list[int]:
        """The versions that snapshots name."""
        return [state.version for _, state in self.frozen]

    def as_json(self) -> str:
        parts: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        parts["state"] = self.state.as_json()
        parts["frozen"] = [[plain(snapshot), state.as_json()] for snapshot, state in self.frozen]
        parts["wholes"], parts["changes"] = list(self.wholes.items()), list(self.changes.items())
        return json.dumps(parts)

    @staticmethod
    def from_json(text: str) -> Record:
        parts = json.loads(text)
        frozen = tuple((Snapshot(**snapshot), State.from_json(state)) for snapshot, state in parts.pop("frozen"))
        state, aborted = State.from_json(parts.pop("state")), tuple(parts.pop("aborted"))
        wholes, changes = dict(parts.pop("wholes")), dict(parts.pop("changes"))
        return Record(**parts, state=state, aborted=aborted, frozen=frozen, wholes=wholes, changes=changes)


class Ledger:
    """The board of an OpenSearch index. Reading the document by its id needs no refresh, so a change is seen at once,
    and writing it over the version that was read succeeds for one writer only."""

    def __init__(self, server: Server, name: str, recipe: str) -> None:
        self._server = server
        self.index = f"{name}-ledger"
        self._recipe = recipe
        self._parsed: tuple[str, Record] | None = None

    def make(self) -> None:
        """Make the ledger when there is none. Raises CannotJudge when it was written with another recipe."""
        self._server.make_index(self.index, {"index": {"number_of_shards": 1}}, _PROPERTIES)
        if self._server.get(self.index, _HEAD) is None:
            self._server.put(self.index, _HEAD, _document("", "", Record(self._recipe).as_json()), None)
        if self.read().recipe != self._recipe:
            raise other_recipe("index.opensearch")

    def read(self) -> Record:
        return self.parsed(self.latest().record)

    def parsed(self, record: str) -> Record:
        """The same object for the same record."""
        if self._parsed is None or self._parsed[0] != record:
            self._parsed = record, Record.from_json(record)
        return self._parsed[1]

    def latest(self) -> Row:
        found = self._server.get(self.index, _HEAD)
        if found is None:
            raise other_recipe("index.opensearch")
        kept = found["_source"]
        return Row(found, kept["holder"], kept["since"], kept["record"]["json"])

    def swapped(self, row: Row, after: Row) -> Row | None:
        document = _document(after.holder, after.since, after.record)
        done = self._server.put(self.index, _HEAD, document, row.token)
        return replace(after, token=done) if done else None

    def counted(self, record: Record, version: int, change: TermCounts) -> Record:
        """Write what a change did to the counts; after enough changes, the counts as a whole."""
        if len(record.changes) >= _MOST_CHANGES:
            return self._whole(record, version, TermCounts.total([self.counts(record), change]))
        parts = self._put(version, False, change)
        return record.moved(changes={**record.changes, version: parts})

    def whole(self, record: Record) -> Record:
        """The counts of the head as a whole, for a snapshot to begin from."""
        version = record.state.version
        return record if version in record.wholes else self._whole(record, version, self.counts(record))

    def _whole(self, record: Record, version: int, counts: TermCounts) -> Record:
        parts = self._put(version, True, counts)
        return record.moved(wholes={**record.wholes, version: parts}, changes={})

    def counts(self, record: Record, version: int | None = None) -> TermCounts:
        """In how many chunks each term stands, at the head or at the version of a snapshot."""
        version = record.state.version if version is None else version
        base = max((v for v in record.wholes if v <= version), default=0)
        names = _names(base, True, record.wholes.get(base, 0))
        for changed, parts in record.changes.items():
            if base < changed <= version:
                names.extend(_names(changed, False, parts))
        found = self._server.get_many(self.index, names)
        return TermCounts.total([TermCounts.decoded(base64.b64decode(one["data"])) for one in found])

    def swept(self, record: Record) -> Record:
        """Without counts that neither the head nor a snapshot begins from; what `forget` may delete afterwards."""
        newest = max(record.wholes, default=0)
        held = {newest, *record.held_versions()}
        return record.moved(wholes={version: parts for version, parts in record.wholes.items() if version in held})

    def forget(self, before: Record, after: Record) -> None:
        """Delete the documents of counts that one record named and the next does not."""
        gone = [
            name
            for whole, was, now in ((True, before.wholes, after.wholes), (False, before.changes, after.changes))
            for version, parts in was.items()
            if version not in now
            for name in _names(version, whole, parts)
        ]
        self._server.bulk(self.index, [({"delete": {"_id": name}}, None) for name in gone])

    def _put(self, version: int, whole: bool, counts: TermCounts) -> int:
        parts = list(counts.parts(_MOST_TERMS))
        names = _names(version, whole, len(parts))
        self._server.bulk(self.index, _count_actions(names, parts))
        return len(parts)


def _count_actions(names: Iterable[str], parts: Iterable[TermCounts]) -> Iterable[Action]:
    for name, part in zip(names, parts, strict=True):
        yield {"index": {"_id": name}}, {"data": base64.b64encode(part.encoded()).decode()}


def _names(version: int, whole: bool, parts: int) -> list[str]:
    return [f"counts-{version}-{'whole' if whole else 'change'}-{number}" for number in range(parts)]


def _document(holder: str, since: str, record: str) -> dict[str, Any]:
    return {"holder": holder, "since": since, "record": {"json": record}}
