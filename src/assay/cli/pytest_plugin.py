"""A pytest plugin: a test over every case of a golden set, kept as a run; and the gate as an assertion.

    @pytest.mark.assay("handbook", split="test")
    def test_answers(assay_case):
        assert assay_case.check(my_system(assay_case.question))["correct"]

    def test_gate(assay_gate):
        assay_gate("before", "after")

pytest loads this module wherever Assay is installed: it imports nothing heavy until a test asks for it.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from assay.ports.answering import Scorer
    from assay.records.comparison import Decision
    from assay.records.dialogue import Reply
    from assay.records.evaluation import Run, Sample
    from assay.records.golden import Case, Expected, GoldenSet
    from assay.wiring.build import Workspace

FAILED = "pytest.failed"
"""The code of a sample whose test failed before it had a reply to check."""
_SESSION = pytest.StashKey["_Session"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("assay", "Assay: golden sets and gates")
    where = "folder with assay.yaml; else ASSAY_WORKSPACE, else the current folder or above"
    group.addoption("--assay-workspace", default=None, help=where)
    group.addoption(
        "--assay-need-more-data", choices=("fail", "skip"), default=None,
        help="what assay_gate does when there are too few cases to decide (default: fail)",
    )  # fmt: skip
    parser.addini("assay_workspace", where, default="")
    parser.addini("assay_need_more_data", "fail or skip, as --assay-need-more-data", default="fail")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "assay(golden, split='test', name='', scorers=()): run the test once for each case of a golden set of the "
        "workspace, as fixture assay_case",
    )
    config.stash[_SESSION] = _Session(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "assay_case" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("assay")
    if marker is None or not marker.args:
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: assay_case needs @pytest.mark.assay('GOLDEN')")
    with _plainly():
        recorder = metafunc.config.stash[_SESSION].recorder(metafunc.definition, marker)
    found = [AssayCase(case, recorder) for case in recorder.golden.cases]
    metafunc.parametrize("assay_case", found, ids=[one.case_id for one in found])


@pytest.fixture
def assay_gate(request: pytest.FixtureRequest) -> Callable[..., Decision]:
    """`assay_gate(baseline, candidate)` judges two runs by the gate policy of the workspace; with `golden=NAME`, two
    bundles, whose missing runs are made. Fails the test unless the verdict is to ship; the message is the decision."""
    session = request.config.stash[_SESSION]

    def gate(baseline: str, candidate: str, *, golden: str = "", split: str = "test") -> Decision:
        from assay.records.comparison import Verdict
        from assay.records.errors import AssayError
        from assay.wiring import releasing

        try:
            if golden:
                decision = releasing.gate(session.place, candidate, baseline, golden, split, lambda _done, _all: None)
            else:
                decision = releasing.gate_runs(session.place, baseline, candidate)
        except AssayError as error:
            pytest.fail(str(error), pytrace=False)
        message = "\n".join(releasing.decision_lines(decision))
        if decision.verdict is Verdict.NEED_MORE_DATA and session.undecided == "skip":
            pytest.skip(message)
        if decision.verdict is not Verdict.SHIP:
            pytest.fail(message, pytrace=False)
        return decision

    return gate


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    case = getattr(item, "callspec", None) and item.callspec.params.get("assay_case")  # type: ignore[attr-defined]
    if isinstance(case, AssayCase) and call.when == "call" and report.failed and not case.checked:
        case.fail()
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    session.config.stash[_SESSION].finish()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash[_SESSION].lines:
        terminalreporter.write_line(line)


class _plainly:
    """Failures of Assay as pytest's own, with what, where and remedy and without a traceback."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        from assay.records.errors import AssayError

        if isinstance(error, AssayError):
            raise pytest.UsageError(f"assay: {error}") from None


@dataclass
class _Session:
    """What one pytest process keeps: the workspace, and a run per marked test."""

    config: pytest.Config
    recorders: dict[str, Recorder] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    _place: list[Workspace] = field(default_factory=list)

    @property
    def place(self) -> Workspace:
        """Opened when a test first asks."""
        if not self._place:
            from assay.wiring.build import open_workspace

            stated = self.config.getoption("--assay-workspace") or self.config.getini("assay_workspace")
            self._place.append(open_workspace(Path(stated) if stated else None))
        return self._place[0]

    @property
    def undecided(self) -> str:
        return str(self.config.getoption("--assay-need-more-data") or self.config.getini("assay_need_more_data"))

    def recorder(self, item: pytest.Item | Any, marker: pytest.Mark) -> Recorder:
        test = item.nodeid.split("[")[0]
        if test not in self.recorders:
            self.recorders[test] = Recorder.of(self.place, test, *marker.args, **marker.kwargs)
        return self.recorders[test]

    def finish(self) -> None:
        self.lines = [line for recorder in self.recorders.values() if (line := recorder.finish())]
        for place in self._place:
            place.close()
        self._place.clear()


@dataclass
class Recorder:
    """The run of one test over one golden set. Begun with the first reply; nothing is kept of a test that is only
    collected. Under pytest-xdist all workers write into one run."""

    place: Workspace
    golden: GoldenSet
    run: Run
    scorers: tuple[Scorer, ...]
    counts: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls, place: Workspace, test: str, golden: str, split: str = "test", name: str = "",
        scorers: tuple[str, ...] = (),
    ) -> Recorder:  # fmt: skip
        from assay.evaluate.runs import new_run
        from assay.evaluate.scorers import default_scorers, scorer
        from assay.records.digest import sha256_json
        from assay.wiring import golden_sets

        whole = golden_sets.resolve(place, golden)
        cases = golden_sets.only(whole, split)
        chosen = tuple(scorer(one) for one in scorers) if scorers else tuple(default_scorers())
        run = new_run(
            cases, app=name or test.rpartition("::")[2], system=f"pytest:{test}", scorers=chosen, clock=place.clock,
            golden_version=whole.version, split=split, seed=place.settings.evaluate.seed,
        )  # fmt: skip
        session = os.environ.get("PYTEST_XDIST_TESTRUNUID", "") or uuid.uuid4().hex
        return cls(place, cases, replace(run, run_id=sha256_json([test, whole.version, split, session])[:12]), chosen)

    def record(self, case: Case, reply: Reply) -> Sample:
        """Score a reply and write it down at once."""
        from assay.evaluate.runs import judged

        if not self.counts:
            self.place.stores.runs.create(self.run)
        repeat = self.counts.get(case.case_id, 0)
        self.counts[case.case_id] = repeat + 1
        sample = judged(case, reply, self.scorers, repeat=repeat)
        if repeat < self.run.repeats:
            self.place.stores.runs.append(self.run.run_id, [sample])
        return sample

    def finish(self) -> str:
        """Complete when every case has a reply or a failure; a selection of tests leaves it interrupted."""
        from assay.evaluate.summary import run_digest
        from assay.records.evaluation import RunStatus

        if not self.counts:
            return ""
        runs = self.place.stores.runs
        for _ in range(2):  # another worker may have written the last reply between our looking and our writing
            done = runs.done(self.run.run_id)
            whole = {case.case_id for case in self.golden.cases} <= {case_id for case_id, _ in done}
            status = RunStatus.COMPLETE if whole else RunStatus.INTERRUPTED
            runs.finish(self.run.run_id, status, run_digest(runs.samples(self.run.run_id)) if whole else "")
        of = f"{self.run.golden_name}@{self.run.golden_version[:12]}"
        return (
            f"assay: run {self.run.run_id}  {self.run.app}  {of}  {len(done)} of {self.run.cases} cases  {status.value}"
        )


@dataclass
class AssayCase:
    """One case of the golden set, for a test."""

    case: Case
    _recorder: Recorder = field(repr=False)
    checked: bool = False

    @property
    def case_id(self) -> str:
        return self.case.case_id

    @property
    def question(self) -> str:
        return self.case.question

    @property
    def expected(self) -> Expected:
        return self.case.expected

    def check(self, reply: str | Reply) -> Checked:
        """Score a reply (a text, or a Reply with citations and usage) by the test's scorers, and record it in the run.

        A second reply to the case is scored and returned, and the first stays the one that is recorded.
        """
        from assay.records.dialogue import AnswerSentence, Check, CheckStatus, Outcome, Reply

        if isinstance(reply, str):
            said = (AnswerSentence(reply, (), Check(CheckStatus.NOT_CHECKED)),) if reply.strip() else ()
            reply = Reply(Outcome.ANSWERED if said else Outcome.ABSTAINED, sentences=said)
        self.checked = True
        sample = self._recorder.record(self.case, reply)
        return Checked(dict(sample.scores), dict(sample.unscored))

    def fail(self) -> None:
        """Record that the test failed before there was a reply."""
        from assay.records.dialogue import Outcome, Reply

        self.checked = True
        self._recorder.record(self.case, Reply(Outcome.FAILED, FAILED))


@dataclass(frozen=True)
class Checked(Mapping[str, float]):
    """Scores by metric. Asking for one that could not be scored fails the test with the reason."""

    scores: dict[str, float]
    unscored: dict[str, str]

    def __getitem__(self, metric: str) -> float:
        if metric in self.scores:
            return self.scores[metric]
        if metric in self.unscored:
            pytest.fail(f"{metric} was not scored: {self.unscored[metric]}", pytrace=False)
        raise KeyError(metric)

    def __iter__(self) -> Iterator[str]:
        return iter(self.scores)

    def __len__(self) -> int:
        return len(self.scores)
