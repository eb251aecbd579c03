"""A bundle that must carry a certificate ships only with one that is fresh, signed, passed and about its snapshot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.adapters.signing import KeyFileSigner, verify
from assay.govern.certify import check_signature, signed
from assay.records.certificates import Certificate
from assay.records.comparison import CertificateResult, Clause, ClauseKind, GatePolicy, Verdict
from assay.release.certified import judge_certificates

POLICY = GatePolicy((Clause("correct", ClauseKind.NON_INFERIORITY, 0.03),), certificates=("access",))
FACTS = {"assay": "1.0", "snapshots": ["head", "snap"], "probes": 5000, "leaks": 0, "blind": 0}
PASSED = Certificate("access", "head", True, FACTS, "2026-01-05T00:00:00.000000Z")
NOW = "2026-01-06T00:00:00.000000Z"


@pytest.fixture
def signer(tmp_path: Path) -> KeyFileSigner:
    return KeyFileSigner(tmp_path / "key")


def judged(signer: KeyFileSigner, *certificates: Certificate, **changes: Any) -> CertificateResult:
    def check(certificate: Certificate) -> None:
        check_signature(certificate, verify, signer.public_key)

    arguments = {"snapshot_id": "snap", "now": NOW, "version": "1.0", "check": check} | changes
    (result,) = judge_certificates(POLICY, certificates, **arguments)
    return result


def test_a_fresh_signed_certificate_for_the_snapshot_lets_it_ship(signer: KeyFileSigner) -> None:
    result = judged(signer, signed(PASSED, signer))
    assert (result.verdict, result.reason) == (Verdict.SHIP, "5,000 probes, nothing leaked")


def test_a_leak_stops_it(signer: KeyFileSigner) -> None:
    leaked = replace(PASSED, passed=False, facts={**FACTS, "leaks": 2}, findings=("search.dense: leak (no_group) × 2",))
    assert judged(signer, signed(leaked, signer)).verdict is Verdict.DO_NOT_SHIP


@pytest.mark.parametrize(
    ("changes", "asked", "reason"),
    [
        ({"facts": {**FACTS, "blind": 3}, "passed": False}, {}, "could not judge"),
        ({"created_at": "2025-12-20T00:00:00.000000Z"}, {}, "17.0 days old, more than 7"),
        ({"created_at": "2026-01-07T00:00:00.000000Z"}, {}, "future"),
        ({"facts": {**FACTS, "snapshots": ["head"]}}, {}, "does not cover"),
        ({}, {"version": "1.1"}, "another version"),
    ],
    ids=["blind", "stale", "future", "other-snapshot", "other-version"],
)
def test_a_certificate_that_proves_nothing_about_it_cannot_be_judged_by(
    signer: KeyFileSigner, changes: dict[str, Any], asked: dict[str, Any], reason: str
) -> None:
    result = judged(signer, signed(replace(PASSED, **changes), signer), **asked)
    assert result.verdict is Verdict.CANNOT_JUDGE
    assert reason in result.reason


def test_a_certificate_that_was_not_signed_here_or_was_changed_does_not_count(
    signer: KeyFileSigner, tmp_path: Path
) -> None:
    foreign = signed(PASSED, KeyFileSigner(tmp_path / "other"))
    edited = replace(signed(replace(PASSED, passed=False), signer), passed=True)
    for certificate in (PASSED, foreign, edited):
        assert judged(signer, certificate).verdict is Verdict.CANNOT_JUDGE


def test_without_a_certificate_the_remedy_is_named(signer: KeyFileSigner) -> None:
    result = judged(signer)
    assert (result.verdict, result.reason) == (Verdict.CANNOT_JUDGE, "there is none: assay drill access")


def test_the_newest_certificate_decides_whatever_an_older_one_said(signer: KeyFileSigner) -> None:
    leaked = replace(
        PASSED, passed=False, facts={**FACTS, "leaks": 1}, created_at="2026-01-05T12:00:00.000000Z", findings=("x",)
    )
    certificates = [signed(one, signer) for one in (PASSED, leaked)]
    assert judged(signer, *certificates).verdict is Verdict.DO_NOT_SHIP
    assert judged(signer, *reversed(certificates)).verdict is Verdict.DO_NOT_SHIP


def test_a_policy_without_certificates_keeps_the_digest_it_had() -> None:
    """Records made before there were certificates still match their digest."""
    plain = replace(POLICY, certificates=())
    assert plain.digest == "0fe88936dca240b2ed3022b8baa8289e5fb8f713b12de439feb8b24d22a804d1"
    assert POLICY.digest != plain.digest != replace(plain, power=0.9).digest
    assert replace(plain, certificate_max_age_days=1.0).digest == plain.digest
