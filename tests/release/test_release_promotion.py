"""What may become live, and how it goes back."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from assay.adapters.clocks import FakeClock
from assay.adapters.memory import MemoryBundles, MemoryDecisions, MemoryReleases
from assay.records.bundles import Bundle, Pointer, ReleaseEvent
from assay.records.comparison import Clause, ClauseKind, Decision, GatePolicy, Verdict
from assay.records.errors import Busy, CannotJudge, InputError, NotFound, NotReleasable
from assay.release.promotion import promote, replaced, rollback, status

POLICY = GatePolicy((Clause("correct", ClauseKind.NON_INFERIORITY, 0.03),))


@dataclass
class House:
    """One app's stores and a clock."""

    bundles: MemoryBundles = field(default_factory=MemoryBundles)
    releases: MemoryReleases = field(default_factory=MemoryReleases)
    decisions: MemoryDecisions = field(default_factory=MemoryDecisions)
    clock: FakeClock = field(default_factory=FakeClock)

    def bundle(self, name: str, app: str = "helpdesk") -> str:
        return self.bundles.put(Bundle(app, "assistant", {"prompt": {"text": name}}))

    def judge(self, candidate: str, baseline: str, verdict: Verdict = Verdict.SHIP, app: str = "helpdesk") -> Decision:
        decision = Decision(
            decision_id=f"d-{len(self.decisions.kept)}",
            verdict=verdict,
            app=app,
            candidate_bundle=candidate,
            baseline_bundle=baseline,
            policy=POLICY,
            policy_digest=POLICY.digest,
            golden_name="support",
            golden_version="c" * 64,
            candidate_run="run-2",
            baseline_run="run-1",
            run_digests={},
            clauses=(),
            seed=7,
            versions={},
            created_at=self.clock.now(),
        )
        self.decisions.put(decision)
        return decision

    def promote(self, bundle: str, reason: str = "", override: bool = False, app: str = "helpdesk") -> Pointer:
        return promote(
            app, bundle, bundles=self.bundles, releases=self.releases, decisions=self.decisions, actor="a person",
            clock=self.clock, reason=reason, override=override,
        )  # fmt: skip

    def rollback(self, to: str = "", reason: str = "") -> Pointer:
        return rollback(
            "helpdesk", bundles=self.bundles, releases=self.releases, actor="a person", clock=self.clock, to=to,
            reason=reason,
        )  # fmt: skip

    @property
    def live(self) -> str:
        pointer = self.releases.pointer("helpdesk")
        return pointer.bundle_id if pointer else ""


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def first(house: House) -> str:
    """The bundle that is live."""
    name = house.bundle("first")
    house.promote(name, "first release", override=True)
    return name


def refused(code: str, house: House, bundle: str, **how: object) -> NotReleasable:
    before = house.releases.history("helpdesk")
    with pytest.raises(NotReleasable) as error:
        house.promote(bundle, **how)  # type: ignore[arg-type]
    assert error.value.code == code
    assert house.releases.history("helpdesk") == before
    return error.value


def test_a_first_release_is_an_override_whose_reason_is_kept(house: House) -> None:
    name = house.bundle("first")
    refused("release.no_passing_record", house, name)
    assert house.promote(name, " nothing to compare with ", override=True) == Pointer("helpdesk", 1, name)
    event = house.releases.history("helpdesk")[0]
    assert (event.override, event.reason, event.decision_id) == (True, "nothing to compare with", "")
    assert (event.actor, event.previous_bundle_id, event.action) == ("a person", "", "promote")


def test_a_bundle_judged_against_itself_proves_nothing(house: House) -> None:
    name = house.bundle("first")
    house.judge(name, name)
    refused("release.no_passing_record", house, name)


def test_a_first_release_may_rest_on_a_record_against_another_bundle(house: House) -> None:
    name, other = house.bundle("first"), house.bundle("other")
    house.judge(name, other)
    assert house.promote(name).bundle_id == name
    assert not house.releases.history("helpdesk")[0].override


def test_a_passing_record_against_what_is_live_makes_a_bundle_live(house: House, first: str) -> None:
    second = house.bundle("second")
    record = house.judge(second, first)
    assert house.promote(second[:8]) == Pointer("helpdesk", 2, second)
    event = house.releases.history("helpdesk")[0]
    assert (event.decision_id, event.override, event.previous_bundle_id) == (record.decision_id, False, first)


@pytest.mark.parametrize("verdict", [Verdict.DO_NOT_SHIP, Verdict.NEED_MORE_DATA, Verdict.CANNOT_JUDGE])
def test_any_verdict_but_ship_is_refused_also_after_an_earlier_ship(house: House, first: str, verdict: Verdict) -> None:
    second = house.bundle("second")
    house.judge(second, first)
    house.judge(second, first, verdict)
    error = refused("release.no_passing_record", house, second)
    assert verdict.value in str(error)
    house.judge(second, first)
    assert house.promote(second).bundle_id == second


def test_a_record_of_another_bundle_or_another_app_does_not_count(house: House, first: str) -> None:
    second, third = house.bundle("second"), house.bundle("third")
    house.judge(second, first)
    house.judge(third, first, app="triage")
    refused("release.no_passing_record", house, third)


def test_a_record_against_what_is_no_longer_live_is_stale(house: House, first: str) -> None:
    second, third = house.bundle("second"), house.bundle("third")
    house.judge(second, first)
    house.judge(third, first)
    house.promote(second)
    refused("release.stale_record", house, third)
    house.judge(third, second)
    assert house.promote(third).bundle_id == third


def test_a_bundle_that_was_rolled_back_needs_a_newer_record(house: House, first: str) -> None:
    second = house.bundle("second")
    house.judge(second, first)
    house.promote(second)
    house.rollback()
    error = refused("release.stale_record", house, second)
    assert "rolled back" in str(error)
    house.judge(second, first)
    assert house.promote(second).bundle_id == second


def test_an_override_is_kept_with_the_record_that_it_overrides(house: House, first: str) -> None:
    second = house.bundle("second")
    record = house.judge(second, first, Verdict.DO_NOT_SHIP)
    house.promote(second, "an outage", override=True)
    event = house.releases.history("helpdesk")[0]
    assert (event.override, event.reason, event.decision_id) == (True, "an outage", record.decision_id)


def test_an_override_that_was_not_needed_is_not_recorded_as_one(house: House, first: str) -> None:
    second = house.bundle("second")
    house.judge(second, first)
    house.promote(second, "to be sure", override=True)
    assert not house.releases.history("helpdesk")[0].override


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_an_override_without_a_reason_is_refused(house: House, reason: str) -> None:
    with pytest.raises(InputError) as error:
        house.promote(house.bundle("first"), reason, override=True)
    assert error.value.code == "release.no_reason"
    assert house.live == ""


def test_what_is_live_already_or_belongs_to_another_app_is_refused_even_with_an_override(
    house: House, first: str
) -> None:
    refused("release.already_live", house, first, reason="again", override=True)
    refused("release.other_app", house, house.bundle("x", app="triage"), reason="why not", override=True)
    with pytest.raises(NotFound):
        house.promote("f" * 64, "why not", override=True)


def test_a_record_whose_policy_was_changed_cannot_be_used(house: House, first: str) -> None:
    second = house.bundle("second")
    record = house.judge(second, first)
    house.decisions.kept[record.decision_id] = replace(record, policy=GatePolicy(()))
    with pytest.raises(CannotJudge) as error:
        house.promote(second)
    assert error.value.code == "decision.digest_mismatch"


def test_a_rollback_returns_to_the_bundle_that_was_replaced_and_then_to_the_one_before(
    house: House, first: str
) -> None:
    names = [first, house.bundle("second"), house.bundle("third")]
    for name in names[1:]:
        house.promote(name, "try it", override=True)
    assert house.rollback(reason="errors").bundle_id == names[1]
    assert house.releases.history("helpdesk")[0].reason == "errors"
    assert house.rollback().bundle_id == names[0]
    with pytest.raises(NotReleasable) as error:
        house.rollback()
    assert error.value.code == "release.nothing_before"
    assert house.live == names[0]


def test_a_rollback_to_a_named_bundle_skips_those_between(house: House, first: str) -> None:
    second, third = house.bundle("second"), house.bundle("third")
    for name in (second, third):
        house.promote(name, "try it", override=True)
    assert house.rollback(to=first[:8]).bundle_id == first


def test_a_rollback_is_no_way_forward(house: House, first: str) -> None:
    second, never_live = house.bundle("second"), house.bundle("third")
    house.promote(second, "try it", override=True)
    house.rollback()
    for target in (second, never_live, first):
        with pytest.raises(NotReleasable):
            house.rollback(to=target)
    assert house.live == first


def test_a_rollback_with_nothing_live_or_before_is_refused(house: House) -> None:
    with pytest.raises(NotReleasable):
        house.rollback()
    house.promote(house.bundle("first"), "first release", override=True)
    with pytest.raises(NotReleasable):
        house.rollback()


def test_a_pointer_that_moves_between_reading_and_swapping_stays_where_it_was_moved(house: House, first: str) -> None:
    class Raced(MemoryReleases):
        def swap(self, event: ReleaseEvent, expected_revision: int) -> Pointer:
            if not raced:
                raced.append(event.bundle_id)
                super().swap(replace(event, bundle_id="9" * 64), expected_revision)
            return super().swap(event, expected_revision)

    raced: list[str] = []
    house.releases = Raced(house.releases.events)
    second = house.bundle("second")
    house.judge(second, first)
    with pytest.raises(Busy) as moved:
        house.promote(second)
    assert moved.value.code == "release.moved"
    assert house.live == "9" * 64


def test_the_status_says_what_is_live_and_where_a_rollback_would_lead(house: House, first: str) -> None:
    assert status("helpdesk", releases=house.releases).rollback_to == ""
    second = house.bundle("second")
    house.promote(second, "try it", override=True)
    seen = status("helpdesk", releases=house.releases)
    assert (seen.pointer, seen.rollback_to) == (Pointer("helpdesk", 2, second), first)
    assert seen.event is not None
    assert seen.event.reason == "try it"
    assert status("triage", releases=house.releases).pointer is None


class Releasing(RuleBasedStateMachine):
    """Whatever happens, the pointer is the newest event, and a rollback leads to something that was live before."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House()
        self.names = [self.house.bundle(name) for name in "abcd"]

    @rule(which=st.integers(0, 3))
    def promote(self, which: int) -> None:
        if self.names[which] != self.house.live:
            self.house.promote(self.names[which], "try it", override=True)
            assert self.house.live == self.names[which]

    @precondition(lambda self: replaced(self.house.releases.history("helpdesk")))
    @rule()
    def rollback(self) -> None:
        left, before = self.house.live, replaced(self.house.releases.history("helpdesk"))
        self.house.rollback()
        assert self.house.live == before[0] != left
        assert replaced(self.house.releases.history("helpdesk")) == before[1:]

    @invariant()
    def the_pointer_is_the_newest_event_and_targets_were_live(self) -> None:
        history = self.house.releases.history("helpdesk")
        assert [event.revision for event in history] == list(range(len(history), 0, -1))
        targets = replaced(history)
        assert len(set(targets)) == len(targets)
        assert self.house.live not in targets
        assert set(targets) <= {event.bundle_id for event in history}


TestReleasing = Releasing.TestCase
TestReleasing.settings = settings(max_examples=25, stateful_step_count=15)
