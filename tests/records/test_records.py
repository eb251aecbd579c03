"""Records have one content address, one fold and no way to hold a number that is not finite."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.records.access import AccessList, Scope
from assay.records.bundles import Bundle
from assay.records.dialogue import AnswerSentence, Check, CheckStatus, Finished, Outcome, SentenceReady, fold
from assay.records.digest import canonical_json, sha256_json
from assay.records.documents import public_source

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_key_order_does_not_change_a_digest(value: dict[str, object]) -> None:
    assert sha256_json(value) == sha256_json(dict(reversed(value.items())))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_not_finite_have_no_canonical_form(number: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        canonical_json({"score": number})


def test_whole_floats_and_integers_are_the_same_value() -> None:
    assert canonical_json({"n": 1.0}) == canonical_json({"n": 1}) == b'{"n":1}'


def test_a_scope_sees_its_tenant_shared_documents_and_its_groups_only() -> None:
    scope = Scope("acme", frozenset({"hr"}))
    assert scope.allows(AccessList("acme"))
    assert scope.allows(AccessList("*"))
    assert scope.allows(AccessList("acme", ("hr", "legal")))
    assert not scope.allows(AccessList("acme", ("legal",)))
    assert not scope.allows(AccessList("globex"))
    assert not scope.allows(AccessList("*", ("legal",)))


def test_a_stream_that_never_finishes_folds_to_a_failed_reply() -> None:
    sentence = AnswerSentence("Yes.", (), Check(CheckStatus.SUPPORTED, 1.0))
    assert fold([SentenceReady(sentence)]).outcome is Outcome.FAILED
    reply = fold([SentenceReady(sentence), Finished(Outcome.ANSWERED)])
    assert reply.outcome is Outcome.ANSWERED
    assert reply.text == "Yes."


def test_a_bundle_is_named_by_its_content_and_not_by_when_it_was_made() -> None:
    one = Bundle("helpdesk", "assistant", {"prompt": {"text": "Answer."}}, created_at="2026-01-01")
    assert one.bundle_id == Bundle("helpdesk", "assistant", {"prompt": {"text": "Answer."}}).bundle_id
    assert one.bundle_id != Bundle("helpdesk", "assistant", {"prompt": {"text": "Answer!"}}).bundle_id


def test_a_path_on_the_servers_disk_is_not_told_to_readers() -> None:
    assert public_source("file:///srv/secret/handbook/leave.md", "handbook/leave.md") == "handbook/leave.md"
    assert public_source("https://example.org/leave", "leave") == "https://example.org/leave"
