"""What keeps a set good: slices by rule, looks counted, copies found, useless cases named, gaps in coverage named."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from assay.adapters.memory_ledger import MemoryLedger
from assay.golden.canary import Detector, canary_of, texts_of
from assay.golden.coverage import Asked, coverage, document_coverage
from assay.golden.croissant import Stated, croissant, problems
from assay.golden.dead import item_analysis, scores_by_system
from assay.golden.jsonl import read_cases, stated_canary, write_cases
from assay.golden.looks import look_entry, looks_at
from assay.golden.sheet import data_sheet
from assay.golden.sheet_known import Known, Labelled
from assay.golden.slicing import About, Range, Rule, question_type, slice_by
from assay.records.digest import sha256_bytes
from assay.records.documents import Page
from assay.records.errors import CannotJudge, InputError
from assay.records.evaluation import Run
from assay.records.golden import Case, Evidence, Expected, GoldenSet

NOW = "2026-01-31T00:00:00.000000Z"
GUID = "00000000-0000-4000-8000-000000000001"


def about(doc_id: str) -> About | None:
    text = "First page. " + "The trial lasts 30 days."
    pages = (Page(1, 0, 12), Page(2, 12, len(text)))
    known = About("application/pdf", "2026-01-01T00:00:00Z", pages, (("team", "sales"),), lambda: text)
    return known if doc_id == "pdf" else None


QUOTED = Expected(answers=("30 days",), evidence=(Evidence("pdf", "The trial lasts 30 days."),))


@pytest.mark.parametrize(
    ("rule", "met"),
    [
        (Rule("s", question_words=Range(least=5)), True),
        (Rule("s", question_words=Range(most=4)), False),
        (Rule("s", question_type=("how_many",)), True),
        (Rule("s", has=("negation",)), False),
        (Rule("s", has=("date", "name", "number"), contains=("3 March",)), True),
        (Rule("s", language=("en",), answerable=True), True),
        (Rule("s", language=("de",)), False),
        (Rule("s", history_turns=Range(least=1)), False),
        (Rule("s", evidence_documents=Range(1, 1), evidence_format=("pdf",)), True),
        (Rule("s", evidence_format=("markdown",)), False),
        (Rule("s", evidence_page=Range(2, 2)), True),
        (Rule("s", evidence_page=Range(1, 1)), False),
        (Rule("s", document_age_days=Range(29, 31)), True),
        (Rule("s", document_age_days=Range(most=7)), False),
        (Rule("s", document_metadata={"team": ("sales", "hr")}), True),
        (Rule("s", provenance={"author": ("Kim",)}), True),
        (Rule("s", provenance={"author": ("Lee",)}), False),
    ],
)
def test_a_rule_puts_a_case_into_its_slice_when_all_it_states_holds(rule: Rule, met: bool) -> None:
    case = Case("a", "How long is the trial of Acme on 3 March?", QUOTED, provenance={"author": "Kim"})
    (made,) = slice_by(GoldenSet("g", (case,)), [rule], about, NOW).cases
    assert ("s" in made.slices) is met
    assert (rule.rule_id in made.provenance.get("slice_rules", "")) is met


def test_slices_of_an_earlier_rule_go_and_those_that_people_gave_stay() -> None:
    case = Case("a", "How long is it?", QUOTED, slices=("hand=yes",))
    once = slice_by(GoldenSet("g", (case,)), [Rule("short", question_words=Range(most=9))], about, NOW)
    assert once.cases[0].slices == ("hand=yes", "short")
    again = slice_by(once, [Rule("hand=yes", answerable=True), Rule("x", answerable=False)], about, NOW)
    assert again.cases[0].slices == ("hand=yes",)
    assert "slice_rules" not in again.cases[0].provenance


@pytest.mark.parametrize(
    ("question", "kind"),
    [("How many days?", "how_many"), ("Wie viele Tage?", "how_many"), ("Warum nicht?", "why"), ("Is it on?", "yes_no"),
     ("And where is it?", "where"), ("Was ist das?", "what"), ("Tell me more.", "other"), ("", "other")],
)  # fmt: skip
def test_the_type_of_a_question_is_told_by_the_word_that_asks(question: str, kind: str) -> None:
    assert question_type(question) == kind


def run(run_id: str, golden: GoldenSet, split: str = "test") -> Run:
    return Run(run_id, "app", "s", "", golden.name, golden.version, len(golden.cases), 1, 0, (), NOW, split=split)


def test_a_run_is_one_look_and_a_version_with_most_of_the_cases_inherits_it() -> None:
    first = GoldenSet("g", tuple(Case(f"c{at}", f"q {at}?", QUOTED) for at in range(10)))
    grown = GoldenSet("g", (*first.cases, Case("new", "q new?", QUOTED)))
    fresh = GoldenSet("g", tuple(Case(f"d{at}", f"other {at}?", QUOTED) for at in range(10)))
    known = {one.version: one for one in (first, grown, fresh)}
    ledger = MemoryLedger()
    assert ledger.append([look_entry(run("r1", first), "report", "1"), look_entry(run("r2", first), "gate", "2")]) == 2
    assert ledger.append([look_entry(run("r1", first), "compare", "3")]) == 0
    ledger.append([look_entry(run("r3", fresh), "report", "4"), look_entry(run("r4", first, "dev"), "report", "5")])
    assert [look.run_id for look in looks_at(ledger, grown, "test", known.get)] == ["r1", "r2"]
    assert [(look.number, look.run_id) for look in looks_at(ledger, fresh, "test", known.get)] == [(1, "r3")]
    assert [look.run_id for look in looks_at(ledger, grown, "dev", known.get)] == []


def test_every_row_of_an_export_carries_the_canary_and_reads_back_to_the_same_version() -> None:
    golden = GoldenSet("g", (Case("a", "Who is it?", QUOTED), Case("b", "What is it?", QUOTED)))
    rows = write_cases(golden.cases, GUID)
    assert rows.count(GUID.encode()) == 2
    assert stated_canary(rows) == GUID
    assert stated_canary(write_cases(golden.cases)) == ""
    assert GoldenSet("g", read_cases(rows, "x")).version == golden.version


def test_a_set_keeps_its_canary_and_takes_over_the_one_it_came_with() -> None:
    ledger = MemoryLedger()
    made = canary_of(ledger, "g", NOW)
    assert canary_of(ledger, "g", NOW, GUID) == made
    assert canary_of(ledger, "h", NOW, GUID) == GUID == canary_of(ledger, "h", NOW)


LONG = "How many working days does the support team take to answer a request of the highest priority?"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"x {GUID.upper()} y", [("canary", "")]),
        (f"Example: {LONG.upper()}", [("question", "a")]),
        ("how many working days does the support team take to answer a request of top priority", [("question", "a")]),
        ("How many working days does the support team take? We do not know.", []),
        ("The support team of the highest priority takes a request.", []),
        ("a gold answer that is long enough to be found again", [("answer", "a")]),
    ],
)
def test_copies_are_found_by_canary_and_by_most_of_their_words_in_a_row(
    text: str, found: list[tuple[str, str]]
) -> None:
    expected = Expected(answers=("a gold answer that is long enough to be found again", "4"))
    detector = Detector(GoldenSet("g", (Case("a", LONG, expected), Case("b", "Why so?", QUOTED))), GUID, answers=True)
    assert [(leak.what, leak.case_id) for leak in detector.leaks("f", text)] == found


def test_texts_in_json_are_read_as_they_were_meant_and_broken_ones_as_they_stand() -> None:
    assert list(texts_of(b'{"a": ["x\\u00e9", {"b": "y"}]}\n{"c": 1}\nnot json', "f.jsonl")) == [
        ("f.jsonl line 1", "x\u00e9\ny"),
        ("f.jsonl line 2", ""),
        ("f.jsonl line 3", "not json"),
    ]
    assert list(texts_of(b"plain \xff", "f.txt")) == [("f.txt", "plain \ufffd")]


def systems(count: int, cases: int, seed: int = 0) -> dict[str, dict[str, float]]:
    """Systems of rising skill over cases of which case 0 is reversed, 1 always right and 2 always wrong."""
    rng = np.random.default_rng(seed)
    table = {}
    for at in range(count):
        skill = (at + 0.5) / count
        row = {f"c{case}": float(rng.random() < skill) for case in range(3, cases)}
        table[f"s{at:02}"] = row | {"c0": float(skill < 0.5), "c1": 1.0, "c2": 0.0}
    return table


def test_cases_that_tell_nothing_and_the_one_with_a_wrong_gold_answer_are_named() -> None:
    found = item_analysis(systems(16, 40))
    assert [item.case_id for item in found.of("reversed")] == ["c0"]
    assert [item.case_id for item in found.of("always_right")] == ["c1"]
    assert [item.case_id for item in found.of("always_wrong")] == ["c2"]
    assert found.can_reverse
    assert found.otherwise == pytest.approx(1 - 0.05 ** (1 / 16))


def test_cases_without_any_relation_to_skill_are_called_reversed_no_more_often_than_stated() -> None:
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(12):
        table = {f"s{at}": {f"c{case}": float(rng.random() < 0.5) for case in range(20)} for at in range(12)}
        wrong += bool(item_analysis(table).of("reversed"))
    assert wrong <= 3  # of 12 at 5 %: more than 3 has a chance of .002


def test_too_few_systems_or_common_cases_cannot_be_judged_and_too_few_to_reverse_is_said() -> None:
    with pytest.raises(CannotJudge, match=r"golden\.few_systems"):
        item_analysis(systems(4, 20))
    with pytest.raises(CannotJudge, match=r"golden\.no_common_cases"):
        item_analysis({f"s{at}": {f"only{at}": 1.0} for at in range(6)})
    few = item_analysis(systems(5, 40))
    assert not few.can_reverse
    assert few.of("reversed") == ()


def test_repeats_are_averaged_and_only_the_newest_run_of_a_system_counts() -> None:
    runs = [("a", {"x": [1.0, 0.0], "y": []}), ("a", {"x": [0.0]}), ("b", {"x": [1.0]})]
    assert scores_by_system(runs) == {"a": {"x": 0.5}, "b": {"x": 1.0}}


def traffic() -> Iterator[Asked]:
    for at in range(12):
        yield Asked(f"t{at}", f"how long is the trial period number {at}", ("trial.md",))
    for at in range(6):
        yield Asked(f"b{at}", f"where is the billing invoice of customer {at}", ("billing.md", "trial.md"))
    yield Asked("secret", "Zebediah Quux wants a pony", ("pony.md",))
    yield Asked("empty", " ")


def test_gaps_are_named_by_words_that_several_people_used_and_by_ids() -> None:
    found = coverage(list(traffic()), [("g1", "How long is the trial period?"), ("g2", "Is there parking?")], None)
    assert (found.covered.n, round(found.covered.estimate * 19)) == (19, 12)
    assert found.covered.low < found.covered.estimate < found.covered.high
    assert found.gaps[0].size == 6
    assert {"billing", "invoice"} <= set(found.gaps[0].terms)
    assert found.gaps[0].examples == ("b0", "b1", "b2")
    assert not any("zebediah" in gap.terms for gap in found.gaps)
    assert (found.unseen, found.without_text) == (("g2",), 1)


def test_traffic_without_texts_is_compared_by_documents_and_without_those_not_at_all() -> None:
    found = document_coverage(list(traffic()), [("g1", frozenset({"trial.md"})), ("g2", frozenset({"hr.md"}))])
    assert (found.covered.n, round(found.covered.estimate * 19)) == (19, 18)
    assert [(gap.terms, gap.examples) for gap in found.gaps] == [(("pony.md",), ("secret",))]
    assert found.unseen == ("g2",)
    for compare in (lambda asked: coverage(asked, [], None), lambda asked: document_coverage(asked, [])):
        with pytest.raises(CannotJudge, match=r"golden\.no_traffic"):
            compare([Asked("a", "")])


KNOWN = Known(GUID, (("test", 3),), 5, (Labelled("quality", 40, 2, "alpha .8"),), 2, (("open", 1), ("accept", 2)))
OWN = {"author": "Kim", "licence": "CC0-1.0", "recipe": "golden.questions.v1"}


def described(**stated: object) -> dict[str, object]:
    golden = GoldenSet("g", (Case("a", "Who is it?", QUOTED, provenance=OWN),), NOW)
    return croissant(golden, "g.jsonl", sha256_bytes(b"x"), 1, KNOWN, Stated(**stated))  # type: ignore[arg-type]


def test_croissant_has_what_the_specification_requires_and_what_the_workspace_knows() -> None:
    made = described()
    assert problems(made) == ()
    assert made["conformsTo"] == ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
    assert made["license"] == ["CC0-1.0"]
    assert str(made["version"]).startswith("2.0.0+")
    assert GUID in str(made["rai:dataLimitations"])
    assert made["rai:annotationsPerItem"] == "2"


@pytest.mark.parametrize("name", ["license", "creator", "datePublished", "conformsTo", "@type"])
def test_croissant_without_a_required_property_is_found_wrong(name: str) -> None:
    assert problems({key: value for key, value in described().items() if key != name})


def test_croissant_with_a_field_of_no_file_or_an_identifier_twice_is_found_wrong() -> None:
    for change in ({"distribution": []}, {"recordSet": described()["recordSet"] * 2}):  # type: ignore[operator]
        assert problems(described() | change)


def test_a_set_whose_licence_nobody_stated_is_not_published() -> None:
    golden = GoldenSet("g", (Case("a", "Who is it?", QUOTED),), NOW)
    with pytest.raises(InputError, match="--license and --creator"):
        croissant(golden, "g.jsonl", "0", 1, KNOWN, Stated())


def test_the_sheet_says_what_is_known_and_what_nobody_stated() -> None:
    golden = GoldenSet("g", (Case("a", "Who is it?", QUOTED, provenance={"author": "Kim"}),), NOW)
    sheet = data_sheet(golden, (), KNOWN)
    for line in ("| looks at split test | 3 of 5 |", "| licence | not stated |", f"| canary | {GUID} |", "alpha .8"):
        assert line in sheet
