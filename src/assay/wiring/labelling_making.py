"""Making a labelling task in a workspace: runs and cases looked up, attention checks read or built, all of it kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.golden.fields import Fields
from assay.golden.jsonl import read_rows
from assay.golden.labelling.making import Check, Question, check_question, new_task, swapped
from assay.golden.problems import BadCases, Problem
from assay.records.dialogue import Outcome
from assay.records.errors import InputError, NotFound
from assay.records.evaluation import Run
from assay.records.golden import GoldenSet
from assay.records.judging import CARD, METRIC_PREFIX, VERDICT
from assay.records.labels import ItemKind, LabelTask
from assay.text.tokens import STOP_WORDS, words
from assay.wiring import golden_sets, judges, judging, labelling
from assay.wiring.build import Workspace
from assay.wiring.labelling_frame import FLOOR, Population, check_runs, population

_SMALL = frozenset().union(*STOP_WORDS.values())


@dataclass(frozen=True, slots=True)
class Drawing:
    """How many items, how they are drawn, and which attention checks are mixed in."""

    count: int = 100
    by: str = "uniform"
    seed: int = 0
    floor: float = FLOOR
    checks: Path | None = None
    swaps: int = 0
    swap_label: str = ""


def create(
    place: Workspace, asked: Question, drawing: Drawing, run_names: Sequence[str], golden_reference: str = ""
) -> LabelTask:
    """Make a task and keep it. Raises InputError, CannotJudge, NotFound and Busy, code `label.*`, before anything is
    written."""
    question = check_question(asked)
    runs = [judging.run_named(place, name) for name in run_names]
    if question.kind is not ItemKind.CASE and not runs:
        raise InputError("label.no_runs", "name the runs whose replies are labelled", where="--runs")
    check_runs(runs, question.kind)
    golden = _golden(place, runs, golden_reference)
    found = population(
        place, question.kind, runs, golden, drawing.by, lambda run: verdicts(place, run, drawing.by.partition(":")[2]),
        seed=drawing.seed, floor=drawing.floor,
    )  # fmt: skip
    checks = [*_file_checks(question, drawing.checks, found), *_swaps(question, drawing, found)]
    made = new_task(
        question, found.frame, drawing.count, checks, by=drawing.by, guesses=found.guesses, left_out=found.left_out,
        golden_name=golden.name, golden_version=golden.version, now=place.clock.now(),
    )  # fmt: skip
    labelling.keep_task(place, made, found.frame)
    return made


def _golden(place: Workspace, runs: Sequence[Run], reference: str) -> GoldenSet:
    if runs:
        return judging.golden_of(place, runs[0])
    if not reference:
        raise InputError("label.no_golden", "name the golden set whose cases are labelled", where="--golden")
    return golden_sets.resolve(place, reference)


def verdicts(place: Workspace, run: Run, name: str) -> Mapping[tuple[str, int], float]:
    """What a judge, or any metric of the run, says of each reply: scores of the run, else the ledger's verdicts of the
    judge as `assay.yaml` declares it, as its newest card has it, or whose digest begins so.

    Raises InputError `label.no_verdicts`.
    """
    metrics = {metric.name for metric in run.metrics}
    metric = next((one for one in (f"{METRIC_PREFIX}{name}", name) if one in metrics), "")
    if metric:
        samples = place.stores.runs.samples(run.run_id)
        return {(s.case_id, s.repeat): s.scores[metric] for s in samples if metric in s.scores}
    found: dict[str, dict[tuple[str, int], float]] = {}
    for entry in place.stores.ledger.entries(VERDICT, judges.root_of(place, run.run_id)):
        value = entry.body["judgement"]["value"]
        if value is not None:
            found.setdefault(entry.body["judge"], {})[(entry.body["case_id"], entry.body["repeat"])] = float(value)
    declared = [judges.spec_of(place, name).digest] if name in place.settings.judges else []
    carded = [entry.body["digest"] for entry in place.stores.ledger.entries(CARD, name)]
    wanted = [*declared, *reversed(carded), *(one for one in found if len(name) >= 4 and one.startswith(name))]
    digest = next((one for one in wanted if one in found), "")
    if not digest:
        known = ", ".join([*sorted(metrics), *(one[:12] for one in found)])
        raise InputError(
            "label.no_verdicts", f"the run has no verdicts of this name (there are: {known})",
            where=f"run {run.run_id}, judge:{name}", remedy=f"assay judge run {run.run_id} --judge NAME",
        )  # fmt: skip
    return found[digest]


def _file_checks(question: Question, path: Path | None, found: Population) -> list[Check]:
    """Checks from JSON lines: `case`, `gold`, and where wanted `reply` (a text to show), `run` and `repeat`."""
    if path is None:
        return []
    problems: list[Problem] = []
    units = {(unit.case_id, unit.run_id, unit.repeat): unit for unit in found.frame.units}
    runs = list(dict.fromkeys(unit.run_id for unit in found.frame.units))

    def check(fields: Fields) -> Check | None:
        fields.only(frozenset({"case", "gold", "reply", "run", "repeat"}))
        case, gold = fields.text("case", required=True), fields.text("gold", required=True)
        wanted = fields.text("run")
        repeat = fields.count("repeat", default=1) - 1 if fields.has("repeat") else 0
        names = [run for run in runs if run.startswith(wanted)]
        unit = next((units[(case, run, repeat)] for run in names if (case, run, repeat) in units), None)
        if unit is None:
            fields.report("case", "label.no_such_reply", "no such reply is in the population")
            return None
        if gold not in question.labels:
            fields.report("gold", "label.unknown_label", "is none of the task's labels")
        return Check(unit, gold, text=fields.text("reply"))

    try:
        rows = read_rows(path.read_bytes(), path.name, problems, check)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise InputError("label.unreadable", f"cannot be read ({reason})", where=str(path)) from None
    if problems:
        raise BadCases(path.name, problems)
    return [one for _, one in rows]


def _swaps(question: Question, drawing: Drawing, found: Population) -> list[Check]:
    """Checks made by showing a reply under another question."""
    if not drawing.swaps:
        return []
    if question.kind is not ItemKind.REPLY or drawing.swap_label not in question.labels:
        raise InputError(
            "label.swap_label", "say which label a reply to another question deserves; for replies only",
            where="--swap-label", remedy=f"one of {', '.join(question.labels)}",
        )  # fmt: skip
    cases = {case.case_id: case.question for case in found.golden.cases}
    asked = {name: _topic(text) for name, text in cases.items()}
    said = {
        case: _topic(sample.reply.text) | asked[case]
        for (_, case, _), sample in found.samples.items()
        if sample.reply.outcome is Outcome.ANSWERED and sample.reply.text
    }
    pairs = swapped(found.frame.units, asked, said, drawing.swaps, drawing.seed)
    if len(pairs) < drawing.swaps:
        raise NotFound(
            "label.no_swaps", f"only {len(pairs)} replies have nothing in common with another question",
            where="--swap-checks", remedy="ask for fewer, or name checks in a file with --checks",
        )  # fmt: skip
    return [Check(unit, drawing.swap_label, shown_case=other) for unit, other in pairs]


def _topic(text: str) -> frozenset[str]:
    return frozenset(word.lower() for word in words(text)) - _SMALL
