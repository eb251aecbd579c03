"""Planting an access drill's canaries through the real ingestion, and everything that is later read from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from assay.adapters.hashing_embedder import HashingEmbedder
from assay.evaluate.runs import new_run
from assay.evaluate.scorers import scorer
from assay.evaluate.summary import run_digest
from assay.govern.drill_paths import Planted
from assay.govern.drill_plan import CLOSED_SINCE, REMOVED_SINCE, Canary, Identity, Plan, may_read
from assay.ingest.roots import source_uri
from assay.ports.index import Embedder, IndexReader
from assay.ports.storage import Catalog
from assay.records.access import Scope
from assay.records.bundles import Bundle
from assay.records.dialogue import AnswerSentence, Check, CheckStatus, Citation, Outcome, Passage, Reply
from assay.records.documents import Span
from assay.records.errors import CannotJudge
from assay.records.evaluation import RunStatus, Sample
from assay.records.golden import Case, Evidence, Expected, GoldenSet
from assay.records.operations import ApiKey
from assay.retrieve.backfill import embed_missing
from assay.wiring import apps, canarying, ingesting, releasing
from assay.wiring.build import Workspace
from assay.wiring.workspace import Running

Mint = Callable[[str, tuple[str, ...]], tuple[str, ApiKey]]
"""A new key for a tenant and groups, with every role: its plain text, and the record to keep."""
LONG_AGO = "2000-01-01T00:00:00.000000Z"


def scope_of(identity: Identity) -> Scope:
    """What the server would derive for the identity; a caller without a credential never comes so far."""
    return Scope(identity.tenant or "", frozenset(identity.groups))


def plant(place: Workspace, plan: Plan) -> dict[str, Planted]:
    """Write, ingest and find again every canary. Raises CannotJudge `drill.planting` when one did not arrive under the
    access list that it states: then nothing could be concluded."""
    folder = place.root / "canaries"
    for canary in plan.canaries:
        path = folder / canary.relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(canary.document(), encoding="utf-8")
    ingesting.ingest(place, [folder], lambda *_: None)
    by_file = {uri: state.doc_ids for state in place.stores.catalog.source_states() for uri in [state.source_uri]}
    return {canary.name: _found(place, canary, by_file, folder) for canary in plan.canaries}


def _found(place: Workspace, canary: Canary, by_file: Mapping[str, tuple[str, ...]], folder: Path) -> Planted:
    doc_ids = by_file.get(source_uri(str(folder / canary.relative)), ())
    if len(doc_ids) == 1:
        document = place.stores.catalog.document(doc_ids[0])
        chunks = place.stores.catalog.chunks_of(document.doc_id)
        same = (document.access.tenant, set(document.access.groups)) == (
            canary.access.tenant,
            set(canary.access.groups),
        )
        if same and chunks:
            ids = tuple(chunk.chunk_id for chunk in chunks)
            return Planted(document.doc_id, ids, document.text_sha256, document.source_uri)
    raise CannotJudge(
        "drill.planting", "a canary did not arrive under the access list that it states", where=canary.name
    )


def embed(place: Workspace) -> Embedder:
    """Vectors for all canaries, by the workspace's own embedder or, where it has none, by hashing: the engine's dense
    filter is probed either way."""
    embedder = place.embedder(place.settings.index.embedder) or HashingEmbedder()
    embed_missing(place.index, place.stores.catalog, embedder)
    return embedder


def release(place: Workspace, app: str) -> Bundle:
    """A live bundle over a frozen snapshot of the canaries."""
    bundle = releasing.freeze(place, app, "access drill")
    releasing.promote(place, bundle.bundle_id, "access drill", override=True)
    return bundle


class NoLists:
    """A catalog that has forgotten whom a document is for."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def __getattr__(self, name: str) -> object:
        return getattr(self._catalog, name)

    def visible(self, chunk_ids: Sequence[str], scope: Scope) -> frozenset[str]:  # noqa: ARG002 - that is the point
        return frozenset(chunk_ids)


def without_walls(place: Workspace, app: str, leaky: Callable[[str, tuple[str, ...]], IndexReader]) -> Running:
    """The app with decoys for every tenant and no access check left: the engine finds everything for everybody, and the
    catalog lets it pass. Only the guard against canaries still stands. `leaky` makes such an engine of the snapshot's
    name and the chunks that it finds, decoys first."""
    canarying.plant(place)
    decoys = [one.doc_id for one in canarying.decoys(place)]
    first = [chunk.chunk_id for doc_id in decoys for chunk in place.stores.catalog.chunks_of(doc_id)]
    every = tuple(dict.fromkeys([*first, *place.stores.catalog.current_chunk_ids()]))
    open_to_all = replace(place, stores=replace(place.stores, catalog=cast(Catalog, NoLists(place.stores.catalog))))
    seams = apps.Seams(reader=lambda reader: leaky(reader.snapshot_id, every))
    return apps.start_app(open_to_all, app, traced=False, seams=seams)


def settle_fates(place: Workspace, plan: Plan, planted: Mapping[str, Planted]) -> None:
    """Close and remove what the plan says, in the catalog only: the live bundle's snapshot still holds it all."""
    by_doc = {doc_id: state.source_uri for state in place.stores.catalog.source_states() for doc_id in state.doc_ids}
    for canary in plan.canaries:
        doc_id = planted[canary.name].doc_id
        if canary.fate == CLOSED_SINCE and canary.later is not None:
            place.stores.catalog.set_access({doc_id: canary.later})
        elif canary.fate == REMOVED_SINCE:
            place.stores.catalog.remove_source(by_doc[doc_id])


def credentials(place: Workspace, plan: Plan, mint: Mint) -> dict[str, str]:
    """An Authorization header for every identity; keys that are no longer valid among them."""
    made: dict[str, str] = {}
    for identity in plan.identities:
        first = plan.identities[0]
        plaintext, key = mint(identity.tenant or first.tenant or "", identity.groups)
        if identity.credential == "revoked":
            key = replace(key, revoked_at=LONG_AGO)
        if identity.credential == "expired":
            key = replace(key, expires_at=LONG_AGO)
        if identity.credential not in ("none", "wrong"):
            place.stores.keys.put(key)
        made[identity.name] = "" if identity.credential == "none" else f"Bearer {plaintext}"
    return made


@dataclass(frozen=True)
class Asked:
    """Two complete runs on a golden set with a case for every canary; in one they are answered, in the other not."""

    answered: str
    declined: str


def judge_runs(place: Workspace, plan: Plan, planted: Mapping[str, Planted], app: str) -> Asked:
    """Runs as an evaluation leaves them, so that reports and comparisons hold the canaries."""
    golden = GoldenSet("drill", tuple(_case(plan, canary, planted[canary.name]) for canary in plan.canaries))
    place.stores.golden.put(golden)
    replies = {canary.name: _reply(place, canary, planted[canary.name]) for canary in plan.canaries}
    made = []
    for system, score in (("answered", 1.0), ("declined", 0.0)):
        run = new_run(golden, app=app, system=system, scorers=[scorer("correct")], clock=place.clock)
        place.stores.runs.create(run)
        samples = [
            Sample(name, 0, reply if score else Reply(Outcome.ABSTAINED), {"correct": score}, {})
            for name, reply in replies.items()
        ]
        place.stores.runs.append(run.run_id, samples)
        place.stores.runs.finish(run.run_id, RunStatus.COMPLETE, run_digest(samples))
        made.append(run.run_id)
    return Asked(*made)


def _case(plan: Plan, canary: Canary, planted: Planted) -> Case:
    able = [identity for identity in plan.identities if may_read(identity, canary.access)]
    asker = min(able, key=lambda identity: len(identity.groups))
    evidence = (Evidence(planted.doc_id, canary.secret_sentence),)
    expected = Expected(answers=(canary.tokens["text"],), evidence=evidence)
    return Case(canary.name, canary.question, expected, scope=scope_of(asker))


def _reply(place: Workspace, canary: Canary, planted: Planted) -> Reply:
    chunk = place.stores.catalog.chunks(planted.chunk_ids)[planted.chunk_ids[0]]
    start = chunk.start + chunk.text.index(canary.secret_sentence)
    span = Span(chunk.doc_id, chunk.text_sha256, start, start + len(canary.secret_sentence))
    citation = Citation(span, canary.secret_sentence, chunk.title, chunk.source_uri, chunk.chunk_id)
    sentence = AnswerSentence(canary.secret_sentence, (citation,), Check(CheckStatus.SUPPORTED, 1.0))
    return Reply(Outcome.ANSWERED, sentences=(sentence,), passages=(Passage(1, chunk.chunk_id, chunk.span, 1.0),))
