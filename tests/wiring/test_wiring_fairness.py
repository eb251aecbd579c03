"""Declared tolerances at the gate: a planted unfair system is stopped, a fair one ships, a small one waits."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assay.cli.main import app
from assay.evaluate.counterfactual import Pair, Seen, measurements, shifts
from assay.evaluate.fairness import group_of
from assay.golden.swaps import swaps
from assay.records.comparison import Verdict
from assay.records.dialogue import Outcome, Reply
from assay.records.errors import CannotJudge, ConfigError, InputError
from assay.records.evaluation import Direction, Metric, MetricKind, Run, RunStatus, Sample
from assay.records.golden import Case, Expected, GoldenSet
from assay.records.safety import Measurement, Standing
from assay.wiring import fairness, fairness_sets, releasing, safety_store
from assay.wiring.build import Workspace, create_workspace, open_workspace

CORRECT = Metric("correct", MetricKind.BINARY, Direction.HIGHER)
DECLARED = """
fairness:
  - {metric: correct, by: language, difference: 0.1}
"""
GATE = ("gate.clauses=[{metric: correct, margin: 0.3, min_n: 10}]",)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fairness") / "w"
    create_workspace(root, "w")
    config = root / "assay.yaml"
    config.write_text(config.read_text() + DECLARED)
    place = open_workspace(root)
    planted(place, "fair", 300, {"en": 0.9, "de": 0.9, "es": 0.9})
    planted(place, "unfair", 300, {"en": 0.9, "de": 0.9, "es": 0.6})
    planted(place, "small", 20, {"en": 0.9, "de": 0.9, "es": 0.9})
    place.close()
    return root


@pytest.fixture
def place(root: Path) -> Iterator[Workspace]:
    place = open_workspace(root, GATE)
    yield place
    place.close()


def planted(place: Workspace, name: str, n: int, rates: dict[str, float]) -> None:
    """A baseline that is right to everyone alike, and a run of this name whose groups have these rates."""
    cases = tuple(
        Case(f"{group}-{k}", f"{group} {k}?", Expected(answers=("yes",)), slices=(f"language={group}",))
        for group in rates
        for k in range(n)
    )
    golden = GoldenSet(f"set-{name}", cases)
    place.stores.golden.put(golden)
    for run_id, of in ((f"{name}-base", dict.fromkeys(rates, 0.9)), (f"{name}-run", rates)):
        chance = random.Random(5)
        run = Run(
            run_id, "helpdesk", "reader", "", golden.name, golden.version, len(cases), 1, 7, (CORRECT,),
            "2026-01-01T00:00:00Z", RunStatus.RUNNING,
        )  # fmt: skip
        place.stores.runs.create(run)
        samples = []
        for case in cases:
            right = chance.random() < of[group_of(case, "language")]
            reply = Reply(Outcome.ANSWERED if right else Outcome.ABSTAINED)
            samples.append(Sample(case.case_id, 0, reply, {"correct": float(right)}, {}))
        place.stores.runs.append(run_id, samples)
        place.stores.runs.finish(run_id, RunStatus.COMPLETE)


@pytest.mark.parametrize(
    ("name", "verdict"),
    [("fair", Verdict.SHIP), ("unfair", Verdict.DO_NOT_SHIP), ("small", Verdict.NEED_MORE_DATA)],
)
def test_the_gate_stops_what_is_unfair_and_waits_where_it_cannot_tell(
    place: Workspace, name: str, verdict: Verdict
) -> None:
    decision = releasing.gate_runs(place, f"{name}-base", f"{name}-run")
    (condition,) = [one for one in decision.conditions if one.kind == "fairness"]
    assert condition.verdict is verdict
    assert condition.subject == "correct by language"
    if name == "unfair":
        assert decision.verdict is Verdict.DO_NOT_SHIP
        assert "es" in condition.reason
    if name == "fair":
        assert decision.verdict is Verdict.SHIP


def test_what_nobody_measured_cannot_be_judged(place: Workspace) -> None:
    """A dimension that no case names, and a safeguard that was never held, are no pass."""
    declared = "[{metric: correct, by: dialect, ratio: 2}, {metric: safeguard.toxicity.miss, by: identity, ratio: 2},"
    other = open_workspace(place.root, (f"fairness={declared} {{metric: no_such, by: language, ratio: 2}}]",))
    run, samples = other.stores.runs.run("fair-run"), tuple(other.stores.runs.samples("fair-run"))
    cases = other.stores.golden.get("set-fair").cases
    found = fairness.fairness_conditions(other, run, samples, cases)
    other.close()
    assert [one.verdict for one in found] == [Verdict.CANNOT_JUDGE] * 3


def test_a_safeguard_is_judged_by_what_was_last_measured_of_it(place: Workspace) -> None:
    """Under the run's own recipe and the same tolerance: passed, failed and too few, and never by another tolerance."""
    run = replace(place.stores.runs.run("fair-run"), system="recipe-of-safeguards")
    declared = "fairness=[{metric: safeguard.toxicity.miss, by: language, difference: 0.1}]"
    other = open_workspace(place.root, (declared,))
    made = Measurement(
        "fairness.safeguard.toxicity.miss.language", run.system, "c", n=100, value=0.05, high=0.08, threshold=0.1,
        by_limit=True, at="2026-01-01T00:00:00Z",
    )  # fmt: skip
    for number, (change, verdict) in enumerate(
        (
            ({}, Verdict.SHIP), ({"high": 0.2, "value": 0.2}, Verdict.DO_NOT_SHIP),
            ({"high": None}, Verdict.NEED_MORE_DATA), ({"threshold": 0.5}, Verdict.CANNOT_JUDGE),
        )
    ):  # fmt: skip
        safety_store.record(other, [replace(made, **change, at=f"2026-01-0{number + 2}T00:00:00Z")])  # type: ignore[arg-type]
        (found,) = fairness.fairness_conditions(other, run, (), ())
        assert found.verdict is verdict, change
    other.close()


def test_the_command_tells_keeps_and_exits_as_the_gate_does(root: Path) -> None:
    """`assay fairness RUN` prints every group, writes the page, keeps the evidence, and says how it came out."""
    run = CliRunner().invoke
    done = run(app, ["fairness", "unfair-run", "-w", str(root), "--json"])
    assert done.exit_code == 1, done.output
    told = json.loads(done.stdout)
    assert {row["name"]: row["reading"] for row in told["measures"][0]["groups"]}["es"] == "unfair"
    assert run(app, ["fairness", "fair-run", "-w", str(root)]).exit_code == 0
    assert run(app, ["fairness", "small-run", "-w", str(root), "--markdown"]).exit_code == 2
    page = root / ".assay/reports/fairness-unfair-run.html"
    assert "<rect" in page.read_text()
    assert "<script" not in page.read_text()
    place = open_workspace(root)
    kept = {one.check: one for one in safety_store.measurements(place, "reader")}
    place.close()
    assert [part.name for part in kept["fairness.correct.language"].slices] == [
        "language=de", "language=en", "language=es"
    ]  # fmt: skip
    assert kept["fairness.correct.language"].standing is Standing.NOT_RUN  # the small run was the last


def test_unknown_measures_and_dimensions_are_told(place: Workspace) -> None:
    with pytest.raises(InputError, match="no such measure"):
        fairness.look(place, "fair-run", (), ("nope",), record=False)
    with pytest.raises(CannotJudge, match="fewer than two groups"):
        fairness.look(place, "fair-run", ("colour",), ("correct",), record=False)


def test_a_tolerance_without_a_number_is_refused(root: Path) -> None:
    with pytest.raises(ConfigError, match="difference or a ratio"):
        open_workspace(root, ("fairness=[{metric: correct, by: language}]",))


def test_lines_of_ones_own_hold_a_safeguard(root: Path, tmp_path: Path) -> None:
    """Innocent texts of two groups, one of which holds a telephone number each: the rules stop that group alone."""
    lines = [
        {"text": t, "label": False, "groups": {"dialect": d}}
        for d, t in [("north", "call me at +49 30 901820 please"), ("south", "call me at home please")] * 40
    ]
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    asked = [
        "fairness",
        "safeguards",
        str(file),
        "--safeguard",
        "rules",
        "--difference",
        "0.1",
        "-w",
        str(root),
        "--json",
    ]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 1, done.output
    (measure,) = json.loads(done.stdout)["measures"]
    assert {row["name"]: row["value"] for row in measure["groups"]} == {"north": 1.0, "south": 0.0}
    assert "901820" not in done.output


@pytest.mark.parametrize(
    ("line", "what"),
    [("{", "not JSON"), ('{"label": true}', "no text"),
     ('{"text": "SECRET", "label": 3, "groups": {"a": "b"}}', "label"),
     ('{"text": "SECRET", "label": true, "groups": {}}', "groups")],
)  # fmt: skip
def test_a_bad_line_is_named_by_its_number_and_never_by_its_text(tmp_path: Path, line: str, what: str) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text('{"text": "fine", "label": false, "groups": {"a": "b"}}\n' + line)
    with pytest.raises(InputError, match=what) as error:
        fairness_sets.read([file])
    assert error.value.where.endswith(":2")
    assert "SECRET" not in str(error.value)


def test_swapped_terms_agree() -> None:
    """Articles, capitals, pronouns and names go with the term; a word that means other things too is left alone."""

    def after(text: str, dimension: str, other: str = "") -> str:
        return next(one.after for one in swaps(text, [dimension], most=20) if other in ("", one.other))

    assert after("An atheist asked.", "religion", "Christian") == "A Christian asked."
    assert after("Is a Muslim free? MUSLIMS ask.", "religion", "atheist") == "Is an atheist free? ATHEISTS ask."
    assert after("I HATE WOMEN and her dog. He saw her.", "gender") == "I HATE MEN and his dog. He saw him."
    assert after("Can James take his leave?", "gender") == "Can Mary take her leave?"
    assert after("Emily asks.", "origin", "turkish") == "Fatma asks."
    assert not swaps("A black car on a straight road.", ["ethnicity", "orientation"])
    assert after("They are not here.", "dialect", "scots") == "They are no here."
    with pytest.raises(InputError, match="no terms"):
        swaps("x", ["colour"])


def test_flips_to_one_side_are_told_from_flips_to_both() -> None:
    """30 flips that all lose are a bias; as many that go both ways are instability, with the same flip rate."""
    good, bad = Seen(True, 0.9, "a"), Seen(False, 0.2, "b")
    still = [Pair("religion", "x", "y", f"s{n}", good, good) for n in range(70)]
    one_way = [Pair("religion", "x", "y", f"c{n}", good, bad) for n in range(30)]
    both = [replace(pair, before=pair.after, after=pair.before) if n % 2 else pair for n, pair in enumerate(one_way)]
    biased, shaky = shifts([*still, *one_way])[0], shifts([*still, *both])[0]
    assert biased.flip_rate == shaky.flip_rate
    assert biased.flips == 30
    assert biased.p_value < 0.001
    assert shaky.p_value > 0.5
    assert biased.score is not None
    assert biased.score.high < 0.0
    (kept,) = measurements(shifts([*still, *one_way]), "app", tolerance=0.1)
    assert kept.standing is Standing.FAILED
    assert kept.check == "fairness.counterfactual.religion"
