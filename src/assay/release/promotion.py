"""Moving the live pointer: forward on evidence, back at once, and never otherwise without a reason that is kept.

The rules of evidence:
- The record that counts is the newest decision about exactly this bundle against exactly what is live now. A later
  refusal therefore outweighs an earlier `ship`, and a gate cannot be repeated until it happens to pass and then stop
  mattering.
- A `ship` against something that is no longer live is stale: it says nothing about replacing today's bundle.
- Where nothing is live yet, a `ship` against any other bundle counts. A bundle judged against itself proves nothing, so
  the very first bundle of an app needs an override with a reason ("first release").
- A bundle that was rolled back failed in the world: a record older than that is stale too.
- A rollback needs no record: it returns to what was live before and passed its gate then. It can only return to a
  bundle that a promotion replaced, never to one that was itself rolled back, so it is no way round the gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.ports.reading import Clock
from assay.ports.storage import BundleStore, DecisionStore, ReleaseStore
from assay.records.bundles import Pointer, ReleaseEvent
from assay.records.comparison import Decision, Verdict
from assay.records.errors import CannotJudge, InputError, NotReleasable

PROMOTE, ROLLBACK = "promote", "rollback"


def promote(
    app: str,
    bundle_id: str,
    *,
    bundles: BundleStore,
    releases: ReleaseStore,
    decisions: DecisionStore,
    actor: str,
    clock: Clock,
    reason: str = "",
    override: bool = False,
) -> Pointer:
    """Make a bundle live.

    Raises NotReleasable `release.no_passing_record`, `release.stale_record`, `release.already_live` or
    `release.other_app`; InputError `release.no_reason` for an override without one; CannotJudge for a bundle or record
    that does not match its digest; Busy `release.moved` when somebody else moved the pointer meanwhile.
    """
    if override and not reason.strip():
        raise InputError("release.no_reason", "an override needs a reason, which is kept", remedy="--reason '…'")
    bundle = bundles.get(bundle_id)
    if bundle.app != app:
        raise NotReleasable("release.other_app", f"this bundle is of the app {bundle.app}", where=app)
    name = bundle.bundle_id
    pointer = releases.pointer(app)
    live = pointer.bundle_id if pointer else ""
    if name == live:
        raise NotReleasable("release.already_live", "this bundle is live already", where=name[:12])
    records = [record for record in decisions.for_bundle(name) if record.app == app]
    record, refusal = _evidence(name, live, records, _rolled_back_at(name, releases.history(app)))
    if refusal is not None and not override:
        raise refusal
    event = ReleaseEvent(
        app=app,
        revision=0,
        action=PROMOTE,
        bundle_id=name,
        previous_bundle_id=live,
        decision_id=record.decision_id if record else "",
        actor=actor,
        reason=reason.strip(),
        override=refusal is not None,
        at=clock.now(),
    )
    return releases.swap(event, pointer.revision if pointer else 0)


def _rolled_back_at(bundle_id: str, history: Sequence[ReleaseEvent]) -> str:
    """When a rollback last took this bundle away; empty when none did."""
    away = (event.at for event in history if event.action == ROLLBACK and event.previous_bundle_id == bundle_id)
    return next(away, "")


def _evidence(
    bundle_id: str, live: str, records: Sequence[Decision], rolled_back_at: str
) -> tuple[Decision | None, NotReleasable | None]:
    """The record that a promotion rests on, or overrides, and why it does not suffice. `records` are newest first."""
    others = [record for record in records if record.baseline_bundle != bundle_id]
    fresh = [record for record in others if record.created_at > rolled_back_at]
    record = next((one for one in fresh if not live or one.baseline_bundle == live), None)
    if record is not None:
        if record.policy.digest != record.policy_digest:
            raise CannotJudge(
                "decision.digest_mismatch", "the record's policy does not match its digest", where=record.decision_id
            )
        if record.verdict is Verdict.SHIP:
            return record, None
        return record, NotReleasable(
            "release.no_passing_record",
            f"the newest decision about this bundle is {record.verdict.value}",
            where=bundle_id[:12],
            remedy="change what the record names and gate again, or --override with a --reason",
        )
    if any(one.verdict is Verdict.SHIP for one in others):
        return others[0], NotReleasable(
            "release.stale_record",
            "this bundle was rolled back after the decision that it may ship"
            if not fresh
            else "this bundle passed against another bundle than the one that is live now",
            where=bundle_id[:12],
            remedy=f"assay gate {bundle_id[:12]} --against live",
        )
    first = "; nothing is live yet, so a first release is an override" if not live else ""
    return None, NotReleasable(
        "release.no_passing_record",
        f"no decision says that this bundle may ship{first}",
        where=bundle_id[:12],
        remedy=f"assay gate {bundle_id[:12]} --against live, or --override with a --reason",
    )


def rollback(
    app: str,
    *,
    releases: ReleaseStore,
    bundles: BundleStore,
    actor: str,
    clock: Clock,
    reason: str = "",
    to: str = "",
) -> Pointer:
    """Make the bundle live again that the live one replaced, or an earlier one named by `to` (an id or its start).

    Raises NotReleasable `release.nothing_before` or `release.not_an_earlier_one`, NotFound and CannotJudge for a bundle
    that is gone or damaged, Busy `release.moved` when somebody else moved the pointer meanwhile.
    """
    pointer = releases.pointer(app)
    earlier = replaced(releases.history(app))
    if pointer is None or not earlier:
        raise NotReleasable(
            "release.nothing_before", "no bundle was live before this one", where=app, remedy="promote another bundle"
        )
    # Reading the bundle first proves that it is there and whole before anything points to it.
    target = bundles.get(to or earlier[0]).bundle_id
    if target not in earlier:
        raise NotReleasable(
            "release.not_an_earlier_one",
            "a rollback cannot return to this bundle; only a promotion can make it live",
            where=target[:12],
            remedy="one of: " + ", ".join(one[:12] for one in earlier),
        )
    event = ReleaseEvent(
        app=app,
        revision=0,
        action=ROLLBACK,
        bundle_id=target,
        previous_bundle_id=pointer.bundle_id,
        decision_id="",
        actor=actor,
        reason=reason.strip(),
        override=False,
        at=clock.now(),
    )
    return releases.swap(event, pointer.revision)


def replaced(history: Sequence[ReleaseEvent]) -> tuple[str, ...]:
    """Bundles that a rollback may return to, the one live most recently first; `history` is newest first."""
    line: list[str] = []
    for event in reversed(history):
        if event.action == ROLLBACK and event.bundle_id in line:
            del line[line.index(event.bundle_id) + 1 :]
            continue
        if event.bundle_id in line:
            line.remove(event.bundle_id)
        line.append(event.bundle_id)
    return tuple(reversed(line[:-1]))


@dataclass(frozen=True, slots=True)
class Status:
    """What is live for an app, since when and why. `pointer` is None when nothing was ever promoted."""

    app: str
    pointer: Pointer | None
    event: ReleaseEvent | None
    rollback_to: str
    """The bundle that a rollback would make live; empty when there is none."""


def status(app: str, *, releases: ReleaseStore) -> Status:
    """What is live, from the pointer and its history."""
    events = releases.history(app)
    earlier = replaced(events)
    return Status(app, releases.pointer(app), events[0] if events else None, earlier[0] if earlier else "")
