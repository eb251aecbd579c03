"""What a labelling task draws from: the replies of runs, pairs of them, or cases, sorted into strata or given sizes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from assay.golden.labelling.drawing import Frame, Unit, unit_id
from assay.records.errors import CannotJudge, InputError
from assay.records.evaluation import Direction, Run, RunStatus, Sample
from assay.records.golden import Case, GoldenSet
from assay.records.labels import ItemKind
from assay.wiring.labelling import Place

FLOOR = 0.2
"""The smallest size of an item against the largest: whatever the risk says, everything has a fair chance."""
FEW_VERDICTS = 4
"""With more distinct verdicts than this, strata are quarters of the scale."""

Key = tuple[str, str, int]
"""Run, case, repeat."""
VerdictsOf = Callable[[Run], Mapping[tuple[str, int], float]]
"""A judge's verdicts on a run, by case and repeat."""


@dataclass(frozen=True, slots=True)
class Population:
    """The frame, what was left out of it and why, what is guessed of each stratum, and the replies themselves."""

    frame: Frame
    left_out: dict[str, int]
    guesses: dict[str, float]
    samples: dict[Key, Sample]
    golden: GoldenSet


def check_runs(runs: Sequence[Run], kind: ItemKind) -> None:
    """Raise when these runs cannot be labelled together: CannotJudge, or InputError for a wrong number of them."""
    if kind is ItemKind.PAIR and len(runs) != 2:
        raise InputError("label.two_runs", "pairs are of the replies of two runs", where="--runs")
    if len({run.run_id for run in runs}) < len(runs):
        raise InputError("label.same_run", "a run is named twice", where="--runs")
    for run in runs:
        if run.status is not RunStatus.COMPLETE:
            raise CannotJudge(
                "label.incomplete", "the run is not complete: what is drawn from would not be known",
                where=f"run {run.run_id}", remedy="run the same assay eval again: it goes on where it stopped",
            )  # fmt: skip
    if len({(run.golden_name, run.golden_version) for run in runs}) > 1:
        raise CannotJudge(
            "label.other_golden", "the runs answered different versions of a golden set",
            where=", ".join(run.run_id for run in runs), remedy="label them in a task each",
        )  # fmt: skip


def population(
    place: Place, kind: ItemKind, runs: Sequence[Run], golden: GoldenSet, by: str, verdicts_of: VerdictsOf, *,
    seed: int, floor: float = FLOOR,
) -> Population:  # fmt: skip
    """Everything that could be labelled. Replies of samples that failed are left out and counted: there are none."""
    if not 0.0 < floor <= 1.0:
        raise InputError("label.floor", "the floor of the chances is above 0 and at most 1", where="--floor")
    cases = {case.case_id: case for case in golden.cases}
    kept: dict[Key, Sample] = {}
    left_out: Counter[str] = Counter()
    for run in runs:
        for sample in place.stores.runs.samples(run.run_id):
            if sample.error:
                left_out["failed"] += 1
            elif sample.case_id not in cases:
                left_out["case_gone"] += 1
            else:
                kept[(run.run_id, sample.case_id, sample.repeat)] = sample
    units = _units(kind, runs, kept, cases)
    if kind is ItemKind.PAIR:
        left_out["no_partner"] = len(kept) - 2 * len(units)
    sorted_units, guesses = _sorted_by(units, by, runs, cases, kept, verdicts_of, floor)
    return Population(Frame(seed, tuple(sorted_units)), {k: n for k, n in left_out.items() if n}, guesses, kept, golden)


def _units(kind: ItemKind, runs: Sequence[Run], kept: Mapping[Key, Sample], cases: Mapping[str, Case]) -> list[Unit]:
    if kind is ItemKind.CASE:
        return [Unit(unit_id("case", name), name) for name in cases]
    if kind is ItemKind.REPLY:
        return [Unit(unit_id("reply", case, run, n), case, run, n) for run, case, n in kept]
    one, two = (run.run_id for run in runs)
    both = [(case, n) for run, case, n in kept if run == one and (two, case, n) in kept]
    return [Unit(unit_id("pair", case, one, n, two), case, one, n, two) for case, n in both]


def _sorted_by(
    units: Sequence[Unit], by: str, runs: Sequence[Run], cases: Mapping[str, Case], kept: Mapping[Key, Sample],
    verdicts_of: VerdictsOf, floor: float,
) -> tuple[list[Unit], dict[str, float]]:  # fmt: skip
    """The units with stratum and size as `by` says, and the share of positives that is guessed of each stratum."""
    how, _, name = by.partition(":")
    guesses: dict[str, float] = {}
    if by == "uniform":
        made = list(units)
    elif how == "slice":
        made = [replace(unit, stratum=_slice(cases[unit.case_id], name, units, cases)) for unit in units]
    elif how == "judge" and name and runs:
        made, guesses = _by_verdict(units, name, {run.run_id: verdicts_of(run) for run in runs})
    elif how == "risk" and runs:
        risk = _risks(name, runs, kept)
        made = [replace(unit, size=max(floor, _risk(unit, risk))) for unit in units]
    else:
        raise InputError(
            "label.by", "items are drawn by uniform, slice:NAME, judge:NAME, risk or risk:METRIC", where="--by",
            remedy="judge and risk need runs" if how in ("judge", "risk") else "see docs/labelling.md",
        )  # fmt: skip
    if len({unit.run_id for unit in made}) < 2:
        return made, guesses
    made = [replace(unit, stratum=f"{unit.stratum} run:{unit.run_id}") for unit in made]
    return made, {unit.stratum: guesses[unit.stratum.rpartition(" run:")[0]] for unit in made if guesses}


def _slice(case: Case, name: str, units: Iterable[Unit], cases: Mapping[str, Case]) -> str:
    if not name:
        known = sorted({s.partition("=")[0] for unit in units for s in cases[unit.case_id].slices})
        raise InputError(
            "label.by", "name the slice to stratify by", where="--by", remedy=f"one of slice:{', slice:'.join(known)}"
        )
    return next((one for one in case.slices if one == name or one.startswith(f"{name}=")), f"{name}=none")


def _by_verdict(
    units: Sequence[Unit], name: str, verdicts: Mapping[str, Mapping[tuple[str, int], float]]
) -> tuple[list[Unit], dict[str, float]]:
    """Strata of verdicts; of a pair the two verdicts together. A guess from the verdict stands for the first draw."""
    values = {value for by_case in verdicts.values() for value in by_case.values()}
    if not values:
        raise InputError("label.no_verdicts", "this judge has no verdict on these runs", where=f"judge:{name}")
    made, guesses = [], {}
    for unit in units:
        place = (unit.case_id, unit.repeat)
        said = [verdicts[run].get(place) for run in (unit.run_id, unit.other_run) if run]
        shown = "/".join(_verdict(value, values) for value in said)
        made.append(replace(unit, stratum=f"judge:{name}={shown}"))
        known = [value for value in said if value is not None]
        guesses[made[-1].stratum] = min(0.9, max(0.1, known[0])) if len(said) == 1 and known else 0.5
    return made, guesses


def _verdict(value: float | None, values: set[float]) -> str:
    if value is None:
        return "none"
    if len(values) <= FEW_VERDICTS:
        return f"{value:g}"
    quarter = min(3, max(0, int(value * 4)))
    return f"{quarter / 4:g}-{(quarter + 1) / 4:g}"


def _risks(metric: str, runs: Sequence[Run], kept: Mapping[Key, Sample]) -> dict[Key, float]:
    """Between 0 and 1 by reply: one minus the confidence, or the place among the run's scores from best to worst.
    What is not known counts as half a risk for confidence and as a whole one for a score."""
    if not metric:
        confident = {key: sample.reply.confidence for key, sample in kept.items()}
        return {key: 0.5 if c is None else min(1.0, max(0.0, 1.0 - c)) for key, c in confident.items()}
    directions = {m.name: m.direction for run in runs for m in run.metrics}
    if metric not in directions:
        raise InputError(
            "label.unknown_metric", f"the runs have no metric of this name (there are: {', '.join(directions)})",
            where=f"risk:{metric}",
        )  # fmt: skip
    sign = -1.0 if directions[metric] is Direction.HIGHER else 1.0
    scores: dict[str, list[float]] = defaultdict(list)
    for (run, _, _), sample in kept.items():
        if metric in sample.scores:
            scores[run].append(sign * sample.scores[metric])
    ranked = {run: {value: place for place, value in enumerate(sorted(set(s)), 1)} for run, s in scores.items()}
    return {
        key: ranked[key[0]][sign * sample.scores[metric]] / len(ranked[key[0]]) if metric in sample.scores else 1.0
        for key, sample in kept.items()
    }


def _risk(unit: Unit, risk: Mapping[Key, float]) -> float:
    """The riskier of a pair."""
    runs = [run for run in (unit.run_id, unit.other_run) if run]
    return max((risk.get((run, unit.case_id, unit.repeat), 1.0) for run in runs), default=1.0)
