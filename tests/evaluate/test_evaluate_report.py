"""The comparison report is one safe file that says in words, pictures and tables what changed."""

import re
from html.parser import HTMLParser

import pytest

from assay.evaluate.compare import compare, forest_rows
from assay.evaluate.report_html import comparison_html, headline
from assay.evaluate.summary import summarize
from assay.plot.forest import rows_from_decision
from assay.records.comparison import Clause, ClauseKind, ClauseResult, Comparison, Decision, Delta, GatePolicy, Verdict
from assay.records.dialogue import AnswerSentence, Check, CheckStatus, Citation, Outcome, Reply
from assay.records.documents import Span
from assay.records.evaluation import Direction, Interval, Metric, MetricKind, Run, RunStatus, Sample
from assay.records.golden import Case, Evidence, Expected, GoldenSet

CORRECT = Metric("correct", MetricKind.BINARY, Direction.HIGHER)
LATENCY = Metric("latency_ms", MetricKind.SKEWED, Direction.LOWER, "ms")
EVIL = '<script>alert("x")</script><img src=x onerror=alert(1)>'


def reply_with(text: str, quote: str) -> Reply:
    citation = Citation(Span("doc-1", "0" * 64, 0, 10), quote, f"Handbook {EVIL}", "docs/handbook.md", "k1", page=3)
    said = AnswerSentence(text, (citation,), Check(CheckStatus.SUPPORTED, 1.0))
    doubted = AnswerSentence("Perhaps more.", (citation,), Check(CheckStatus.UNSUPPORTED, 0.2), marked=True)
    return Reply(Outcome.ANSWERED, sentences=(said, doubted), withheld=(Check(CheckStatus.UNSUPPORTED),))


def make() -> tuple[GoldenSet, Run, list[Sample], Run, list[Sample]]:
    cases = tuple(
        Case(
            f"c{i:03d}", f"How long is notice {i}? {EVIL}",
            Expected(answers=(f"{i} weeks {EVIL}",), evidence=(Evidence("doc-1", f"quoted {EVIL}"),), must_not=(EVIL,)),
            slices=("language=de" if i % 2 else "language=en",),
        )
        for i in range(60)
    )  # fmt: skip
    golden = GoldenSet("demo", cases)

    def run(name: str) -> Run:
        return Run(
            name, "help", "recipe", name * 4, golden.name, golden.version, 60, 1, 5, (CORRECT, LATENCY),
            "2026-01-01T00:00:00Z", RunStatus.COMPLETE, versions={"assay": "0.1.0"},
        )  # fmt: skip

    def sample(i: int, right: bool) -> Sample:
        scores = {"correct": float(right), "latency_ms": 50.0 + i}
        return Sample(f"c{i:03d}", 0, reply_with(f"It is {i} weeks {EVIL}", f"{i} weeks {EVIL}"), scores, {})

    a = [sample(i, i >= 5) for i in range(60)]
    b = [sample(i, i >= 20) for i in range(58)]
    b.append(
        Sample("c058", 0, Reply(Outcome.ABSTAINED, "assist.below_threshold"), {"correct": 0.0, "latency_ms": 9.0}, {})
    )
    b.append(
        Sample("c059", 0, Reply(Outcome.FAILED, "chat.timeout"), {}, {"correct": "no_reply"}, error="chat.timeout")
    )
    return golden, run("a"), a, run("b"), b


def page(decision: Decision | None = None) -> str:
    golden, run_a, a, run_b, b = make()
    made = compare(run_a, a, run_b, b, golden)
    return comparison_html(made, summarize(run_a, a), summarize(run_b, b), golden, a, b, decision)


def blocked() -> Decision:
    golden, run_a, a, run_b, b = make()
    delta = compare(run_a, a, run_b, b, golden).deltas[0]
    clause = Clause("correct", ClauseKind.NON_INFERIORITY, 0.03)
    policy = GatePolicy((clause,))
    result = ClauseResult(clause, Verdict.DO_NOT_SHIP, "shown to be worse than the margin allows", delta, 0.001)
    return Decision(
        "d" * 64, Verdict.DO_NOT_SHIP, "help", "bbbb", "aaaa", policy, policy.digest, "demo", golden.version, "b", "a",
        {"a": "1" * 64, "b": "2" * 64}, (result,), 5, {}, "2026-01-01T00:00:00Z",
        "worse than the policy allows: correct",
        notes=("correct: 1 cases without a score count as the worst value",),
    )  # fmt: skip


class Structure(HTMLParser):
    """Collects what a browser would see as elements."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)


def read(html: str) -> Structure:
    structure = Structure()
    structure.feed(html)
    assert structure.open == []
    return structure


@pytest.mark.parametrize("decision", [None, blocked()])
def test_text_of_documents_users_and_models_stays_text(decision: Decision | None) -> None:
    structure = read(page(decision))
    assert not {"script", "img", "iframe", "link"} & set(structure.tags)
    assert not [name for name, _ in structure.attributes if name.startswith("on")]


def test_the_page_fetches_nothing_and_says_so_to_the_browser() -> None:
    html = page(blocked())
    names = {name for name, _ in read(html).attributes}
    assert not {"src", "href", "action", "style"} & names
    assert "default-src &#x27;none&#x27;" in html or "default-src 'none'" in html
    assert "url(" not in html
    assert "@import" not in html


def test_the_page_is_accessible_in_structure() -> None:
    structure = read(page(blocked()))
    assert structure.tags.count("h1") == 1
    assert ("lang", "en") in structure.attributes
    assert ("lang", "de") in structure.attributes
    assert structure.tags.count("caption") == structure.tags.count("table")
    assert structure.tags.count("figcaption") == structure.tags.count("figure") == 5
    identities = [value for name, value in structure.attributes if name == "id"]
    assert len(identities) == len(set(identities))


def test_the_headline_says_the_verdict_or_what_got_worse() -> None:
    golden, run_a, a, run_b, b = make()
    made = compare(run_a, a, run_b, b, golden)
    assert headline(made, blocked()) == "Do not ship: worse than the policy allows: correct"
    assert headline(made) == "The candidate is worse in correct (−28.3 points) and better in latency_ms (−0.8 ms)" or (
        headline(made) == "The candidate is worse in correct (−28.3 points)"
    )
    same = compare(run_a, a, run_b, a, golden)
    assert headline(same) == "No difference is shown in any of 2 metrics"


def test_flipped_cases_stand_worst_first_with_both_answers_scores_and_the_expected_one() -> None:
    html = page()
    first = html[html.index('class="case"') :]
    assert first.index("✕ lost") < first.index("It is 5 weeks")
    for words in ("B · candidate", "must not say", "Handbook", "page 3", "not verified", "1 sentence withheld"):
        assert words in first
    assert "chat.timeout" in html
    assert "assist.below_threshold" in html


def test_the_footer_names_runs_bundles_golden_version_seeds_and_decision() -> None:
    golden, *_ = make()
    footer = page(blocked()).split("<footer>")[1]
    for words in (golden.version, "aaaa", "bbbb", "seed 5", "d" * 64, "1" * 64):
        assert words in footer


def test_the_report_repeats_byte_for_byte() -> None:
    assert page(blocked()) == page(blocked())


def test_one_slice_among_many_needs_to_survive_the_correction_to_stand_out() -> None:
    def delta(name: str, p: float) -> Delta:
        interval = Interval(-0.1, -0.19, -0.01, 0.95, "Tango score", 40)
        return Delta(CORRECT, name, 0.8, 0.7, interval, 40, 1, 5, 34, 0.1, p_value=p)

    deltas = (delta("", 0.03), *(delta(f"s={i}", 0.03 if i == 0 else 0.5) for i in range(20)))
    made = Comparison("a", "b", "demo", "v", 40, deltas, ())
    assert [row.state for row in forest_rows(made)] == ["worse"] + ["open"] * 20


def test_margins_stand_on_the_side_that_the_clause_is_about() -> None:
    rows = rows_from_decision(blocked())
    assert [(row.margin, row.state) for row in rows] == [(-0.03, "worse")]


def test_css_has_dark_mode_and_no_address() -> None:
    css = page().split("<style>")[1].split("</style>")[0]
    assert "prefers-color-scheme: dark" in css
    assert not re.search(r"https?:", css)
