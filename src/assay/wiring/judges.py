"""Judges of a workspace: from `assay.yaml` to verdicts on a run, each kept, and a run that carries them as a metric."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from assay.evaluate.judges.agreement import family_of
from assay.evaluate.judges.judge import Judge
from assay.evaluate.judges.material import PassageText, material_of
from assay.evaluate.judges.prompts import CRITERION, CRITERION_OF_PAIR, CRITERION_OF_REFERENCE
from assay.evaluate.judges.running import Ceiling, Done, Keeping, Piece, Price, price, run_judge
from assay.records.documents import Span
from assay.records.errors import AssayError, CannotJudge, InputError, NotFound
from assay.records.evaluation import Metric, Report, Run, RunStatus, Sample
from assay.records.judging import VERDICT, Anchor, JudgeKind, JudgeSpec, Material, Verdict
from assay.wiring import apps, judging
from assay.wiring.build import Workspace
from assay.wiring.settings_apps import OpenAIModel
from assay.wiring.settings_judges import ClaimsJudge, JudgeSetting, JuryJudge, NuggetsJudge, PairwiseJudge

if TYPE_CHECKING:
    from assay.adapters.openai_chat import OpenAIChat

Progress = Callable[[int, int], None]


def setting_of(place: Workspace, name: str) -> JudgeSetting:
    """Raises NotFound with the names there are."""
    found = place.settings.judges.get(name)
    if found is None:
        names = ", ".join(place.settings.judges) or "none yet"
        raise NotFound(
            "judge.unknown", f"no judge of this name in assay.yaml (there are: {names})", where=name,
            remedy="declare it under judges:, see docs/judges.md",
        )  # fmt: skip
    return found


def spec_of(place: Workspace, name: str) -> JudgeSpec:
    """The judge as `assay.yaml` declares it now."""
    found = setting_of(place, name)
    kind = JudgeKind(found.kind)
    if isinstance(found, JuryJudge):
        members = tuple(spec_of(place, member) for member in found.members)
        families = {member.family for member in members}
        quorum = found.quorum or len(members) // 2 + 1
        return JudgeSpec(
            name, kind, family=families.pop() if len(families) == 1 else "", members=members, rule=found.rule,
            quorum=quorum, pass_at=found.pass_at if found.rule == "mean" else 1.0,
        )  # fmt: skip
    model = place.settings.models[found.model]
    if not isinstance(model, OpenAIModel):
        raise InputError("judge.model", "a judge needs a chat model", where=f"judges.{name}.model")
    spec = JudgeSpec(
        name, kind, _named(model), found.family or family_of(model.model),
        votes=found.votes, temperature=found.temperature, max_tokens=found.max_tokens, probe=found.probe,
    )  # fmt: skip
    if isinstance(found, PairwiseJudge):
        return replace(spec, criterion=found.criterion or CRITERION_OF_PAIR)
    if isinstance(found, (ClaimsJudge, NuggetsJudge)):
        return replace(spec, pass_at=found.pass_at, score=found.score if isinstance(found, NuggetsJudge) else "")
    values = sorted(found.scale)
    lowest = values[-1] if found.pass_at is None else found.pass_at
    default = CRITERION_OF_REFERENCE if kind is JudgeKind.REFERENCE else CRITERION
    return replace(
        spec,
        criterion=found.criterion or default,
        anchors=tuple(Anchor(value, found.scale[value]) for value in values),
        pass_at=(lowest - values[0]) / (values[-1] - values[0]),
    )


def _named(model: OpenAIModel) -> str:
    """The model and where it is served, without anything secret that may stand in the address."""
    parts = urlsplit(model.base_url)
    return f"{model.model} at {parts.hostname}:{parts.port}{parts.path.rstrip('/')}"


@asynccontextmanager
async def open_judge(place: Workspace, spec: JudgeSpec) -> AsyncIterator[Judge]:
    """The judge with its models, whose connections are closed at the end. Raises ConfigError for a missing key."""
    chats: list[OpenAIChat] = []
    try:
        yield _built(place, spec, chats)
    finally:
        for chat in chats:
            await chat.aclose()


def _built(place: Workspace, spec: JudgeSpec, chats: list[OpenAIChat]) -> Judge:
    if spec.kind is JudgeKind.JURY:
        return Judge(spec, members=tuple(_built(place, member, chats) for member in spec.members))
    chat = cast("OpenAIChat", apps.chat_model(_model_of(place, spec)))
    chats.append(chat)
    return Judge(spec, chat, cache=place.stores.cache)


def _model_of(place: Workspace, spec: JudgeSpec) -> OpenAIModel:
    found = setting_of(place, spec.name)
    model = None if isinstance(found, JuryJudge) else place.settings.models[found.model]
    if not isinstance(model, OpenAIModel):
        raise InputError("judge.model", "a judge needs a chat model", where=f"judges.{spec.name}.model")
    return model


def root_of(place: Workspace, run_id: str) -> str:
    """The run that first gave the replies: judging and scoring again copy them to new runs."""
    seen = set()
    while run_id not in seen:
        seen.add(run_id)
        try:
            before = place.stores.runs.run(run_id).versions.get("rescored_from", "")
        except NotFound:
            return run_id
        run_id = before or run_id
    return run_id


def complete_run(place: Workspace, reference: str) -> Run:
    """A finished run, by id, bundle or app. Raises CannotJudge for one that is not complete."""
    run = judging.run_named(place, reference)
    if run.status is not RunStatus.COMPLETE:
        raise CannotJudge(
            "judge.incomplete", "the run is not complete", where=run.run_id,
            remedy="run the same assay eval again: it goes on where it stopped",
        )  # fmt: skip
    return run


def passage_text(place: Workspace) -> PassageText:
    """Characters of a stored copy, the last few copies at hand; empty where a copy is gone or no longer itself."""
    copies: dict[str, str] = {}

    def text_of(span: Span) -> str:
        if span.text_sha256 not in copies:
            if len(copies) >= 64:
                copies.clear()
            try:
                copies[span.text_sha256] = place.stores.blobs.get(span.text_sha256).decode("utf-8", "replace")
            except AssayError as error:
                if not isinstance(error, (NotFound, CannotJudge)):
                    raise
                copies[span.text_sha256] = ""
        return copies[span.text_sha256][span.start : span.end]

    return text_of


def pieces_of(
    place: Workspace, spec: JudgeSpec, run: Run, only: frozenset[tuple[str, int]] | None = None
) -> tuple[Piece, ...]:
    """What a judge would be shown of a run, or of some of its samples."""
    cases = {case.case_id: case for case in judging.golden_of(place, run).cases}
    text_of = passage_text(place)
    return tuple(
        Piece(sample.case_id, sample.repeat, material_of(spec, cases[sample.case_id], sample.reply, text_of))
        for sample in place.stores.runs.samples(run.run_id)
        if sample.case_id in cases and (only is None or (sample.case_id, sample.repeat) in only)
    )


def estimate(place: Workspace, spec: JudgeSpec, materials: Sequence[Material]) -> Price:
    """What judging these would take; what is cached costs less."""
    return price(spec, materials, lambda member: _prices(place, member))


def _prices(place: Workspace, spec: JudgeSpec) -> tuple[float | None, float | None]:
    model = _model_of(place, spec)
    return model.price_in_usd_per_million, model.price_out_usd_per_million


def ceiling_of(place: Workspace, spec: JudgeSpec, max_cost: float | None) -> Ceiling:
    """Raises InputError when a ceiling is asked for and a price is not known."""
    if max_cost is None:
        return Ceiling(None)
    if estimate(place, spec, ()).usd is None:
        raise InputError(
            "judge.no_price", "a ceiling needs prices, and the model has none", where=f"judges.{spec.name}.model",
            remedy="set price_in_usd_per_million and price_out_usd_per_million under models (0 for a model of yours)",
        )  # fmt: skip
    return Ceiling(max_cost, lambda material: estimate(place, spec, [material]).usd or 0.0)


def check_price(planned: Price, max_cost: float | None) -> None:
    """Raises InputError when the estimate alone lies above the ceiling: nothing is spent then."""
    if max_cost is not None and planned.usd is not None and planned.usd > max_cost:
        raise InputError(
            "judge.max_cost", f"about {planned.usd:.4f} USD are needed, more than --max-cost allows",
            remedy="raise --max-cost, or judge a run with fewer cases",
        )  # fmt: skip


def check_ceiling(done: Done, where: str) -> None:
    """Raises CannotJudge when money ran out on the way."""
    if done.reached_ceiling:
        raise CannotJudge(
            "judge.ceiling", f"--max-cost was reached with {done.left} replies left; the verdicts so far are kept",
            where=where, remedy="run the same command again with a higher one: it goes on where it stopped",
        )  # fmt: skip


def keeping(place: Workspace, kind: str, subject: str) -> Keeping:
    return Keeping(place.stores.ledger, kind, subject, place.clock)


@dataclass(frozen=True)
class JudgedRun:
    """What judging a run came to. `report` is None while replies are `left` to be judged."""

    run: Run | None
    report: Report | None
    done: Done
    notes: tuple[str, ...] = ()


def planned(place: Workspace, reference: str, name: str) -> Price:
    """What judging a run would take, by estimate."""
    spec, run = spec_of(place, name), complete_run(place, reference)
    check_single(spec)
    known = keeping(place, VERDICT, root_of(place, run.run_id)).known(spec.digest)
    return estimate(place, spec, [material for _, material in waiting_of(pieces_of(place, spec, run), known)])


def waiting_of(pieces: Sequence[Piece], known: dict[tuple[str, int], Verdict]) -> Iterator[tuple[Piece, Material]]:
    """What the ledger holds no verdict of."""
    for piece in pieces:
        if not isinstance(piece.material, str):
            old = known.get((piece.case_id, piece.repeat))
            if old is None or old.material != piece.material.digest:
                yield piece, piece.material


def check_single(spec: JudgeSpec) -> None:
    if spec.kind is JudgeKind.PAIRWISE or any(one.kind is JudgeKind.PAIRWISE for one in spec.members):
        raise InputError(
            "judge.pairwise", "this judge compares two runs", where=spec.name,
            remedy=f"assay judge compare RUN_A RUN_B --judge {spec.name}",
        )  # fmt: skip


def judge_run(
    place: Workspace, reference: str, name: str, *, concurrency: int = 8, max_cost: float | None = None,
    retry: bool = False, anchors: bool = True, progress: Progress,
) -> JudgedRun:  # fmt: skip
    """Judge every reply of a finished run, keep the verdicts, and make the run that carries them as `judge:NAME`.

    What was judged before is not asked again, so the same call resumes. The judge's anchors are judged again first,
    where it has any. Raises InputError when the price is above `max_cost` before anything is spent, and CannotJudge
    `judge.ceiling` when it turned out so on the way.
    """
    from assay.wiring import judge_anchors, judge_gate

    spec, run = spec_of(place, name), complete_run(place, reference)
    check_single(spec)
    root = root_of(place, run.run_id)
    pieces = pieces_of(place, spec, run)
    known = keeping(place, VERDICT, root).known(spec.digest)
    waiting = [material for _, material in waiting_of(pieces, known)]
    frozen = judge_anchors.frozen_anchors(place, spec) if anchors else None
    if frozen and not waiting and judge_anchors.read_already(place, spec, frozen, root):
        frozen = None
    held = judge_anchors.anchor_materials(place, spec, frozen) if frozen else ()
    check_price(estimate(place, spec, [*waiting, *(material for _, material in held)]), max_cost)
    ceiling = ceiling_of(place, spec, max_cost)

    async def work() -> Done:
        async with open_judge(place, spec) as judge:
            with judging.interruptible() as stop:
                if frozen:
                    await judge_anchors.watch(place, judge, frozen, held, root, ceiling, concurrency)
                return await run_judge(
                    judge, pieces, keeping(place, VERDICT, root), concurrency=concurrency, ceiling=ceiling,
                    retry=retry, stop=stop, progress=progress,
                )  # fmt: skip

    done = asyncio.run(work())
    check_ceiling(done, run.run_id)
    if done.left:
        return JudgedRun(None, None, done)
    made = with_verdicts(place, run, spec, done.verdicts)
    return JudgedRun(made, judging.report(place, made.run_id), done, judge_gate.notes(place, spec, made))


@dataclass(frozen=True, slots=True)
class _Kept:
    """A scorer that is known by its metric and recipe only: its scores are copied."""

    metric: Metric
    recipe: str


def with_verdicts(place: Workspace, run: Run, spec: JudgeSpec, verdicts: Sequence[Verdict]) -> Run:
    """The run with the judge's metric added to all that it measured; the same one again while nothing has changed."""
    from assay.evaluate.runs import SCORER_PREFIX
    from assay.evaluate.summary import run_digest

    by_place = {(verdict.case_id, verdict.repeat): verdict for verdict in verdicts}
    samples = [_scored(sample, spec, by_place.get((sample.case_id, sample.repeat)))
               for sample in place.stores.runs.samples(run.run_id)]  # fmt: skip
    digest = run_digest(samples)
    for old in place.stores.runs.runs():
        if (
            old.versions.get("rescored_from") == run.run_id
            and old.samples_digest == digest
            and old.versions.get(SCORER_PREFIX + spec.metric.name) == spec.recipe
        ):
            return old
    made = _specified(place, run, spec)
    place.stores.runs.create(made)
    place.stores.runs.append(made.run_id, samples)
    place.stores.runs.finish(made.run_id, RunStatus.COMPLETE, digest)
    return place.stores.runs.run(made.run_id)


def _specified(place: Workspace, run: Run, spec: JudgeSpec) -> Run:
    from assay.evaluate.runs import SCORER_PREFIX, rescored_run

    metrics = [metric for metric in run.metrics if metric.name != spec.metric.name]
    kept = [_Kept(metric, run.versions.get(SCORER_PREFIX + metric.name, "")) for metric in metrics]
    made = rescored_run(run, [*kept, _Kept(spec.metric, spec.recipe)], place.clock)  # type: ignore[list-item]
    return replace(made, samples_digest="", versions={name: text for name, text in made.versions.items() if text})


def _scored(sample: Sample, spec: JudgeSpec, verdict: Verdict | None) -> Sample:
    name = spec.metric.name
    scores = {metric: value for metric, value in sample.scores.items() if metric != name}
    unscored = {metric: reason for metric, reason in sample.unscored.items() if metric != name}
    judgement = verdict.judgement if verdict else None
    if judgement is not None and judgement.value is not None:
        scores[name] = judgement.value
    else:
        unscored[name] = judgement.reason if judgement else "not_judged"
    return replace(sample, scores=scores, unscored=unscored)
