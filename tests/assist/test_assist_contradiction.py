"""Contradictions between sources: known pairs that contradict each other, and known pairs that only look so."""

from __future__ import annotations

import pytest

from assay.assist.contradiction import disagree, find_conflicts
from assay.records.access import AccessList
from assay.records.dialogue import Citation, ConflictKind
from assay.records.documents import BlockKind, Chunk
from assay.records.retrieval import Ranked

CONTRADICT = [
    (
        "Every parent takes 16 weeks of paid parental leave.",
        "Every parent takes 20 weeks of paid parental leave.",
        "number",
    ),
    ("The probation period lasts six months.", "The probation period takes three months.", "number"),
    ("The daily meal allowance in Germany is 45 euros.", "The daily meal allowance in Germany is 50 euros.", "number"),
    ("The VPN disconnects idle sessions after 12 hours.", "The VPN disconnects idle sessions after 8 hours.", "number"),
    ("Uploads are limited to 5 MB.", "File uploads are limited to 10 MB.", "number"),
    ("The upload size limit is 5 MB.", "The upload size limit is 10 MB.", "number"),
    (
        "Backups are kept for 30 days on the standard plan.",
        "Backups are kept for 90 days on the standard plan.",
        "number",
    ),
    ("The service promises an availability of 99.9 %.", "The service promises an availability of 99.5 %.", "number"),
    (
        "Expense reports above $500 need the approval of a director.",
        "Expense reports above $250 need the approval of a director.",
        "number",
    ),
    ("Employees get 30 days of annual leave.", "Employees receive 28 days of annual leave.", "number"),
    ("The data center in Frankfurt has 12 racks.", "The data center in Frankfurt has 14 racks.", "number"),
    ("Passwords must have at least 12 characters.", "Passwords must have at least 16 characters.", "number"),
    (
        "The new travel policy takes effect on 1 March 2025.",
        "The new travel policy takes effect on 1 April 2025.",
        "date",
    ),
    ("The office in Lyon opened in 2019.", "The office in Lyon opened in 2017.", "date"),
    ("Applications for the grant close on 2025-06-30.", "Applications for the grant close on 2025-07-31.", "date"),
    (
        "The contract with the supplier ends on 31.12.2025.",
        "The contract with the supplier ends on 31.12.2026.",
        "date",
    ),
    ("Employees may work from abroad.", "Employees may not work from abroad.", "negation"),
    (
        "Personal devices are allowed in the laboratory.",
        "Personal devices are not allowed in the laboratory.",
        "negation",
    ),
    (
        "Contractors can access the production database.",
        "Contractors cannot access the production database.",
        "negation",
    ),
    ("Refunds are possible after the trial period.", "No refunds are possible after the trial period.", "negation"),
    (
        "Die Probezeit beträgt sechs Monate nach der Einstellung im Vertrieb.",
        "Die Probezeit beträgt drei Monate nach der Einstellung im Vertrieb.",
        "number",
    ),
    (
        "Die Tagespauschale für Verpflegung in Deutschland beträgt 28 Euro.",
        "Die Tagespauschale für Verpflegung in Deutschland beträgt 32 Euro.",
        "number",
    ),
    ("Private Geräte sind im Labor erlaubt.", "Private Geräte sind im Labor nicht erlaubt.", "negation"),
]

MISSED = [
    ("Every parent takes 16 weeks of leave.", "Mothers and fathers stay at home for 20 weeks."),
    ("The probation period ends after half a year.", "New colleagues are on probation for three months."),
    ("Remote work is forbidden on Fridays.", "Remote work is welcome on Fridays."),
]
"""Contradictions in other words: missed, and told so in docs/freshness.md."""

AGREE = [
    ("The meal allowance in Germany is 45 euros.", "The meal allowance in France is 50 euros."),
    ("The upload limit is 5 MB.", "The download limit is 10 MB."),
    ("In 2022 the revenue was 5 million euros.", "In 2023 the revenue was 6 million euros."),
    ("Section 4 of the policy covers parental leave.", "Section 5 of the policy covers parental leave."),
    ("Passwords must have at least 12 characters.", "Passwords may have up to 64 characters."),
    ("Employees get 30 days of annual leave.", "Employees get 30 days of leave a year."),
    ("The probation period lasts six months.", "The notice period lasts three months."),
    ("The session ends after 12 hours.", "The session ends after 30 minutes without a key press."),
    ("Employees may work from abroad.", "Contractors may not work from abroad."),
    ("Not only employees may use the gym.", "Employees may use the gym."),
    ("Reports are due no later than 5 days after the trip.", "Reports are due 5 days after the trip."),
    ("Is the upload limit 5 MB for all plans?", "The upload limit is 10 MB for all plans."),
    ("For example, the allowance could be 45 euros a day.", "The allowance is 50 euros a day."),
    ("If the limit is 5 MB, uploads of videos fail.", "The limit is 10 MB for uploads of videos."),
    ("Step 1: restart the database server.", "Step 2: restart the database server."),
    ("The meeting takes one hour.", "One of the meetings takes place on Monday."),
    ("The price is $1,000 per seat and year.", "The price is 1000 dollars per seat and year."),
    ("The store opened on May 3, 2024 in Berlin.", "The store opened on 2024-05-03 in Berlin."),
    (
        "Net sales in the quarter increased 5 % to $90 billion.",
        "Net sales in the quarter increased 8 % to $95 billion.",
    ),
    ("The team has 12 engineers and 3 designers.", "The team has 10 engineers and 4 designers."),
    ("Version 2.1 fixes the login problem.", "Version 2.2 fixes the login problem."),
    ("Anna Schmidt leads the sales team of 12 people.", "Boris Meier leads the sales team of 8 people."),
    ("Refunds are possible after the trial period.", "Refunds are not possible before the trial period has ended."),
    ("The first payment of 100 euros is due in May.", "The second payment of 200 euros is due in May."),
    ("The limit is 5.", "The limit is 6."),
    ("Leave is 30 days.", "Leave is 25 days."),
    (
        "Temperatures in the server room stay below 25 degrees.",
        "Temperatures in the server room stay above 18 degrees.",
    ),
    ("The trial lasts 14 days for new customers.", "The trial lasts 14 days for new customers of the Pro plan."),
    ("The backup of the Oslo office runs at 10:30.", "The backup of the Rome office runs at 11:30."),
    ("Travel by train is free for employees.", "Travel by plane is not free for employees."),
    ("Do not share your password with colleagues.", "Share your screen with colleagues."),
    ("An additional 5 days of leave are granted to parents.", "30 days of leave are granted to parents."),
    (
        "The API answers with status 200 when the key is valid.",
        "The API answers with status 401 when the key is expired.",
    ),
    ("Der Urlaub in Berlin beträgt 30 Tage im Jahr.", "Der Urlaub in Wien beträgt 25 Tage im Jahr."),
]


@pytest.mark.parametrize(("one", "other", "kind"), CONTRADICT)
def test_a_pair_that_contradicts_itself_is_found_with_its_kind(one: str, other: str, kind: str | None) -> None:
    language = "de" if any(word in one for word in ("Die ", "Private Ger")) else "en"
    found = disagree(one, other, language)
    assert (found.value if found else None) == kind
    assert disagree(other, one, language) == found


@pytest.mark.parametrize(("one", "other"), MISSED)
def test_a_contradiction_in_other_words_is_missed_as_the_documentation_says(one: str, other: str) -> None:
    assert disagree(one, other) is None


@pytest.mark.parametrize(("one", "other"), AGREE)
def test_a_pair_that_can_both_be_true_is_left_alone(one: str, other: str) -> None:
    language = "de" if one.startswith("Der ") else "en"
    assert disagree(one, other, language) is None
    assert disagree(other, one, language) is None


def ranked(
    text: str, doc_id: str, modified_at: str = "", title: str = "Leave", version: str = "1", kind: str = "paragraph"
) -> Ranked:
    chunk = Chunk(
        f"{doc_id}-{version}", doc_id, version * 64, 0, 100, 100 + len(text), text, title, (), BlockKind(kind), "en",
        AccessList(), modified_at=modified_at,
    )  # fmt: skip
    return Ranked(chunk, 1.0)


def cited(passage: Ranked) -> Citation:
    chunk = passage.chunk
    return Citation(chunk.span, chunk.text, chunk.title, "", chunk.chunk_id)


SIXTEEN = "Some words before. Every parent takes 16 weeks of paid leave."
TWENTY = "Every parent takes 20 weeks of paid leave. Some words after."


def test_a_conflict_names_both_places_and_the_fresher_source() -> None:
    old, new = ranked(SIXTEEN, "a", "2025-01-01T00:00:00Z"), ranked(TWENTY, "b", "2026-01-01")
    (found,) = find_conflicts([cited(old)], [old, new])
    assert (found.kind, found.fresher) == (ConflictKind.NUMBER, "other")
    assert found.cited.quote == "Every parent takes 16 weeks of paid leave."
    assert found.other.quote == "Every parent takes 20 weeks of paid leave."
    assert (found.other.span.start, found.other.span.end) == (100, 142)
    (back,) = find_conflicts([cited(new)], [old, new])
    assert back.fresher == "cited"


def test_sources_of_the_same_or_an_unknown_time_leave_open_which_is_fresher() -> None:
    for times in (("2025-01-01", "2025-01-01"), ("", "2025-01-01"), ("soon", "2025-01-01")):
        one, other = ranked(SIXTEEN, "a", times[0]), ranked(TWENTY, "b", times[1])
        assert [conflict.fresher for conflict in find_conflicts([cited(one)], [one, other])] == [""]


def test_two_versions_of_one_document_can_contradict_each_other_and_one_version_never_itself() -> None:
    one, other = ranked(SIXTEEN, "a"), ranked(TWENTY, "a", version="2")
    assert find_conflicts([cited(one)], [one, other])
    same = ranked(TWENTY, "a")
    assert find_conflicts([cited(one)], [one, same]) == ()


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [("Leave 2024", "Leave 2025"), ("Handbook Norway", "Guide Sweden"), ("Release 2.1", "Release 2.2")],
)
def test_sentences_under_titles_that_name_different_things_do_not_contradict_each_other(mine: str, theirs: str) -> None:
    one, other = ranked(SIXTEEN, "a", title=mine), ranked(TWENTY, "b", title=theirs)
    assert find_conflicts([cited(one)], [one, other]) == ()


def test_only_what_the_answer_cites_is_compared_and_code_never() -> None:
    one, other = ranked(SIXTEEN, "a"), ranked(TWENTY, "b")
    before = Citation(one.chunk.span.__class__("a", "1" * 64, 100, 118), "Some words before.", "", "", "a-1")
    assert find_conflicts([before], [one, other]) == ()
    assert find_conflicts([], [one, other]) == ()
    assert find_conflicts([cited(one)], [one, ranked(TWENTY, "b", kind="code")]) == ()


def test_each_pair_is_told_once_and_never_more_than_three() -> None:
    one = ranked(SIXTEEN, "a")
    others = [ranked(TWENTY.replace("20", str(n)), f"b{n}") for n in range(17, 25)]
    found = find_conflicts([cited(one), cited(one)], [one, *others])
    assert len(found) == 3
    assert len({conflict.other.span for conflict in found}) == 3
