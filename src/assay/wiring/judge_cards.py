"""What is known of a judge: its controls, and the card measured on people's labels."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from assay.evaluate.judges.agreement import family_control, family_of, length_slope, rate_control
from assay.evaluate.judges.carding import Compared, is_pairwise, make_card, passes, sorted_out
from assay.evaluate.judges.judge import How, Judge
from assay.evaluate.judges.labels import HumanLabel
from assay.evaluate.judges.material import pair_of
from assay.evaluate.judges.running import Ceiling, Piece, run_judge
from assay.evaluate.pairing import clusters_of
from assay.records.digest import plain, sha256_json
from assay.records.errors import CannotJudge, NotFound
from assay.records.evaluation import Run
from assay.records.golden import Case
from assay.records.judging import CARD, PAIR, VERDICT, Control, JudgeCard, Judgement, JudgeSpec, Material
from assay.records.ledger import Entry
from assay.records.moments import moment
from assay.wiring import judge_anchors, judge_labels, judges, judging
from assay.wiring.build import Workspace
from assay.wiring.judges import Progress

SAMPLE = 40
"""Replies that each control is asked on."""
ORDER, REPEAT, INJECTION = "order flips", "repeat flips", "injection"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a judge is shown of a run, or of a pair of runs, by case and repeat."""

    kind: str
    subject: str
    """Under which the ledger keeps the verdicts."""
    run: Run
    pieces: tuple[Piece, ...]
    cases: dict[str, Case]


def subject_of(place: Workspace, spec: JudgeSpec, run_id: str, other: str = "") -> Subject:
    """A run, or for a pairwise judge a pair of them. Raises CannotJudge when they answered different golden sets."""
    run = judges.complete_run(place, run_id)
    cases = {case.case_id: case for case in judging.golden_of(place, run).cases}
    root = judges.root_of(place, run.run_id)
    if not is_pairwise(spec):
        return Subject(VERDICT, root, run, judges.pieces_of(place, spec, run), cases)
    candidate = judges.complete_run(place, other)
    if (run.golden_version, run.split) != (candidate.golden_version, candidate.split):
        raise CannotJudge(
            "judge.golden_differs", "the runs answered different golden sets or splits",
            where=f"{run.run_id}, {candidate.run_id}",
        )  # fmt: skip
    theirs = {(one.case_id, one.repeat): one.reply for one in place.stores.runs.samples(candidate.run_id)}
    pieces = tuple(
        Piece(one.case_id, one.repeat, pair_of(cases[one.case_id], one.reply, theirs[one.case_id, one.repeat]))
        for one in place.stores.runs.samples(run.run_id)
        if one.case_id in cases and (one.case_id, one.repeat) in theirs
    )
    return Subject(PAIR, f"{root}:{judges.root_of(place, candidate.run_id)}", run, pieces, cases)


# --- controls ---


async def controls(
    place: Workspace, judge: Judge, subjects: Sequence[Subject], rows: Sequence[Compared], sample: int,
    ceiling: Ceiling, concurrency: int,
) -> tuple[Control, ...]:  # fmt: skip
    """Order, repeat, injection, length and family, on a seeded draw of what was judged."""
    spec = judge.spec
    drawn = _drawn(place, subjects, sample)
    clusters = [cluster for cluster, _ in drawn]
    materials = [material for _, material in drawn]

    async def asked(how: How) -> list[Judgement]:
        return await judge_anchors.ask_all(judge, materials, how, concurrency, ceiling)

    plain_ones = await asked(How())
    found = [
        _order(spec, plain_ones, await asked(How(reverse=True)), clusters),
        _flips(REPEAT, spec, plain_ones, await asked(How(salt="again")), clusters, "asked once more"),
        await _injection(judge, materials, clusters, ceiling),
        _length(spec, subjects, rows, drawn, plain_ones),
        family_control(spec.family, tuple(_families(place, subjects))),
    ]
    return tuple(found)


def _drawn(place: Workspace, subjects: Sequence[Subject], sample: int) -> list[tuple[str, Material]]:
    """Cluster and material of a seeded draw over all subjects."""
    found: list[tuple[str, Material]] = []
    for subject in subjects:
        clusters = clusters_of(tuple(subject.cases.values()))
        found.extend(
            (clusters[piece.case_id], piece.material) for piece in subject.pieces if not isinstance(piece.material, str)
        )
    seed = place.settings.evaluate.seed
    found.sort(key=lambda row: sha256_json([seed, row[1].digest]))
    return found[:sample]


def _order(
    spec: JudgeSpec, given: Sequence[Judgement], reversed_ones: Sequence[Judgement], clusters: Sequence[str]
) -> Control:
    """Pairs: verdicts that the order of the replies decides. Else: that the order of scale or passages decides."""
    if not is_pairwise(spec):
        return _flips(ORDER, spec, given, reversed_ones, clusters, "scale, passages and nuggets the other way round")
    rows = [(one.flipped, cluster) for one, cluster in zip(given, clusters, strict=True) if one.flipped is not None]
    return rate_control(
        ORDER, [bool(flipped) for flipped, _ in rows], [cluster for _, cluster in rows], "the replies swapped"
    )


def _flips(
    name: str, spec: JudgeSpec, one: Sequence[Judgement], other: Sequence[Judgement], clusters: Sequence[str],
    detail: str,
) -> Control:  # fmt: skip
    rows = [
        (passes(spec, a.value) != passes(spec, b.value), cluster)
        for a, b, cluster in zip(one, other, clusters, strict=True)
        if a.value is not None and b.value is not None
    ]
    return rate_control(name, [flip for flip, _ in rows], [cluster for _, cluster in rows], detail)


async def _injection(judge: Judge, materials: Sequence[Material], clusters: Sequence[str], ceiling: Ceiling) -> Control:
    """An instruction to the judge is put into each text: did it obey?"""
    hits, kept = [], []
    for material, cluster in zip(materials, clusters, strict=True):
        reserved = ceiling.take(material)
        if reserved is None:
            break
        first, planted, obeyed = await judge.injected(material)
        ceiling.settle(reserved, first.usage.plus(planted.usage), cached=False)
        if first.value is not None:
            hits.append(obeyed)
            kept.append(cluster)
    return rate_control(INJECTION, hits, kept, "an instruction put into the judged text was obeyed")


def _length(
    spec: JudgeSpec, subjects: Sequence[Subject], rows: Sequence[Compared], drawn: Sequence[tuple[str, Material]],
    given: Sequence[Judgement],
) -> Control:  # fmt: skip
    """On all labelled replies, or without labels on those drawn. Of a pair the length is the second's in firsts."""
    kept, _ = sorted_out(spec, rows)
    if kept:
        lengths = _lengths(subjects, kept)
        verdicts = [row.verdict.judgement.value or 0.0 for row in kept]
        return length_slope(verdicts, [row.label.value for row in kept], lengths, [row.cluster for row in kept])
    scored = [
        (one.value, _size(material), cluster)
        for one, (cluster, material) in zip(given, drawn, strict=True)
        if one.value is not None
    ]
    return length_slope([v for v, _, _ in scored], None, [size for _, size, _ in scored], [c for _, _, c in scored])


def _size(material: Material) -> float:
    return len(material.other) / max(1, len(material.reply)) if material.other else float(len(material.reply))


def _lengths(subjects: Sequence[Subject], rows: Sequence[Compared]) -> list[float]:
    sizes = {
        (subject.subject, piece.case_id, piece.repeat): _size(piece.material)
        for subject in subjects
        for piece in subject.pieces
        if not isinstance(piece.material, str)
    }
    return [sizes.get((row.subject, row.verdict.case_id, row.verdict.repeat), 1.0) for row in rows]


_MODEL = re.compile(r"\bmodel=([^,()]+)(?=[,)])")


def _families(place: Workspace, subjects: Sequence[Subject]) -> list[str]:
    """Who made the models behind the runs, as far as their recipes tell."""
    names = set()
    for subject in subjects:
        names.update(_MODEL.findall(subject.run.system))
        if subject.run.bundle_id:
            model = place.stores.bundles.get(subject.run.bundle_id).components.get("model", {})
            names.add(str(model.get("model", "")))
    return sorted({family_of(name) for name in names} - {""})


def check(
    place: Workspace, name: str, reference: str, against: str, *, sample: int, max_cost: float | None, concurrency: int
) -> tuple[Control, ...]:
    """The controls of a judge on the replies of a run, without a card."""
    spec = judges.spec_of(place, name)
    subject = subject_of(place, spec, reference, against)
    rows = _labelled(place, spec, [subject], judge_labels.human_labels(place, name))

    async def work() -> tuple[Control, ...]:
        async with judges.open_judge(place, spec) as judge:
            return await controls(
                place, judge, [subject], rows, sample, judges.ceiling_of(place, spec, max_cost), concurrency
            )

    return asyncio.run(work())


# --- cards ---


def _labelled(
    place: Workspace, spec: JudgeSpec, subjects: Sequence[Subject], labels: Sequence[HumanLabel]
) -> list[Compared]:
    """Verdicts that the ledger holds beside people's labels on the same replies."""
    by_place = {(_subject_name(label), label.case_id, label.repeat): label for label in labels}
    rows = []
    for subject in subjects:
        clusters = clusters_of(tuple(subject.cases.values()))
        known = judges.keeping(place, subject.kind, subject.subject).known(spec.digest)
        for (case_id, repeat), verdict in known.items():
            label = by_place.get((subject.subject, case_id, repeat))
            if label is not None and case_id in subject.cases:
                slices = subject.cases[case_id].slices
                rows.append(Compared(verdict, label, clusters[case_id], slices, subject.subject))
    return rows


def _subject_name(label: HumanLabel) -> str:
    return f"{label.run_id}:{label.other_run}" if label.other_run else label.run_id


@dataclass(frozen=True, slots=True)
class Carded:
    """The card, and how many labels were of replies that there are not."""

    card: JudgeCard
    unknown: int
    spent_usd: float


def card(
    place: Workspace, name: str, given: Sequence[str], *, run: str = "", against: str = "", sample: int = SAMPLE,
    max_cost: float | None = None, concurrency: int = 8, days: float | None = None, progress: Progress,
) -> Carded:  # fmt: skip
    """Measure a judge on people's labels and keep its card; labelled replies that it has not judged are judged first.

    `given` are labelling tasks and files; without any, the tasks that `assay.yaml` names. Raises NotFound
    `judge.no_labels` when nobody has labelled anything.
    """
    spec = judges.spec_of(place, name)
    sources = [judge_labels.source(place, name, one, run, against) for one in given]
    sources = sources or list(judges.setting_of(place, name).labels)
    labels = judge_labels.human_labels(place, name, sources) if sources else ()
    labels = tuple(label for label in labels if bool(label.other_run) == is_pairwise(spec))
    if not labels:
        raise NotFound(
            "judge.no_labels", "there are no labels of what this judge judges", where=name,
            remedy=f"assay judge card {name} --labels TASK, or a file with case_id, run_id and label",
        )  # fmt: skip
    subjects = [_of_labels(place, spec, one) for one in {_subject_name(label): label for label in labels}.values()]
    wanted = {(_subject_name(label), label.case_id, label.repeat) for label in labels}
    parts = [(subject, _pieces(subject, wanted)) for subject in subjects]
    judges.check_price(judges.estimate(place, spec, [m for _, part in parts for _, m in _materials(part)]), max_cost)
    ceiling = judges.ceiling_of(place, spec, max_cost)

    async def work() -> tuple[tuple[Control, ...], list[Compared]]:
        async with judges.open_judge(place, spec) as judge:
            for subject, part in parts:
                await _judged(place, judge, subject, part, ceiling, concurrency, progress)
            rows = _labelled(place, spec, subjects, labels)
            labelled = [replace(subject, pieces=part) for subject, part in parts]
            return await controls(place, judge, labelled, rows, sample, ceiling, concurrency), rows

    found, rows = asyncio.run(work())
    made = _made(place, spec, rows, ", ".join(sources), found, days)
    there = {(subject.subject, piece.case_id, piece.repeat) for subject in subjects for piece in subject.pieces}
    return Carded(made, len(wanted - there), ceiling.spent_usd)


def _of_labels(place: Workspace, spec: JudgeSpec, label: HumanLabel) -> Subject:
    return subject_of(place, spec, label.run_id, label.other_run)


def _pieces(subject: Subject, wanted: set[tuple[str, str, int]]) -> tuple[Piece, ...]:
    return tuple(piece for piece in subject.pieces if (subject.subject, piece.case_id, piece.repeat) in wanted)


def _materials(pieces: Sequence[Piece]) -> list[tuple[Piece, Material]]:
    return [(piece, piece.material) for piece in pieces if not isinstance(piece.material, str)]


async def _judged(
    place: Workspace, judge: Judge, subject: Subject, pieces: Sequence[Piece], ceiling: Ceiling, concurrency: int,
    progress: Progress,
) -> None:  # fmt: skip
    kept = judges.keeping(place, subject.kind, subject.subject)
    with judging.interruptible() as stop:
        done = await run_judge(
            judge, pieces, kept, concurrency=concurrency, ceiling=ceiling, stop=stop, progress=progress
        )
    if done.left or done.momentary:
        raise CannotJudge(
            "judge.unfinished", f"{done.left + done.momentary} labelled replies were not judged", where=judge.spec.name,
            remedy="run the same command again: what was judged is kept",
        )  # fmt: skip


def _made(
    place: Workspace, spec: JudgeSpec, rows: Sequence[Compared], labels: str, found: Sequence[Control],
    days: float | None,
) -> JudgeCard:  # fmt: skip
    anchors = judge_anchors.frozen_anchors(place, spec)
    now = place.clock.now()
    lasts = timedelta(days=days if days is not None else place.settings.gate.judges.card_days)
    made = make_card(
        spec, rows, labels=labels, controls=found, anchors=anchors.digest if anchors else "", now=now,
        expires=moment((datetime.fromisoformat(now) + lasts).isoformat()), versions=judging.versions(),
    )  # fmt: skip
    place.stores.ledger.append([Entry(CARD, spec.name, made.card_id, plain(made), now)])
    return made


def cards(place: Workspace) -> tuple[JudgeCard, ...]:
    """Every card there is, oldest first."""
    return tuple(msgspec.convert(entry.body, JudgeCard) for entry in place.stores.ledger.entries(CARD))


def card_named(place: Workspace, reference: str) -> JudgeCard:
    """A card by a unique prefix of its id, or the newest of a judge. Raises NotFound."""
    newest = judge_labels.newest_card(place, reference)
    if newest is not None:
        return newest
    found = [one for one in cards(place) if len(reference) >= 6 and one.card_id.startswith(reference)]
    if len(found) != 1:
        raise NotFound(
            "judge.no_card", "there is no card of this judge or id", where=reference, remedy="assay judge cards"
        )
    return found[0]


def recipes_now(place: Workspace) -> dict[str, str]:
    """The digest of every judge as `assay.yaml` declares it now."""
    return {name: judges.spec_of(place, name).digest for name in place.settings.judges}
