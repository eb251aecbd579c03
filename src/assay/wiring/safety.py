"""The safety of a bundle or app in this workspace: measured, required, waived, reported and signed."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from assay.govern.certify import signed
from assay.govern.safety_report import certificate_of
from assay.govern.safety_risks import by_risk
from assay.records.certificates import Certificate
from assay.records.comparison import ConditionResult, GatePolicy
from assay.records.digest import plain, sha256_json
from assay.records.errors import InputError, NotFound
from assay.records.ledger import Entry
from assay.records.safety import Judged, Measurement, Requirement, SafetyReport, Waiver
from assay.release.safety import conditions as conditions_of
from assay.release.safety import judge_checks
from assay.wiring import auditing, certifying
from assay.wiring.build import Workspace
from assay.wiring.safety_store import measurements, record, subject_of

WAIVER, REVOKED = "safety.waiver", "safety.waiver.revoked"
_MOST_DAYS = 365
_MOST_WORDS = 1_000


def requirements(place: Workspace) -> tuple[Requirement, ...]:
    """What `gate.safety.require` asks for."""
    asked = place.settings.gate.safety.require
    return tuple(Requirement(r.check, r.at_most, r.at_least, r.by_limit, r.min_n) for r in asked)


def conditions(place: Workspace, policy: GatePolicy, bundle_id: str) -> tuple[ConditionResult, ...]:
    """What a gate needs to know of the candidate's safety; nothing where the policy asks for nothing."""
    if not policy.safety:
        return ()
    judged = judge_checks(
        policy.safety, measurements(place, bundle_id), waivers(place), subject=bundle_id, now=place.clock.now(),
        max_age_days=policy.safety_max_age_days,
    )  # fmt: skip
    return conditions_of(judged)


def report(place: Workspace, reference: str) -> SafetyReport:
    """Everything that is known of the safety of a bundle or app, and of what was not run. Raises NotFound."""
    subject, app = subject_of(place, reference)
    bundle_id = "" if subject.startswith("app:") else subject
    live = _live(place, app)
    before = measurements(place, live) if live and live != subject else ()
    now = place.clock.now()
    checks = judge_checks(
        requirements(place), measurements(place, subject), waivers(place), subject=subject, now=now,
        max_age_days=place.settings.gate.safety.max_age_days, before=before,
    )  # fmt: skip
    held = tuple(one for one in waivers(place) if any(check.waiver == one for check in checks))
    return SafetyReport(
        subject, app, now, auditing.operator(), _environment(), _hashes(place, bundle_id, checks), checks,
        by_risk(checks), held, live if before else "",
    )  # fmt: skip


def certificate(place: Workspace, found: SafetyReport) -> Certificate:
    """The report signed with the workspace's key, kept among its certificates."""
    made = signed(certificate_of(found), certifying.signer(place))
    place.stores.certificates.put(made)
    auditing.record(
        place,
        "safety.report",
        found.standing.value,
        subject={"bundle": found.subject, "certificate": made.certificate_id},
    )
    return made


def _live(place: Workspace, app: str) -> str:
    pointer = place.stores.releases.pointer(app)
    return pointer.bundle_id if pointer else ""


def _environment() -> tuple[tuple[str, str], ...]:
    return (
        ("assay", importlib.metadata.version("assay")),
        ("python", platform.python_version()),
        ("machine", f"{platform.system()} {platform.machine()}"),
    )


def _hashes(place: Workspace, bundle_id: str, checks: Sequence[Judged]) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    if bundle_id:
        bundle = place.stores.bundles.get(bundle_id)
        found["bundle"] = bundle_id
        found.update({f"component {name}": sha256_json(plain(part)) for name, part in bundle.components.items()})
    found["requirements"] = sha256_json(plain(requirements(place)))
    for one in checks:
        if one.measurement is not None:
            found.update({f"{one.check}: {name}": value for name, value in one.measurement.digests})
    return tuple(found.items())


def audited(place: Workspace, reference: str) -> Measurement:
    """Verify the audit log and keep the result for a bundle or app. Raises CannotJudge where nothing was logged."""
    subject, _ = subject_of(place, reference)
    problems = auditing.verify(place)
    n = sum(1 for _ in auditing.events(place))
    (made,) = record(place, [Measurement(
        "audit.problems", subject, "no event of the audit log was changed, moved or taken away", n=n,
        events=len(problems), value=len(problems) / n if n else None, threshold=0.0,
        digests=(("key", auditing.public_key(place)),), command="assay audit verify",
    )])  # fmt: skip
    return made


def waive(place: Workspace, check: str, owner: str, reason: str, expires: str, reference: str = "") -> Waiver:
    """Note that a check need not hold for a while, for one bundle or for all. Raises InputError."""
    now = place.clock.now()
    _checked(check, owner, reason, expires, now[:10])
    subject = subject_of(place, reference)[0] if reference else ""
    made = Waiver("", check, owner.strip(), reason.strip(), expires, subject, auditing.operator(), now)
    made = replace(made, waiver_id=sha256_json(plain(made))[:16])
    place.stores.ledger.append([Entry(WAIVER, check, made.waiver_id, plain(made), now)])
    auditing.record(place, "safety.waived", subject={"waiver": made.waiver_id, "check": check, "bundle": subject})
    return made


def _checked(check: str, owner: str, reason: str, expires: str, today: str) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.=@-]{0,199}", check):
        raise InputError(
            "safety.check", "a waiver is about one check by its name, without a pattern", where="CHECK",
            remedy="assay safety checks lists them",
        )  # fmt: skip
    if not owner.strip() or not reason.strip():
        raise InputError("safety.no_owner", "a waiver has an owner and a reason", where="--owner, --reason")
    if len(owner) > _MOST_WORDS or len(reason) > _MOST_WORDS:
        raise InputError("safety.long", f"an owner and a reason have up to {_MOST_WORDS} characters", where="--reason")
    try:
        last = date.fromisoformat(expires)
    except ValueError as error:
        raise InputError("safety.expires", "a waiver ends on a date such as 2026-12-31", where="--expires") from error
    left = (last - date.fromisoformat(today)).days
    if not 0 <= left <= _MOST_DAYS:
        raise InputError("safety.expires", f"a waiver ends from today to {_MOST_DAYS} days ahead", where="--expires")


def revoke(place: Workspace, waiver_id: str) -> Waiver:
    """End a waiver now. Raises NotFound, and InputError where it was ended before."""
    found = [one for one in waivers(place) if one.waiver_id.startswith(waiver_id)]
    if len(found) != 1 or not waiver_id:
        raise NotFound("safety.no_waiver", "no single waiver has this id", remedy="assay safety waivers")
    (one,) = found
    if one.revoked_at:
        raise InputError("safety.revoked", "this waiver was ended already", where=one.waiver_id)
    now = place.clock.now()
    place.stores.ledger.append([Entry(REVOKED, one.check, one.waiver_id, {"by": auditing.operator()}, now)])
    auditing.record(place, "safety.waiver_revoked", subject={"waiver": one.waiver_id, "check": one.check})
    return replace(one, revoked_at=now)


def waivers(place: Workspace) -> tuple[Waiver, ...]:
    """All that were ever written, oldest first, with the time at which some were ended."""
    ended = {entry.key: entry.at for entry in place.stores.ledger.entries(REVOKED)}
    return tuple(
        replace(Waiver(**entry.body), revoked_at=ended.get(entry.key, ""))
        for entry in place.stores.ledger.entries(WAIVER)
    )
