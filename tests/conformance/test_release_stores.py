"""What every BundleStore, ReleaseStore, DecisionStore and CalibrationStore promises."""

from dataclasses import replace

import pytest
from store_examples import AT, LATER, Kept, bundle, calibration, decision, event

from assay.records.bundles import Pointer
from assay.records.comparison import Verdict
from assay.records.errors import Busy, NotFound


def test_a_bundle_comes_back_as_it_was_put_under_its_content_hash(kept: Kept) -> None:
    assert kept.bundles.put(bundle()) == bundle().bundle_id
    assert kept.bundles.get(bundle().bundle_id) == bundle()
    assert kept.bundles.get(bundle().bundle_id[:6]) == bundle()


def test_the_same_content_put_later_is_the_same_bundle(kept: Kept) -> None:
    kept.bundles.put(bundle())
    kept.bundles.put(bundle(created_at=LATER))
    assert kept.bundles.bundles() == (bundle(),)


def test_bundles_are_listed_by_app_newest_first(kept: Kept) -> None:
    older, newer, other = bundle(), bundle(prompt="Answer!", created_at=LATER), bundle("triage")
    for one in (older, newer, other):
        kept.bundles.put(one)
    assert kept.bundles.bundles("helpdesk") == (newer, older)
    assert len(kept.bundles.bundles()) == 3


@pytest.mark.parametrize("name", ["", "12345", "123456", "%%%%%%"])
def test_a_bundle_needs_six_digits_and_must_be_there(kept: Kept, name: str) -> None:
    kept.bundles.put(bundle())
    with pytest.raises(NotFound) as missing:
        kept.bundles.get(name)
    assert missing.value.code == "store.no_bundle"


def test_the_pointer_moves_by_compare_and_swap_and_every_move_is_kept(kept: Kept) -> None:
    assert kept.releases.pointer("helpdesk") is None
    assert kept.releases.swap(event("1" * 64), 0) == Pointer("helpdesk", 1, "1" * 64)
    assert kept.releases.swap(event("2" * 64), 1) == Pointer("helpdesk", 2, "2" * 64)
    assert kept.releases.pointer("helpdesk") == Pointer("helpdesk", 2, "2" * 64)
    expected = (replace(event("2" * 64), revision=2), replace(event("1" * 64), revision=1))
    assert kept.releases.history("helpdesk") == expected


@pytest.mark.parametrize("expected", [0, 2, 7])
def test_a_swap_from_another_revision_changes_nothing(kept: Kept, expected: int) -> None:
    kept.releases.swap(event("1" * 64), 0)
    with pytest.raises(Busy) as moved:
        kept.releases.swap(event("2" * 64), expected)
    assert moved.value.code == "release.moved"
    assert kept.releases.pointer("helpdesk") == Pointer("helpdesk", 1, "1" * 64)
    assert len(kept.releases.history("helpdesk")) == 1


def test_a_first_swap_that_expects_a_revision_is_refused(kept: Kept) -> None:
    with pytest.raises(Busy):
        kept.releases.swap(event("1" * 64), 3)
    assert kept.releases.pointer("helpdesk") is None
    assert kept.releases.history("helpdesk") == ()


def test_each_app_has_its_own_pointer(kept: Kept) -> None:
    kept.releases.swap(event("1" * 64), 0)
    kept.releases.swap(event("2" * 64, app="triage"), 0)
    assert kept.releases.pointer("triage") == Pointer("triage", 1, "2" * 64)
    assert len(kept.releases.history("helpdesk")) == 1


def test_a_decision_comes_back_as_it_was_put_and_never_changes(kept: Kept) -> None:
    kept.decisions.put(decision())
    kept.decisions.put(decision(verdict=Verdict.DO_NOT_SHIP))
    assert kept.decisions.get("d-1") == decision()
    assert kept.decisions.get("d-") == decision()


def test_decisions_are_found_by_their_candidate_newest_first(kept: Kept) -> None:
    older, newer = decision("d-1", created_at=AT), decision("d-2", created_at=LATER)
    other = decision("d-3", candidate="3" * 64)
    for one in (older, newer, other):
        kept.decisions.put(one)
    assert kept.decisions.for_bundle("1" * 64) == (newer, older)
    assert kept.decisions.for_bundle("2" * 64) == ()
    assert len(kept.decisions.decisions()) == 3
    with pytest.raises(NotFound) as missing:
        kept.decisions.get("e")
    assert missing.value.code == "store.no_decision"


def test_the_calibration_put_last_is_the_app_s(kept: Kept) -> None:
    assert kept.calibrations.get("helpdesk") is None
    kept.calibrations.put(calibration(0.5))
    kept.calibrations.put(calibration(0.25))
    assert kept.calibrations.get("helpdesk") == calibration(0.25)
    assert kept.calibrations.get("triage") is None
