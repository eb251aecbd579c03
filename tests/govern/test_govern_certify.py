"""Certificates: signed, verified, and refused when anything about them is not as it was."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.adapters.signing import KeyFileSigner, verify
from assay.govern.certify import check_signature, signed
from assay.records.certificates import Certificate
from assay.records.errors import CannotJudge, InputError
from assay.wiring.certifying import read_certificate, write_certificate

DRILL = Certificate("access", "snapshot", True, {"probes": 12, "share": 0.25}, "2026-01-01T00:00:00Z")


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> KeyFileSigner:
    return KeyFileSigner(tmp_path_factory.mktemp("keys") / "signing.key")


def test_a_signed_certificate_is_accepted(signer: KeyFileSigner) -> None:
    """What was signed here verifies here."""
    check_signature(signed(DRILL, signer), verify, signer.public_key)


def test_any_change_is_noticed(signer: KeyFileSigner) -> None:
    """A red result made green, another count, another day: the signature no longer fits."""
    good = signed(replace(DRILL, passed=False, findings=("leak search",)), signer)
    for changed in (
        replace(good, passed=True),
        replace(good, findings=()),
        replace(good, facts={"probes": 12, "share": 0.5}),
        replace(good, created_at="2026-01-02T00:00:00Z"),
        replace(good, signature=good.signature[::-1]),
        replace(good, signature="no hex"),
    ):
        with pytest.raises(CannotJudge) as caught:
            check_signature(changed, verify, signer.public_key)
        assert caught.value.code == "certificate.changed"


def test_an_unsigned_certificate_and_one_of_another_key_are_refused(signer: KeyFileSigner, tmp_path: Path) -> None:
    """A certificate that names its own key proves nothing: the trusted key is the verifier's."""
    with pytest.raises(CannotJudge, match=r"certificate\.unsigned"):
        check_signature(DRILL, verify, signer.public_key)
    other = KeyFileSigner(tmp_path / "other.key")
    with pytest.raises(CannotJudge, match=r"certificate\.other_key"):
        check_signature(signed(DRILL, other), verify, signer.public_key)


def test_the_key_is_kept_and_is_its_owners_alone(tmp_path: Path) -> None:
    """Two openings sign with the same key, and nobody else may read the file."""
    path = tmp_path / "signing.key"
    assert KeyFileSigner(path).public_key == KeyFileSigner(path).public_key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", ["", "zz", "00" * 31])
def test_a_damaged_key_file_is_told_and_not_replaced(tmp_path: Path, content: str) -> None:
    """A new key would silently disown every earlier certificate."""
    path = tmp_path / "signing.key"
    path.write_text(content)
    with pytest.raises(CannotJudge, match=r"signing\.key"):
        KeyFileSigner(path).sign(b"x")
    assert path.read_text() == content


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(facts=st.dictionaries(st.text(max_size=8), JSON, max_size=4))
def test_a_certificate_verifies_after_a_trip_through_a_file(
    facts: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever JSON values the facts are, the file holds what was signed."""
    folder = tmp_path_factory.getbasetemp()
    signer = KeyFileSigner(folder / "trip.key")
    path = folder / "certificate.json"
    write_certificate(signed(replace(DRILL, facts=facts), signer), path)
    check_signature(read_certificate(path), verify, signer.public_key)


def test_a_file_that_is_no_certificate_is_told_without_its_content(tmp_path: Path) -> None:
    """The message names the file and not what stands in it."""
    path = tmp_path / "certificate.json"
    for content in ("secret words", json.dumps({"kind": 7, "subject": "secret"}), "[]"):
        path.write_text(content)
        with pytest.raises(InputError) as caught:
            read_certificate(path)
        assert caught.value.code == "certificate.malformed"
        assert "secret" not in str(caught.value)
