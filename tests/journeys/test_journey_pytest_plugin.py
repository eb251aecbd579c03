"""The pytest plugin, tried with pytest: cases of a golden set, a run that counts failures, and the gate."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import pytest
from _pytest.pytester import SysModulesSnapshot

import foreign_logs as logs
from assay.golden.jsonl import read_cases
from assay.records.evaluation import RunStatus
from assay.records.golden import GoldenSet
from assay.wiring.build import create_workspace, open_workspace
from assay.wiring.importing import import_runs

pytest_plugins = ["pytester"]
PLUGIN = "assay.cli.pytest_plugin"
LOADED = [] if any(one.value == PLUGIN for one in entry_points(group="pytest11")) else ["-p", PLUGIN]
CASES = b"""{"id": "capital", "question": "Capital of France?", "answer": "Paris"}
{"id": "river", "question": "River of Paris?", "answer": "Seine"}
{"id": "tower", "question": "Height of the tower?", "answer": "330 m", "split": "dev"}
"""
TESTS = """
import pytest

ANSWERS = {"capital": "It is Paris.", "river": "The Rhine."}

@pytest.mark.assay("handbook", split="test", name="mine", scorers=("correct", "exact_match"))
def test_answers(assay_case):
    if assay_case.case_id == BROKEN:
        raise RuntimeError("no connection")
    checked = assay_case.check(ANSWERS[assay_case.case_id])
    assert assay_case.expected.answers
    assert checked["correct"] == 1.0
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = create_workspace(tmp_path / "work")
    place = open_workspace(root)
    place.stores.golden.put(GoldenSet("handbook", read_cases(CASES, "cases"), place.clock.now()))
    place.close()
    return root


@pytest.fixture(autouse=True)
def _libraries_stay_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytester forgets what a run inside this process imported, and half of SQLAlchemy is worse than none."""
    kept = lambda _: SysModulesSnapshot(preserve=lambda name: not name.startswith("test_"))  # noqa: E731 - a method
    monkeypatch.setattr(pytest.Pytester, "_Pytester__take_sys_modules_snapshot", kept)


def tried(pytester: pytest.Pytester, workspace: Path, source: str, *options: str) -> pytest.RunResult:
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(source)
    return pytester.runpytest_inprocess(*LOADED, "-p", "no:cacheprovider", f"--assay-workspace={workspace}", *options)


def test_every_case_is_a_test_and_all_replies_are_one_run(pytester: pytest.Pytester, workspace: Path) -> None:
    result = tried(pytester, workspace, TESTS.replace("BROKEN", "'none'"), "-v")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*test_answers[[]capital] PASSED*", "*test_answers[[]river] FAILED*"])
    result.stdout.fnmatch_lines(["assay: run * mine  handbook@*  2 of 2 cases  complete"])
    place = open_workspace(workspace)
    (run,) = place.stores.runs.runs()
    scores = {sample.case_id: sample.scores["correct"] for sample in place.stores.runs.samples(run.run_id)}
    assert scores == {"capital": 1.0, "river": 0.0}
    assert (run.status, run.split, run.app) == (RunStatus.COMPLETE, "test", "mine")
    assert run.samples_digest
    place.close()


def test_a_test_that_breaks_before_it_has_a_reply_is_a_failed_sample(
    pytester: pytest.Pytester, workspace: Path
) -> None:
    tried(pytester, workspace, TESTS.replace("BROKEN", "'river'")).assert_outcomes(passed=1, failed=1)
    place = open_workspace(workspace)
    (run,) = place.stores.runs.runs()
    errors = {sample.case_id: sample.error for sample in place.stores.runs.samples(run.run_id)}
    assert errors == {"capital": "", "river": "pytest.failed"}
    assert run.status is RunStatus.COMPLETE
    place.close()


def test_a_selection_of_cases_leaves_the_run_interrupted(pytester: pytest.Pytester, workspace: Path) -> None:
    tried(pytester, workspace, TESTS.replace("BROKEN", "''"), "-k", "capital").assert_outcomes(passed=1, deselected=1)
    place = open_workspace(workspace)
    assert place.stores.runs.runs()[0].status is RunStatus.INTERRUPTED
    place.close()


def test_a_golden_set_that_is_not_there_and_a_missing_mark_are_told_plainly(
    pytester: pytest.Pytester, workspace: Path
) -> None:
    result = tried(pytester, workspace, TESTS.replace("handbook", "manual"))
    result.stdout.fnmatch_lines(["*golden.unknown*"])
    result = tried(pytester, workspace, "def test_x(assay_case): pass")
    result.stdout.fnmatch_lines(["*assay_case needs @pytest.mark.assay*"])


def test_the_gate_is_an_assertion_whose_message_is_the_decision(
    pytester: pytest.Pytester, workspace: Path, tmp_path: Path
) -> None:
    text = (workspace / "assay.yaml").read_text()
    clauses = "    - {metric: match, margin: 0.03}\n"
    kept = [line for line in text.splitlines(keepends=True) if not line.startswith("    - {metric:")]
    (workspace / "assay.yaml").write_text("".join(kept).replace("  clauses:\n", f"  clauses:\n{clauses}"))
    place = open_workspace(workspace)
    for name, right in (("good", 200), ("same", 200), ("worse", 120), ("unsure", 196)):
        samples = [logs.inspect_sample(f"q{n}", value="C" if n < right else "I", metadata={}) for n in range(200)]
        (tmp_path / f"{name}.eval").write_bytes(logs.inspect_eval(samples))
        import_runs(place, tmp_path / f"{name}.eval", name=name, golden="ci")
    place.close()
    source = "\n".join(
        f"def test_{name}(assay_gate):\n    assay_gate('good', '{name}')\n"
        for name in ("same", "worse", "unsure", "nobody")
    )
    result = tried(pytester, workspace, source, "--assay-need-more-data=skip", "-rs")
    result.assert_outcomes(passed=1, failed=2, skipped=1)
    result.stdout.fnmatch_lines(["*✗ do not ship: worse than the policy allows: match*", "*bundle.unknown*"])
    tried(pytester, workspace, source).assert_outcomes(passed=1, failed=3)
