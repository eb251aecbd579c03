"""The head, counts of terms and snapshots as points without vectors in a collection of their own."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from assay.adapters.qdrant_index.points import Points, matching, point_id
from assay.adapters.remote_index.failures import no_snapshot
from assay.adapters.remote_index.state import State
from assay.adapters.remote_index.terms import TermCounts
from assay.records.digest import plain
from assay.records.retrieval import Snapshot

_MOST_CHANGES = 16
_MOST_TERMS = 500_000
"""Terms in one point: some four megabytes, where a request may have 32."""
_HEAD, _RECIPE, _INTENT = point_id("head"), point_id("recipe"), point_id("intent")


@dataclass(frozen=True, slots=True)
class Ledger:
    """Writing the head is the moment at which a change happens; what was written before it and failed is undone."""

    points: Points

    def recipe(self, mine: str) -> str:
        """The recipe that the collections were written with: this one when they are new."""
        self.points.make(indexed={"kind": "keyword", "version": "integer"})
        found = self._payload(_RECIPE)
        if found is None:
            self._put(_RECIPE, {"kind": "recipe", "recipe": mine})
            return mine
        return str(found["recipe"])

    def head(self) -> State:
        found = self._payload(_HEAD)
        return State.from_json(found["state"]) if found else State()

    def move(self, state: State) -> None:
        """This state becomes the head."""
        self._put(_HEAD, {"kind": "head", "state": state.as_json()})

    def intend(self, version: int) -> None:
        """Note that points of this version are about to be written."""
        self._put(_INTENT, {"kind": "intent", "version": version})

    def unfinished(self, head: State) -> bool:
        """Whether a writer ended before its change became the head."""
        found = self._payload(_INTENT)
        return bool(found) and found["version"] > head.version  # type: ignore[index]

    def undo(self, head: State) -> None:
        """Forget the counts of an unfinished change, and that it was meant."""
        self.points.delete(matching(kind="counts", version=(head.version + 1, None)))
        self.intend(0)

    def count(self, version: int, change: TermCounts) -> None:
        """Note what a commit did to the counts; after enough changes they are written as a whole."""
        self._put_counts(version, False, change)

    def settle(self, version: int) -> None:
        """After a change: write the counts as a whole when a reader would have many changes to add up."""
        base, changes = self._needed(version)
        if len({found.payload["version"] for found in changes if found.payload["version"] > base}) >= _MOST_CHANGES:
            self.write_whole(version)

    def write_whole(self, version: int) -> None:
        self._put_counts(version, True, self.counts(version))
        named = {found.payload["version"] for found in self.points.find(matching(kind="snapshot"), ["version"])}
        old = [
            found.id
            for found in self.points.find(matching(kind="counts", version=(None, version)), ["version", "whole"])
            if not (found.payload["whole"] and found.payload["version"] in named)
        ]
        if old:
            self.points.delete(matching(ids=old))

    def counts(self, version: int) -> TermCounts:
        """In how many chunks each term stands at a version: the newest whole, and the changes after it."""
        _, needed = self._needed(version)
        ids = [found.id for found in needed]
        parts = [found.payload["data"] for found in self.points.get(ids)] if ids else []
        return TermCounts.total([TermCounts.decoded(base64.b64decode(data)) for data in parts])

    def _needed(self, version: int) -> tuple[int, list[Any]]:
        where = matching(kind="counts", version=(None, version + 1))
        found = list(self.points.find(where, ["version", "whole"]))
        base = max((one.payload["version"] for one in found if one.payload["whole"]), default=0)
        return base, [
            one
            for one in found
            if (one.payload["version"] == base if one.payload["whole"] else one.payload["version"] > base)
        ]

    def _put_counts(self, version: int, whole: bool, counts: TermCounts) -> None:
        for number, part in enumerate(counts.parts(_MOST_TERMS)):
            data = base64.b64encode(part.encoded()).decode()
            payload = {"kind": "counts", "version": version, "whole": whole, "data": data}
            self._put(point_id("counts", version, whole, number), payload)

    def freeze(self, state: State, snapshot: Snapshot) -> None:
        """Name a state."""
        record = json.dumps(plain(snapshot))
        payload = {"kind": "snapshot", "version": state.version, "state": state.as_json(), "record": record}
        self._put(point_id("snapshot", snapshot.snapshot_id), payload)
        self.write_whole(state.version)

    def frozen(self, snapshot_id: str) -> tuple[State, Snapshot]:
        """Raises NotFound."""
        found = self._payload(point_id("snapshot", snapshot_id))
        if found is None:
            raise no_snapshot()
        return State.from_json(found["state"]), Snapshot(**json.loads(found["record"]))

    def snapshots(self) -> tuple[Snapshot, ...]:
        found = self.points.find(matching(kind="snapshot"), ["record"])
        made = [Snapshot(**json.loads(one.payload["record"])) for one in found]
        return tuple(sorted(made, key=lambda snapshot: (snapshot.created_at, snapshot.snapshot_id)))

    def held_versions(self) -> list[int]:
        """The versions that snapshots name."""
        return [one.payload["version"] for one in self.points.find(matching(kind="snapshot"), ["version"])]

    def drop(self, snapshot_id: str) -> None:
        """Raises NotFound."""
        self.frozen(snapshot_id)
        self.points.delete(matching(ids=[point_id("snapshot", snapshot_id)]))

    def _payload(self, name: str) -> dict[str, Any] | None:
        found = self.points.get([name])
        return dict(found[0].payload) if found else None

    def _put(self, name: str, payload: dict[str, Any]) -> None:
        from qdrant_client import models

        self.points.put([models.PointStruct(id=name, vector={}, payload=payload)])
