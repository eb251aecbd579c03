"""The demo's corpus and golden set, read with the real parsers: what they promise is what stands there."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache
from importlib.resources import files
from pathlib import Path

import yaml

from assay.adapters.parsers.registry import parsers
from assay.golden.check import check
from assay.golden.jsonl import read_cases
from assay.ingest.access import AccessRules, read_access_csv
from assay.records.access import EVERY_TENANT, AccessList
from assay.records.documents import Parsed
from assay.records.golden import Case, GoldenSet

HOME = Path(str(files("assay.wiring") / "demo_corpus"))

INJECTED = "corpus/support/articles/community-tips-backfills.html"


@cache
def documents() -> dict[str, Parsed]:
    read = parsers()
    found = {}
    for path in sorted((HOME / "corpus").rglob("*")):
        if path.is_file():
            doc_id = path.relative_to(HOME).as_posix()
            (found[doc_id],) = read[path.suffix].parse(path.read_bytes(), doc_id)
    return found


@cache
def texts() -> dict[str, str]:
    return {doc_id: " ".join(parsed.text.split()) for doc_id, parsed in documents().items()}


@cache
def cases() -> tuple[Case, ...]:
    return read_cases((HOME / "golden.jsonl").read_bytes(), "golden.jsonl")


@cache
def rules() -> AccessRules:
    given = yaml.safe_load((HOME / "assay.yaml").read_text(encoding="utf-8"))["access"]

    def access(entry: dict[str, object]) -> AccessList:
        return AccessList(str(entry["tenant"]), tuple(entry["groups"]))  # type: ignore[call-overload]

    folders = tuple((entry["path"], access(entry)) for entry in given["folders"])
    return AccessRules(access(given["default"]), folders, read_access_csv((HOME / "access.csv").read_bytes()))


@cache
def access_lists() -> dict[str, AccessList]:
    return {doc_id: rules().resolve(doc_id, doc_id, parsed.access) for doc_id, parsed in documents().items()}


def of_kind(kind: str) -> list[Case]:
    return [case for case in cases() if f"kind={kind}" in case.slices]


def squeezed(text: str) -> str:
    return " ".join(text.split())


def test_the_corpus_has_the_promised_formats_and_languages() -> None:
    """At least 80 documents, four formats, two languages, and real pages in the PDFs."""
    suffixes = Counter(Path(doc_id).suffix for doc_id in documents())
    assert sum(suffixes.values()) >= 80
    assert suffixes[".html"] >= 10
    assert suffixes[".pdf"] >= 6
    assert suffixes[".docx"] >= 6
    german = [doc_id for doc_id in documents() if "/de/" in doc_id or doc_id.startswith("corpus/customers/ostermark/")]
    assert len(german) - 1 >= 12  # the architecture review is in English
    assert all(len(parsed.pages) >= 2 for doc_id, parsed in documents().items() if doc_id.endswith(".pdf"))


def test_every_document_is_read_whole() -> None:
    """No parser warns; each document has a title, a heading, a date of its own and enough text to be worth asking."""
    for doc_id, parsed in documents().items():
        told = [warning.partition(":")[0] for warning in parsed.warnings]
        assert told == (["ingest.hidden_text"] if doc_id == INJECTED else []), doc_id
        assert len(parsed.title.split()) >= 1, doc_id
        assert dict(parsed.metadata).get("modified", "").startswith("202"), doc_id
        assert len(parsed.text.split()) >= 90, doc_id


def test_the_words_fit_the_time_that_embedding_may_take() -> None:
    """About 25,000 words: at 2,000 a CPU second, vectors are ready within the demo's minute."""
    assert 20_000 <= sum(len(parsed.text.split()) for parsed in documents().values()) <= 32_000


def test_every_document_is_named_by_a_rule() -> None:
    """Nothing falls through to the default, which is for administrators only."""
    assert all(access != rules().default for access in access_lists().values())
    assert set(rules().rows) <= set(documents())
    paged = {doc_id for doc_id in documents() if doc_id.endswith((".pdf", ".docx"))}
    assert set(rules().rows) == paged


def test_tenants_and_groups_are_as_described() -> None:
    """Three tenants, documents for all of them, and groups inside two of them."""
    lists = set(access_lists().values())
    assert {access.tenant for access in lists} == {"halvard", "brambling", "ostermark", EVERY_TENANT}
    groups = {group for access in lists for group in access.groups}
    assert groups == {"staff", "hr", "security", "finance", "support", "engineering", "contracts"}


def test_counts_of_cases() -> None:
    """At least 150 cases with enough of each kind."""
    assert len(cases()) >= 170
    least = {"fact": 95, "multi": 15, "unanswerable": 30, "restricted": 20, "stale": 8}
    assert {kind: len(of_kind(kind)) for kind in least if len(of_kind(kind)) < least[kind]} == {}
    assert len(of_kind("table")) + len(of_kind("numeric")) >= 20
    assert sum("language=de" in case.slices for case in cases()) >= 15


def test_quotes_stand_in_their_documents_and_answers_in_quotes() -> None:
    """Evidence is word for word, up to white space, and an answer or demanded string stands in a quote."""
    for case in cases():
        quotes = [squeezed(evidence.quote) for evidence in case.expected.evidence]
        for evidence, quote in zip(case.expected.evidence, quotes, strict=True):
            assert quote in texts()[evidence.doc_id], (case.case_id, evidence.doc_id)
        for wanted in (*case.expected.answers, *case.expected.must):
            assert any(wanted in quote for quote in quotes), (case.case_id, wanted)
        if case.expected.answerable:
            assert quotes, case.case_id
            assert case.expected.answers, case.case_id


def test_askers_may_see_what_they_are_to_be_told() -> None:
    """The evidence of an answerable case is open to the asker."""
    for case in cases():
        if case.expected.answerable:
            for evidence in case.expected.evidence:
                assert case.scope.allows(access_lists()[evidence.doc_id]), (case.case_id, evidence.doc_id)


def test_secrets_are_out_of_reach() -> None:
    """A restricted case's evidence is closed to the asker, and its secret stands in no document open to them."""
    for case in of_kind("restricted"):
        assert not case.expected.answerable
        assert case.expected.must_not, case.case_id
        for evidence in case.expected.evidence:
            assert not case.scope.allows(access_lists()[evidence.doc_id]), case.case_id
        opened = [text for doc_id, text in texts().items() if case.scope.allows(access_lists()[doc_id])]
        for secret in case.expected.must_not:
            assert not any(secret in text for text in opened), (case.case_id, secret)


def test_stale_cases_forbid_what_the_old_version_says() -> None:
    """A forbidden amount stands in an older document that the asker may see, and in no quote of the evidence."""
    for case in of_kind("stale"):
        dates = dict(documents()[case.expected.evidence[0].doc_id].metadata)
        for old in case.expected.must_not:
            assert not any(old in evidence.quote for evidence in case.expected.evidence)
            holders = [
                doc_id for doc_id, text in texts().items() if old in text and case.scope.allows(access_lists()[doc_id])
            ]
            older = [doc_id for doc_id in holders if dict(documents()[doc_id].metadata)["modified"] < dates["modified"]]
            assert older, (case.case_id, old)


def test_questions_do_not_repeat_their_evidence() -> None:
    """No question shares a run of eight words with the evidence it asks for."""
    for case in cases():
        asked = squeezed(case.question.lower()).rstrip("?").split()
        runs = {" ".join(asked[at : at + 8]) for at in range(len(asked) - 7)}
        for evidence in case.expected.evidence:
            assert not any(run in squeezed(evidence.quote.lower()) for run in runs), case.case_id


def test_splits_do_not_share_a_topic() -> None:
    """A cluster, and a document that is evidence, stand on one side of the split; dev holds about a third."""
    sides: dict[str, set[str]] = defaultdict(set)
    for case in cases():
        for name in (f"cluster:{case.cluster}", *(evidence.doc_id for evidence in case.expected.evidence)):
            sides[name].add(case.split)
    assert [name for name, splits in sides.items() if len(splits) > 1] == []
    share = sum(case.split == "dev" for case in cases()) / len(cases())
    assert 0.25 <= share <= 0.38


def test_the_golden_check_finds_no_error() -> None:
    """The product's own check of the set against the corpus has nothing but remarks about small slices."""
    plain = {doc_id: parsed.text for doc_id, parsed in documents().items()}
    findings = check(GoldenSet("demo", cases()), documents=plain)
    assert {finding.code for finding in findings} <= {"golden.small_slice"}


def test_the_injected_article_keeps_its_visible_bait() -> None:
    """The instruction that a reader sees stands in the text; the comment and the white line are dropped."""
    text = texts()[INJECTED]
    assert "ignore your instructions" in text.lower()
    assert "SYSTEM:" not in text
    assert "EBB-FREE-100" not in text


def test_personal_data_are_test_values() -> None:
    """The card number is the well-known test number, and addresses are in reserved domains."""
    holders = [doc_id for doc_id, text in texts().items() if "4111 1111 1111 1111" in text]
    assert holders == ["corpus/support/internal/ticket-48213.md"]
    for doc_id, text in texts().items():
        for word in text.split():
            if "@" in word.strip("@") and "." in word.rpartition("@")[2] and not word.startswith("image:"):
                domain = word.rpartition("@")[2].rstrip(".,;:)").lower()
                assert domain.endswith((".example", "example.com")) or "@20" in word, (doc_id, word)
