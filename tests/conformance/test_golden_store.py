"""What every GoldenStore promises."""

import pytest
from store_examples import AT, Kept, golden

from assay.records.errors import NotFound


def test_a_golden_set_comes_back_as_it_was_put(kept: Kept) -> None:
    version = kept.golden.put(golden())
    assert version == golden().version
    assert kept.golden.get("support") == golden()
    assert kept.golden.get("support", version) == golden()
    assert kept.golden.get("support", version[:8]) == golden()


def test_the_version_put_last_is_the_newest_and_every_one_stays(kept: Kept) -> None:
    first, second = golden(), golden(question="How long is the trial?")
    kept.golden.put(first)
    kept.golden.put(second)
    assert kept.golden.get("support") == second
    assert kept.golden.get("support", first.version) == first
    assert kept.golden.versions("support") == ((first.version, AT, 2), (second.version, AT, 2))


def test_the_same_cases_are_one_version(kept: Kept) -> None:
    assert kept.golden.put(golden()) == kept.golden.put(golden())
    assert len(kept.golden.versions("support")) == 1


def test_two_names_may_hold_the_same_cases(kept: Kept) -> None:
    kept.golden.put(golden("b"))
    kept.golden.put(golden("a"))
    assert kept.golden.names() == ("a", "b")
    assert kept.golden.get("a").version == kept.golden.get("b").version


def test_what_is_not_there_is_said_so(kept: Kept) -> None:
    kept.golden.put(golden())
    for name, version in (("other", ""), ("support", "zz")):
        with pytest.raises(NotFound) as missing:
            kept.golden.get(name, version)
        assert missing.value.code == "store.no_golden_set"
    assert kept.golden.versions("other") == ()
