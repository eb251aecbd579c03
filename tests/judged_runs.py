"""Two small runs over one golden set, the second worse on some cases, for the tests of the evaluation pages."""

from __future__ import annotations

from assay.records.access import Scope
from assay.records.dialogue import AnswerSentence, Check, CheckStatus, Outcome, Reply
from assay.records.evaluation import Direction, Metric, MetricKind, Run, RunStatus, Sample
from assay.records.golden import Case, Expected, GoldenSet
from served import World

CORRECT = Metric("answer_correct", MetricKind.BINARY, Direction.HIGHER)
LATENCY = Metric("latency", MetricKind.SKEWED, Direction.LOWER, "ms")


def two_runs(place: World, cases: int = 60, lost: int = 20) -> tuple[str, str]:
    """Run ids of a baseline and a candidate that fails `lost` more cases; the last case is of another tenant."""
    made = [
        Case(f"case-{n:03}", f"Question <em>{n}</em>?", Expected(answers=("yes",)), scope=Scope("acme"))
        for n in range(cases)
    ]
    made[0] = Case("case-000", "GLOBEX SECRET?", Expected(answers=("yes",)), scope=Scope("globex"))
    golden = GoldenSet("smoke", tuple(made))
    place.stores.golden.put(golden)
    ids = []
    for name, wrong in (("run-a", 0), ("run-b", lost)):
        run = Run(
            name, "helpdesk", "reader", "", "smoke", golden.version, cases, 1, 7, (CORRECT, LATENCY),
            "2026-01-01T00:00:00Z", RunStatus.RUNNING,
        )  # fmt: skip
        place.stores.runs.create(run)
        place.stores.runs.append(name, [_sample(case.case_id, n, wrong) for n, case in enumerate(made)])
        place.stores.runs.finish(name, RunStatus.COMPLETE)
        ids.append(name)
    return ids[0], ids[1]


def _sample(case_id: str, number: int, wrong: int) -> Sample:
    right = number >= wrong
    text = f"Yes <script>{case_id}</script>." if right else f"No, {case_id}."
    sentence = AnswerSentence(text, (), Check(CheckStatus.SUPPORTED, 1.0))
    reply = Reply(Outcome.ANSWERED, "", (sentence,), duration_ms=10.0 + number % 7)
    return Sample(case_id, 0, reply, {"answer_correct": float(right), "latency": reply.duration_ms}, {})
