"""Clauses of the gate that no score can decide: is there a certificate that may be relied on, and what does it say?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from assay.records.certificates import Certificate
from assay.records.comparison import CertificateResult, GatePolicy, Verdict
from assay.records.errors import CannotJudge

_SKEW = timedelta(minutes=5)
"""How far a certificate may be dated ahead of this machine's clock."""
_REMEDIES = {"access": "assay drill access"}


def judge_certificates(
    policy: GatePolicy,
    certificates: Iterable[Certificate],
    *,
    snapshot_id: str,
    now: str,
    version: str,
    check: Callable[[Certificate], None],
) -> tuple[CertificateResult, ...]:
    """One result for each kind that the policy asks for.

    The newest certificate of a kind decides, whatever an older one said. It must be signed (`check` raises CannotJudge
    when it is not), no older than the policy allows, made by this version of Assay, and name the candidate's snapshot
    among those it looked at; otherwise nothing is proved and the gate cannot judge. A certificate that may be relied on
    and did not pass stops the candidate when it found a leak; when the drill itself could not judge, neither can this.
    """
    newest: dict[str, Certificate] = {}
    for certificate in certificates:
        known = newest.get(certificate.kind)
        if known is None or certificate.created_at > known.created_at:
            newest[certificate.kind] = certificate
    return tuple(
        _judged(kind, newest.get(kind), policy, snapshot_id, now, version, check) for kind in policy.certificates
    )


def _judged(
    kind: str,
    certificate: Certificate | None,
    policy: GatePolicy,
    snapshot_id: str,
    now: str,
    version: str,
    check: Callable[[Certificate], None],
) -> CertificateResult:
    if certificate is None:
        return CertificateResult(kind, Verdict.CANNOT_JUDGE, f"there is none: {_REMEDIES[kind]}")
    name, made = certificate.certificate_id, certificate.created_at
    problem = _problem(certificate, policy, snapshot_id, now, version, check)
    if problem:
        return CertificateResult(kind, Verdict.CANNOT_JUDGE, f"{problem}: {_REMEDIES[kind]}", name, made)
    leaks = int(certificate.facts.get("leaks", 0))
    if leaks or (not certificate.passed and not certificate.facts.get("blind")):
        return CertificateResult(kind, Verdict.DO_NOT_SHIP, f"{leaks:,} leaks were found", name, made)
    if not certificate.passed:
        return CertificateResult(kind, Verdict.CANNOT_JUDGE, "the drill could not judge a path", name, made)
    probes = int(certificate.facts.get("probes", 0))
    return CertificateResult(kind, Verdict.SHIP, f"{probes:,} probes, nothing leaked", name, made)


def _problem(
    certificate: Certificate,
    policy: GatePolicy,
    snapshot_id: str,
    now: str,
    version: str,
    check: Callable[[Certificate], None],
) -> str:
    """Why the certificate proves nothing about the candidate; empty when it may be relied on."""
    try:
        check(certificate)
    except CannotJudge as error:
        return error.what
    age = datetime.fromisoformat(now) - datetime.fromisoformat(certificate.created_at)
    if age < -_SKEW:
        return "it is dated in the future"
    if age > timedelta(days=policy.certificate_max_age_days):
        return f"it is {age.total_seconds() / 86_400:.1f} days old, more than {policy.certificate_max_age_days:g}"
    if certificate.facts.get("assay") != version:
        return "another version of Assay was looked at"
    if snapshot_id not in (certificate.subject, *certificate.facts.get("snapshots", ())):
        return "it does not cover the candidate's snapshot"
    return ""
