"""What every RunStore promises."""

from dataclasses import replace

import pytest
from store_examples import AT, LATER, Kept, run, sample

from assay.records.errors import CannotJudge, NotFound
from assay.records.evaluation import RunStatus


def test_a_run_and_its_samples_come_back_as_they_were_put(kept: Kept) -> None:
    kept.runs.create(run())
    kept.runs.append("run-1", [sample("c-1"), sample("c-2", repeat=1)])
    assert kept.runs.run("run-1") == run()
    assert list(kept.runs.samples("run-1")) == [sample("c-1"), sample("c-2", repeat=1)]
    assert kept.runs.done("run-1") == {("c-1", 0), ("c-2", 1)}


def test_one_sample_is_found_by_its_run_case_and_repeat(kept: Kept) -> None:
    kept.runs.create(run())
    kept.runs.append("run-1", [sample("c-1"), sample("c-1", repeat=1), sample("c-2")])
    assert kept.runs.sample("run-1", "c-1", 1) == sample("c-1", repeat=1)
    assert kept.runs.sample("run-1", "c-2", 1) is None
    assert kept.runs.sample("run-2", "c-1") is None


def test_the_first_sample_of_a_case_and_repeat_stays(kept: Kept) -> None:
    kept.runs.create(run())
    kept.runs.append("run-1", [sample("c-1", value=1.0), sample("c-1", value=0.0)])
    kept.runs.append("run-1", [sample("c-1", value=0.5), sample("c-2", value=0.5)])
    assert [s.scores["nDCG@10"] for s in kept.runs.samples("run-1")] == [1.0, 0.5]


def test_samples_of_two_runs_do_not_mix(kept: Kept) -> None:
    for name in ("run-1", "run-2"):
        kept.runs.create(run(name))
    kept.runs.append("run-1", [sample("c-1")])
    assert list(kept.runs.samples("run-2")) == []
    assert kept.runs.done("run-2") == frozenset()


def test_samples_can_be_journalled_while_they_are_read(kept: Kept) -> None:
    kept.runs.create(run())
    kept.runs.append("run-1", [sample(f"c-{number}") for number in range(450)])
    seen = 0
    for _ in kept.runs.samples("run-1"):
        if seen == 0:
            kept.runs.append("run-1", [sample("late")])
        seen += 1
    assert seen >= 450


def test_finishing_changes_the_status_only(kept: Kept) -> None:
    kept.runs.create(run())
    kept.runs.finish("run-1", RunStatus.COMPLETE)
    assert kept.runs.run("run-1") == replace(run(), status=RunStatus.COMPLETE)


def test_a_run_begun_again_keeps_its_samples_and_its_first_time(kept: Kept) -> None:
    kept.runs.create(run())
    kept.runs.append("run-1", [sample("c-1")])
    kept.runs.finish("run-1", RunStatus.INTERRUPTED)
    kept.runs.create(run(created_at=LATER))
    assert kept.runs.run("run-1") == run()
    assert kept.runs.done("run-1") == {("c-1", 0)}


def test_one_id_cannot_stand_for_two_specifications(kept: Kept) -> None:
    kept.runs.create(run())
    with pytest.raises(CannotJudge) as refused:
        kept.runs.create(replace(run(), seed=8))
    assert refused.value.code == "run.other_specification"
    assert kept.runs.run("run-1").seed == 7


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_score_that_is_not_finite_is_refused_with_its_whole_batch(kept: Kept, number: float) -> None:
    kept.runs.create(run())
    with pytest.raises(ValueError, match="finite"):
        kept.runs.append("run-1", [sample("c-1"), sample("c-2", value=number)])
    assert kept.runs.done("run-1") == frozenset()


def test_runs_are_listed_newest_first_and_found_by_the_start_of_their_name(kept: Kept) -> None:
    kept.runs.create(run("alpha", AT))
    kept.runs.create(run("beta", LATER))
    assert [r.run_id for r in kept.runs.runs()] == ["beta", "alpha"]
    assert kept.runs.run("al").run_id == "alpha"


def test_a_whole_name_wins_over_a_longer_one_that_starts_so(kept: Kept) -> None:
    kept.runs.create(run("run-1"))
    kept.runs.create(run("run-10"))
    assert kept.runs.run("run-1").run_id == "run-1"
    with pytest.raises(NotFound) as refused:
        kept.runs.run("run")
    assert refused.value.code == "store.ambiguous_name"


@pytest.mark.parametrize("name", ["", "other", "%", "RUN-1"])
def test_what_is_not_there_is_said_so(kept: Kept, name: str) -> None:
    kept.runs.create(run("run-1"))
    with pytest.raises(NotFound) as missing:
        kept.runs.run(name)
    assert missing.value.code == "store.no_run"
    with pytest.raises(NotFound):
        kept.runs.append(name, [sample("c-1")])
    with pytest.raises(NotFound):
        kept.runs.finish(name, RunStatus.COMPLETE)


def test_the_digest_of_the_samples_is_noted_with_the_end_of_a_run(kept: Kept) -> None:
    """What a gate recomputes was written down when the run was complete, and a resume does not lose it."""
    kept.runs.create(run())
    kept.runs.finish("run-1", RunStatus.COMPLETE, "abc")
    assert kept.runs.run("run-1").samples_digest == "abc"
    kept.runs.create(run())
    kept.runs.finish("run-1", RunStatus.COMPLETE)
    assert kept.runs.run("run-1").samples_digest == "abc"
