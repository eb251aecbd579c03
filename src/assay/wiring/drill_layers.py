"""Each access check alone: where two layers check the same thing, the removal of either must be seen."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from assay.govern.drill import Got, Path, nobody
from assay.govern.drill_paths import Planted
from assay.govern.drill_plan import STAYS, Canary, Identity, Plan, reads
from assay.guard.canaries import FOUND
from assay.ports.index import Embedder, IndexReader
from assay.ports.storage import Catalog
from assay.records.access import Scope
from assay.records.bundles import Bundle
from assay.records.dialogue import Request, fold
from assay.records.retrieval import Hit, Query
from assay.wiring import apps
from assay.wiring.build import Workspace
from assay.wiring.drill_canaries import scope_of, without_walls
from assay.wiring.workspace import Running

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST = 1000


def as_frozen(plan: Plan) -> Plan:
    """The plan as it was when the snapshot was frozen: what an engine alone can know."""
    return replace(plan, canaries=tuple(replace(canary, fate=STAYS, later=None) for canary in plan.canaries))


@dataclass
class Layers:
    """Direct probes of the engine's two filters, of the catalog's check, of the retriever's use of it behind an engine
    that filters nothing, and of the check before a citation."""

    place: Workspace
    bundle: Bundle
    embedder: Embedder
    planted: Mapping[str, Planted]
    reader: IndexReader = field(init=False)
    _bare: list[Running] = field(default_factory=list, init=False)
    _stopped: dict[str, Got] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.reader = self.place.index.open(self.bundle.snapshot_id)

    def engine(self) -> list[Path]:
        """To be judged by the plan as it was frozen."""
        return [
            Path("layer.lexical", self._lexical, _has_credential),
            Path("layer.dense", self._dense, _has_credential),
        ]

    def checks(self) -> list[Path]:
        """To be judged by the plan as it is in force."""
        return [
            Path("layer.catalog", self._catalog, _has_credential),
            Path("layer.retriever", self._retriever, _has_credential),
            Path("layer.citation", self._citation, nobody),
            *([Path("layer.canary", self._canary, _knows_tenant)] if self._stops_canaries else []),
        ]

    @property
    def _stops_canaries(self) -> bool:
        settings = self.place.settings.canaries
        return settings.enabled and settings.action == "refuse"

    async def _lexical(self, identity: Identity, canary: Canary) -> Got:
        return self._got(identity, self.reader.lexical(canary.question, scope_of(identity), MOST), canary)

    async def _dense(self, identity: Identity, canary: Canary) -> Got:
        vector = self.embedder.embed([canary.question])[0]
        return self._got(identity, self.reader.dense(vector, scope_of(identity), MOST), canary)

    def _got(self, identity: Identity, hits: Sequence[Hit], canary: Canary) -> Got:
        return self._tokens(identity, [hit.chunk_id for hit in hits], canary)

    def _tokens(self, identity: Identity, chunk_ids: Sequence[str], canary: Canary) -> Got:
        """What these chunks would show."""
        if identity.tenant is None:
            return Got("")
        chunks = self.place.stores.catalog.chunks(list(chunk_ids))
        text = "\n".join(f"{chunk_id} {chunk.title} {chunk.text}" for chunk_id, chunk in chunks.items())
        return Got(text, canary.question)

    async def _catalog(self, identity: Identity, canary: Canary) -> Got:
        every = [chunk_id for planted in self.planted.values() for chunk_id in planted.chunk_ids]
        return self._tokens(identity, sorted(self.place.stores.catalog.visible(every, scope_of(identity))), canary)

    async def _retriever(self, identity: Identity, canary: Canary) -> Got:
        every = tuple(chunk_id for planted in self.planted.values() for chunk_id in planted.chunk_ids)
        settings = self.place.settings.apps[self.bundle.app].retrieve
        leaky = LeakyReader(self.reader.snapshot_id, every)
        retriever = apps.retriever(self.place, leaky, settings, self.place.settings.index.embedder)
        found = retriever.retrieve(Query(canary.question, scope_of(identity), MOST))
        chunks = [chunk for ranked in found.ranked for chunk in (ranked.chunk, *ranked.also)]
        return self._tokens(identity, [chunk.chunk_id for chunk in chunks], canary)

    async def _citation(self, identity: Identity, canary: Canary) -> Got:
        """The canary is closed between the search and the sentence that cites it: nobody may be shown it any more."""
        if identity.tenant is None or not reads(identity, canary):
            return Got("")
        closing = ClosesAfterSearch(self.place.stores.catalog, frozenset(self.planted[canary.name].chunk_ids))
        place = replace(self.place, stores=replace(self.place.stores, catalog=cast(Catalog, closing)))
        running = await asyncio.to_thread(apps.start_bundle, place, self.bundle, traced=False)
        request = Request(apps.new_request_id(), canary.question, scope_of(identity))
        reply = fold([event async for event in running.system.answer(request)])
        cited = " ".join(str(citation) for citation in reply.citations)
        shown = any(token in f"{reply.text} {cited}".lower() for token in canary.markers)
        return Got("", "", "closed_while_answering" if shown else "", seen=closing.searched)

    async def _canary(self, identity: Identity, canary: Canary) -> Got:
        """With every other wall down, a planted decoy stops the answer. Comes last: it plants in the drill's index.
        Everybody is asked once, since every question finds everything there."""
        if identity.tenant is None:
            return Got("")
        if identity.name not in self._stopped:
            self._stopped[identity.name] = await self._without_walls(identity, canary)
        return self._stopped[identity.name]

    async def _without_walls(self, identity: Identity, canary: Canary) -> Got:
        if not self._bare:
            self._bare.append(await asyncio.to_thread(without_walls, self.place, self.bundle.app, LeakyReader))
        request = Request(apps.new_request_id(), canary.question, scope_of(identity))
        reply = fold([event async for event in self._bare[0].system.answer(request)])
        stopped = reply.reason == FOUND and not reply.text and not reply.citations
        return Got("", "", "" if stopped else "canary_not_stopped", seen=stopped)


def _knows_tenant(identity: Identity, _: Canary) -> bool:
    return identity.tenant is not None


def _has_credential(identity: Identity, canary: Canary) -> bool:
    return identity.tenant is not None and reads(identity, canary)


@dataclass(frozen=True)
class LeakyReader:
    """An engine that filters nothing: everything is found by every search."""

    snapshot_id: str
    every: tuple[str, ...]
    vectors: int = 0

    @property
    def chunks(self) -> int:
        return len(self.every)

    def lexical(self, text: str, scope: Scope, limit: int) -> tuple[Hit, ...]:  # noqa: ARG002 - it filters nothing
        return tuple(Hit(chunk_id, 1.0) for chunk_id in self.every[:limit])

    def dense(self, vector: NDArray[np.float32], scope: Scope, limit: int) -> tuple[Hit, ...]:  # noqa: ARG002
        return tuple(Hit(chunk_id, 1.0) for chunk_id in self.every[:limit])


class ClosesAfterSearch:
    """A catalog in which some chunks are closed to everybody as soon as a search has been checked."""

    def __init__(self, catalog: Catalog, closing: frozenset[str]) -> None:
        self._catalog = catalog
        self._closing = closing
        self.searched = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._catalog, name)

    def visible(self, chunk_ids: Sequence[str], scope: Scope) -> frozenset[str]:
        found = self._catalog.visible(chunk_ids, scope)
        if self.searched:
            return found - self._closing
        self.searched = bool(found & self._closing)
        return found
