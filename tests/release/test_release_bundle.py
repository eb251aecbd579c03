"""Freezing and comparing bundles."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.records.bundles import Bundle
from assay.records.errors import InputError
from assay.release.bundle import Change, diff, freeze

PARTS: dict[str, Any] = {
    "prompt": {"system": "Answer from the passages."},
    "model": {"kind": "openai", "model": "m-1", "api_key_env": "CHAT_API_KEY", "max_tokens": 800},
    "snapshot": {"id": "e" * 64},
    "guards": [{"kind": "limits", "max_question_chars": 4000}],
    "retrieve": {"passages": 8, "mode": "hybrid"},
    "verify": {"on_failure": "withhold"},
    "abstain": {"threshold": 0.25},
}


def frozen(**changed: Any) -> Bundle:
    return freeze("helpdesk", "assistant", {**PARTS, **changed}, now="2026-01-01T00:00:00Z", note="a note")


def test_a_frozen_bundle_holds_every_component_and_is_named_by_them() -> None:
    bundle = frozen()
    assert bundle.components == PARTS
    assert bundle.bundle_id == freeze("helpdesk", "assistant", PARTS, now="later").bundle_id
    assert bundle.bundle_id != frozen(abstain={"threshold": 0.5}).bundle_id
    assert (bundle.created_at, bundle.note) == ("2026-01-01T00:00:00Z", "a note")


def test_a_bundle_is_the_same_however_its_values_were_written() -> None:
    one = frozen(abstain={"threshold": 1.0, "list": ("a", "b")})
    other = frozen(abstain={"list": ["a", "b"], "threshold": 1})
    assert one == other


@pytest.mark.parametrize("name", sorted(PARTS))
def test_a_bundle_without_a_part_that_rebuilding_needs_is_refused(name: str) -> None:
    with pytest.raises(InputError) as refused:
        freeze("helpdesk", "assistant", {k: v for k, v in PARTS.items() if k != name}, now="")
    assert refused.value.code == "bundle.missing_component"
    assert name in str(refused.value)


def test_an_unknown_kind_of_app_and_an_unpinned_snapshot_are_refused() -> None:
    with pytest.raises(InputError) as unknown:
        freeze("helpdesk", "oracle", PARTS, now="")
    assert unknown.value.code == "bundle.unknown_kind"
    with pytest.raises(InputError) as unpinned:
        frozen(snapshot={"id": ""})
    assert unpinned.value.code == "bundle.no_snapshot"


@pytest.mark.parametrize("value", [float("nan"), object(), {1, object()}])
def test_what_is_no_json_value_is_refused(value: object) -> None:
    with pytest.raises(InputError) as refused:
        frozen(abstain={"threshold": value})
    assert refused.value.code == "bundle.not_json"


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"model": {"api_key": "hunter2hunter2"}}, "$.model.api_key"),
        ({"model": {"headers": [{"Authorization": "Basic aHVudGVyMg=="}]}}, "$.model.headers[0].Authorization"),
        ({"model": {"base_url": "https://me:hunter2hunter2@example.org/v1"}}, "$.model.base_url"),
        ({"prompt": {"system": "Use sk-" + "hunter2" * 5}}, "$.prompt.system"),
        ({"retrieve": {"x": "ghp_" + "a1" * 20}}, "$.retrieve.x"),
        ({"retrieve": {"x": "-----BEGIN RSA PRIVATE KEY-----\nhunter2"}}, "$.retrieve.x"),
    ],
)
def test_a_credential_is_refused_by_its_place_and_never_repeated(content: dict[str, Any], place: str) -> None:
    with pytest.raises(InputError) as refused:
        frozen(**content)
    assert refused.value.code == "bundle.secret"
    assert place in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_names_of_variables_counts_of_tokens_and_plain_addresses_are_no_credentials() -> None:
    frozen(
        model={"api_key_env": "CHAT_API_KEY", "max_tokens": 1, "base_url": "http://127.0.0.1:8000/v1", "api_key": ""}
    )


def test_a_difference_names_each_setting_with_both_values() -> None:
    before = frozen()
    after = frozen(
        retrieve={"passages": 5, "rrf_k": 60},
        guards=[{"kind": "limits", "max_question_chars": 4000}, {"kind": "mask"}],
    )
    assert diff(before, after) == (
        Change("guards[1]", "", '{"kind": "mask"}'),
        Change("retrieve.mode", '"hybrid"', ""),
        Change("retrieve.passages", "8", "5"),
        Change("retrieve.rrf_k", "", "60"),
    )
    assert str(diff(before, after)[2]) == "retrieve.passages: 8 → 5"
    assert str(diff(before, after)[3]) == "retrieve.rrf_k: (absent) → 60"


def test_null_is_a_value_and_true_is_not_one() -> None:
    assert diff(frozen(verify={"a": None}), frozen(verify={})) == (Change("verify.a", "null", ""),)
    assert diff(frozen(verify={"a": True}), frozen(verify={"a": 1})) == (Change("verify.a", "true", "1"),)


def test_notes_and_times_are_no_difference_and_the_app_is_one() -> None:
    assert diff(frozen(), freeze("helpdesk", "assistant", PARTS, now="later", note="else")) == ()
    assert diff(frozen(), freeze("triage", "assistant", PARTS, now="")) == (Change("app", '"helpdesk"', '"triage"'),)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(values, values)
def test_two_bundles_differ_in_some_setting_exactly_when_their_ids_differ(one: object, other: object) -> None:
    a, b = (Bundle("helpdesk", "assistant", {"verify": {"x": value}}) for value in (one, other))
    assert bool(diff(a, b)) == (a.bundle_id != b.bundle_id)
    assert [(c.after, c.before) for c in diff(b, a)] == [(c.before, c.after) for c in diff(a, b)]
    for change in diff(a, b):
        assert all(not text or json.loads(text) is not ... for text in (change.before, change.after))
