"""Anchors of a judge: verdicts that are written down once, and given again beside every later run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from assay.evaluate.judges import agreement as beside
from assay.evaluate.judges.asking import OF_THE_MOMENT
from assay.evaluate.judges.judge import How, Judge
from assay.evaluate.judges.labels import HumanLabel
from assay.evaluate.judges.running import Ceiling
from assay.records.digest import plain, sha256_json
from assay.records.errors import CannotJudge, NotFound
from assay.records.judging import (
    ANCHORS,
    SENTINEL,
    VERDICT,
    AnchorItem,
    AnchorSet,
    Judgement,
    JudgeSpec,
    Material,
    Sentinel,
    Verdict,
)
from assay.records.ledger import Entry
from assay.wiring import judge_labels, judges
from assay.wiring.build import Workspace


def freeze_anchors(place: Workspace, name: str, reference: str, count: int) -> AnchorSet:
    """Write down verdicts of a judged run, to be judged again with every later run; people's labels go with them.

    Labelled replies first, then others by a seeded draw. Raises CannotJudge `judge.few_anchors` when fewer than two
    replies of the run have a verdict.
    """
    spec, run = judges.spec_of(place, name), judges.complete_run(place, reference)
    judges.check_single(spec)
    root = judges.root_of(place, run.run_id)
    known = judges.keeping(place, VERDICT, root).known(spec.digest)
    scored = [verdict for verdict in known.values() if verdict.judgement.value is not None]
    if len(scored) < 2:
        raise CannotJudge(
            "judge.few_anchors", "this judge has given too few verdicts on the run", where=run.run_id,
            remedy=f"assay judge run {run.run_id} --judge {name}",
        )  # fmt: skip
    labels = {(one.case_id, one.repeat): one for one in judge_labels.human_labels(place, name) if one.run_id == root}
    seed = place.settings.evaluate.seed

    def order(verdict: Verdict) -> tuple[bool, str]:
        at = verdict.case_id, verdict.repeat
        return at not in labels, sha256_json([seed, *at])

    scored.sort(key=order)
    items = tuple(_anchor(root, verdict, labels.get((verdict.case_id, verdict.repeat))) for verdict in scored[:count])
    made = AnchorSet(spec.digest, items, place.clock.now())
    place.stores.ledger.append([Entry(ANCHORS, name, made.digest, plain(made), made.created_at)])
    return made


def _anchor(root: str, verdict: Verdict, label: HumanLabel | None) -> AnchorItem:
    said = "" if label is None else "pass" if label.value > 0.5 else "fail"
    value = verdict.judgement.value
    return AnchorItem(root, verdict.case_id, verdict.repeat, verdict.material, 0.0 if value is None else value, said)


def frozen_anchors(place: Workspace, spec: JudgeSpec) -> AnchorSet | None:
    """The newest anchors of exactly this recipe."""
    found = None
    for entry in place.stores.ledger.entries(ANCHORS, spec.name):
        if entry.body.get("judge") == spec.digest:
            found = msgspec.convert(entry.body, AnchorSet)
    return found


Held = tuple[tuple[AnchorItem, Material], ...]


def anchor_materials(place: Workspace, spec: JudgeSpec, anchors: AnchorSet) -> Held:
    """The anchors whose reply can still be read exactly as it was."""
    found: list[tuple[AnchorItem, Material]] = []
    for run_id in dict.fromkeys(item.run_id for item in anchors.items):
        items = {(item.case_id, item.repeat): item for item in anchors.items if item.run_id == run_id}
        try:
            run = place.stores.runs.run(run_id)
        except NotFound:
            continue
        for piece in judges.pieces_of(place, spec, run, frozenset(items)):
            item = items[piece.case_id, piece.repeat]
            if not isinstance(piece.material, str) and piece.material.digest == item.material:
                found.append((item, piece.material))
    return tuple(found)


async def watch(
    place: Workspace, judge: Judge, anchors: AnchorSet, held: Held, root: str, ceiling: Ceiling, concurrency: int
) -> Sentinel | None:
    """Judge the anchors again, never from the cache, and keep what came out. Raises CannotJudge when the endpoint
    fails on one: a drift that nobody could look for is not the absence of drift."""
    given = await ask_all(judge, [material for _, material in held], How(fresh=True), concurrency, ceiling)
    for judgement in given:
        if judgement.reason in OF_THE_MOMENT:
            raise CannotJudge(
                "judge.anchors", f"the anchors could not be judged again ({judgement.reason})", where=judge.spec.name,
                remedy="run the same command again, or leave them out with --no-anchors",
            )  # fmt: skip
    rows = [(item, judgement.value) for (item, _), judgement in zip(held, given, strict=True)]
    made = beside.sentinel(
        judge.spec, anchors, rows, margin=place.settings.gate.judges.drift_margin, run_id=root, now=place.clock.now()
    )
    if made is not None:
        place.stores.ledger.append([Entry(SENTINEL, judge.spec.name, f"{root}/{made.at}", plain(made), made.at)])
    return made


def reading(place: Workspace, spec: JudgeSpec, root: str) -> Sentinel | None:
    """The newest reading of the sentinel beside a run, of this recipe."""
    found = None
    for entry in place.stores.ledger.entries(SENTINEL, spec.name):
        if entry.body.get("judge") == spec.digest and entry.body.get("run_id") == root:
            found = msgspec.convert(entry.body, Sentinel)
    return found


def read_already(place: Workspace, spec: JudgeSpec, anchors: AnchorSet, root: str) -> bool:
    """Whether these anchors were judged again beside this run already."""
    found = reading(place, spec, root)
    return found is not None and found.anchors == anchors.digest


async def ask_all(
    judge: Judge, materials: Sequence[Material], how: How, concurrency: int, ceiling: Ceiling | None = None
) -> list[Judgement]:
    """Every material judged, in order; raises CannotJudge `judge.ceiling` where money runs out."""
    room = asyncio.Semaphore(concurrency)

    async def one(material: Material) -> Judgement:
        async with room:
            reserved = ceiling.take(material) if ceiling else 0.0
            if reserved is None:
                raise CannotJudge("judge.ceiling", "--max-cost was reached", remedy="raise it, or leave it out")
            made = await judge.verdict(material, how)
            if ceiling:
                ceiling.settle(reserved, made.usage, made.cached)
            return made

    return list(await asyncio.gather(*(one(material) for material in materials)))
