"""`assay power` plans from stated numbers and from two runs, prices the plan, and refuses what makes no sense."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from assay.cli import power as power_command
from assay.records.comparison import ClauseKind
from assay.records.dialogue import Outcome, Reply, Usage
from assay.records.errors import InputError
from assay.records.evaluation import Direction, Metric, MetricKind, Run, RunStatus, Sample
from assay.records.golden import Case, Expected, GoldenSet
from assay.wiring import powering
from assay.wiring.build import Workspace
from assay.wiring.powering import Question, from_numbers, from_runs
from assay.wiring.settings import Settings
from served import memory_stores

app = typer.Typer()  # the whole command line takes a second to build
power_command.register(app)

NI, SUPERIOR = ClauseKind.NON_INFERIORITY, ClauseKind.SUPERIORITY
METRICS = (
    Metric("correct", MetricKind.BINARY, Direction.HIGHER),
    Metric("groundedness", MetricKind.MEAN, Direction.HIGHER),
    Metric("latency_ms", MetricKind.SKEWED, Direction.LOWER, "ms"),
)


def pilot(cases: int = 120, repeats: int = 2, *, cost: float | None = 0.004, ties: bool = False) -> Workspace:
    """A workspace in memory with two finished runs; every third document has more questions than the others."""
    rng = np.random.default_rng(3)
    golden = GoldenSet(
        "pilot", tuple(Case(f"c{i}", "?", Expected(), cluster=f"d{i // (1 + i % 3)}") for i in range(cases))
    )
    stores = memory_stores()
    stores.golden.put(golden)
    ease = rng.normal(1.5, 1.0, cases)
    for name in ("run-a", "run-b"):
        run = Run(
            name, "demo", "recipe", "", "pilot", golden.version, cases, repeats, 0, METRICS, "2026-01-01T00:00:00Z"
        )
        stores.runs.create(run)
        stores.runs.append(
            name,
            [
                Sample(
                    f"c{i}", repeat, Reply(Outcome.ANSWERED, usage=Usage(10, 10, cost)),
                    {
                        "correct": 1.0 if ties else float(rng.random() < 1 / (1 + np.exp(-ease[i]))),
                        "groundedness": 0.9 if ties else float(np.clip(rng.normal(0.8, 0.1), 0, 1)),
                        "latency_ms": 100.0 if ties else float(rng.lognormal(5, 0.4)),
                    },
                    {},
                )
                for i in range(cases)
                for repeat in range(repeats)
            ],
        )  # fmt: skip
        stores.runs.finish(name, RunStatus.COMPLETE)
    return cast(Workspace, SimpleNamespace(stores=stores, settings=Settings()))


def test_the_known_number_of_cases_with_its_price() -> None:
    """Ten per cent discordance, margin .03, one-sided .05, power .8: 687 cases (`evaluation.md` 4.3)."""
    plan = from_numbers(Question(NI, 0.03), discordance=0.1, cases=200, price=0.02)
    assert plan.needed == 687
    assert plan.power_today == pytest.approx(0.38, abs=0.01)
    assert {step.cases: step.price_usd for step in plan.steps}[687] == pytest.approx(13.74)
    assert [step.power for step in plan.steps] == sorted(step.power for step in plan.steps)


def test_clusters_cost_their_design_effect_and_a_little_for_their_number() -> None:
    alone = from_numbers(Question(NI, 0.05), spread=0.4).needed
    grouped = from_numbers(Question(NI, 0.05), spread=0.4, cluster_size=5, correlation=0.25).needed
    assert alone is not None
    assert grouped is not None
    assert 2.0 * alone <= grouped <= 2.0 * alone + 20


def test_a_truth_on_the_wrong_side_of_the_line_is_never_shown() -> None:
    for question in (Question(NI, 0.03, -0.05), Question(SUPERIOR, 0.03, 0.02), Question(NI, 0.0)):
        plan = from_numbers(question, discordance=0.2, cases=100)
        assert plan.needed is None
        assert plan.power_today <= 0.051


@pytest.mark.parametrize(
    ("question", "numbers"),
    [
        (Question(NI, -0.01), {"discordance": 0.1}),
        (Question(NI, 1.0), {"discordance": 0.1}),
        (Question(NI, float("nan")), {"spread": 0.1}),
        (Question(NI, 0.03), {}),
        (Question(NI, 0.03), {"discordance": 0.1, "spread": 0.1}),
        (Question(NI, 0.03), {"discordance": 0.0}),
        (Question(NI, 0.03), {"spread": 0.0}),
        (Question(NI, 0.03, 0.5), {"discordance": 0.1}),
        (Question(NI, 0.03, alpha=0.7), {"discordance": 0.1}),
        (Question(NI, 0.03), {"discordance": 0.1, "cluster_size": 0.5}),
        (Question(NI, 0.03), {"discordance": 0.1, "price": -1.0}),
    ],
)
def test_numbers_that_make_no_sense_are_a_clear_error(question: Question, numbers: dict[str, float]) -> None:
    with pytest.raises(InputError) as caught:
        from_numbers(question, **cast(Any, numbers))
    assert caught.value.code == "power.bad_question"


def test_two_runs_give_a_plan_for_every_clause_of_the_gate_with_what_they_cost() -> None:
    place = pilot()
    plans = from_runs(place, "run-a", "run-b")
    assert [plan.subject for plan in plans] == ["correct", "groundedness"]
    for plan in plans:
        assert plan.cases_today == 120
        assert plan.price_per_case_usd == pytest.approx(4 * 0.004)  # two systems, two repeats
        assert plan.repeats[0].repeats == 1
        assert plan.repeats[0].cases >= plan.repeats[-1].cases
        assert plan.best_repeats == 1  # cases are free unless --case-price says otherwise
    dear = from_runs(place, "run-a", "run-b", metric="correct", case_price=5.0)[0]
    assert dear.best_repeats is not None
    assert dear.best_repeats > 1
    assert "not worse by more than 0.03" in powering.curve(dear).asks


def test_a_price_that_is_not_known_is_not_invented() -> None:
    (plan,) = from_runs(pilot(cost=None, repeats=1), "run-a", "run-b", metric="latency_ms", margin=20.0)
    assert plan.price_per_case_usd is None
    assert {step.price_usd for step in plan.steps} == {None}
    assert (plan.repeats, plan.best_repeats) == ((), None)


def test_a_pilot_of_ties_plans_with_what_its_interval_still_allows() -> None:
    (plan,) = from_runs(pilot(ties=True), "run-a", "run-b", metric="correct")
    assert any("no pair of the pilot differs" in note for note in plan.notes)
    assert plan.needed is not None
    assert plan.needed > 20
    (flat,) = from_runs(pilot(ties=True), "run-a", "run-b", metric="latency_ms", margin=20.0)
    assert flat.power_today == 1.0


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"metric": "charm"}, "power.unknown_metric"),
        ({"metric": "latency_ms"}, "power.bad_question"),
        ({"margin": 0.03}, "power.bad_question"),
        ({"metric": "correct", "margin": 1.5}, "power.bad_question"),
        ({"metric": "correct", "name": "kind=none", "margin": 0.03}, "power.too_few"),
    ],
)
def test_a_pilot_that_cannot_answer_says_why(options: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError) as caught:
        from_runs(pilot(40, 1), "run-a", "run-b", **options)
    assert caught.value.code == code


def test_one_case_is_no_pilot() -> None:
    with pytest.raises(InputError) as caught:
        from_runs(pilot(1, 1), "run-a", "run-b", metric="correct")
    assert caught.value.code == "power.too_few"


def test_the_command_prints_a_table_writes_a_curve_and_speaks_json(tmp_path: Path) -> None:
    numbers = ["--margin", "0.03", "--discordance", "0.1", "--price", "0.02", "--cases", "200"]
    shown = CliRunner().invoke(app, [*numbers, "--svg", str(tmp_path / "power.svg")], standalone_mode=False)
    assert shown.exception is None
    assert "needed: 687 cases for a power of 0.8, 13.74 USD; today's 200 have 0.38" in shown.output
    assert (tmp_path / "power.svg").read_text().startswith("<svg")
    (plan,) = json.loads(CliRunner().invoke(app, [*numbers, "--json"], standalone_mode=False).output)
    assert plan["needed"] == 687


@pytest.mark.parametrize(
    "options",
    [[], ["--margin", "0.03"], ["--margin", "0.03", "--discordance", "0.1", "--kind", "better"], ["run-a"],
     ["run-a", "run-b", "--spread", "1"]],
)  # fmt: skip
def test_a_command_without_a_question_is_an_input_error(options: list[str]) -> None:
    found = CliRunner().invoke(app, options, standalone_mode=False)
    assert isinstance(found.exception, InputError)


def test_a_stated_gain_replaces_the_pilots_own() -> None:
    place = pilot()
    hopeful = from_runs(place, "run-a", "run-b", metric="groundedness", kind=SUPERIOR, margin=0.0, gain=0.05)[0]
    assert hopeful.question == replace(hopeful.question, gain=0.05)
    assert not any("too hopeful" in note for note in hopeful.notes)
    own = from_runs(place, "run-a", "run-b", metric="groundedness", kind=SUPERIOR, margin=0.0)[0]
    assert any("too hopeful" in note for note in own.notes)
