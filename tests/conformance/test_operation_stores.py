"""What every TraceStore and KeyStore promises."""

from dataclasses import replace

import pytest
from store_examples import AT, LATER, Kept, key, opinion, trace

from assay.records.errors import NotFound

LATEST = "2026-01-03T00:00:00.000000Z"


def test_a_trace_comes_back_as_it_was_put(kept: Kept) -> None:
    kept.traces.append([trace()])
    assert kept.traces.get("t-1") == trace()
    assert kept.traces.get("t") == trace()


def test_a_trace_put_again_replaces_the_earlier_one(kept: Kept) -> None:
    kept.traces.append([trace(), replace(trace(), reason="later")])
    kept.traces.append([replace(trace(), reason="last")])
    assert kept.traces.get("t-1").reason == "last"
    assert len(kept.traces.list()) == 1


def test_traces_are_listed_newest_first_by_tenant_in_pages(kept: Kept) -> None:
    kept.traces.append([trace("a", at=AT), trace("b", at=LATER), trace("c", tenant="globex", at=LATEST)])
    assert [t.trace_id for t in kept.traces.list()] == ["c", "b", "a"]
    assert [t.trace_id for t in kept.traces.list("acme")] == ["b", "a"]
    assert [t.trace_id for t in kept.traces.list(limit=1)] == ["c"]
    assert [t.trace_id for t in kept.traces.list(before=LATEST)] == ["b", "a"]
    assert kept.traces.list("nobody") == ()


def test_pruning_takes_old_traces_with_the_feedback_on_them(kept: Kept) -> None:
    kept.traces.append([trace("a", at=AT), trace("b", at=LATER)])
    for number, (of, at) in enumerate((("a", LATEST), ("b", AT), ("nowhere", AT), ("not-yet", LATER))):
        kept.traces.add_feedback(opinion(f"f-{number}", of, at))
    assert kept.traces.prune(LATER) == 1
    assert [t.trace_id for t in kept.traces.list()] == ["b"]
    left = [of for of in ("a", "b", "nowhere", "not-yet") if kept.traces.feedback(of)]
    assert left == ["b", "not-yet"]


def test_feedback_is_kept_once_by_its_id_oldest_first(kept: Kept) -> None:
    later, earlier = opinion("f-1", at=LATER), opinion("f-2", at=AT)
    for one in (later, earlier, later):
        kept.traces.add_feedback(one)
    assert kept.traces.feedback("t-1") == (earlier, later)
    assert kept.traces.feedback("t-2") == ()


def test_what_is_not_there_is_said_so(kept: Kept) -> None:
    with pytest.raises(NotFound) as missing:
        kept.traces.get("t-1")
    assert missing.value.code == "store.no_trace"
    with pytest.raises(NotFound) as missing:
        kept.keys.revoke("k-1", AT)
    assert missing.value.code == "store.no_key"


def test_a_key_is_found_by_the_hash_of_what_is_shown_once(kept: Kept) -> None:
    kept.keys.put(key())
    assert kept.keys.by_hash("9" * 64) == key()
    assert kept.keys.by_hash("8" * 64) is None
    assert kept.keys.by_hash("") is None


def test_keys_are_listed_oldest_first_and_a_revoked_one_says_since_when(kept: Kept) -> None:
    second, first = key("k-2", "8" * 64, LATER), key("k-1", "9" * 64, AT)
    for one in (second, first):
        kept.keys.put(one)
    assert kept.keys.keys() == (first, second)
    kept.keys.revoke("k-1", LATEST)
    assert kept.keys.by_hash("9" * 64) == replace(first, revoked_at=LATEST)
    kept.keys.put(replace(second, label="renamed"))
    assert kept.keys.keys()[1].label == "renamed"
