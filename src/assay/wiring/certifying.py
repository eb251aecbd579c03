"""Certificates in a workspace: its signing key, files of certificates, and whether one holds."""

from __future__ import annotations

import json
from pathlib import Path

from assay.adapters.signing import KeyFileSigner, verify
from assay.govern.certify import check_signature
from assay.records.certificates import Certificate
from assay.records.digest import plain
from assay.records.errors import InputError, UsageError
from assay.wiring.build import Workspace, open_workspace

KEY_FILE = "signing.key"
_MOST_BYTES = 10_000_000


def signer(place: Workspace) -> KeyFileSigner:
    """The workspace's own key; made at first use."""
    return KeyFileSigner(place.store / KEY_FILE)


def write_certificate(certificate: Certificate, path: Path) -> None:
    """As JSON. Raises UsageError (`certificate.unwritable`)."""
    text = json.dumps(plain(certificate), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            "certificate.unwritable", f"the file cannot be written ({error.strerror})", where=str(path)
        ) from error


def read_certificate(path: Path) -> Certificate:
    """Raises InputError (`certificate.unreadable`, `certificate.malformed`)."""
    import msgspec

    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InputError(
            "certificate.unreadable", f"the file cannot be read ({error.strerror})", where=str(path)
        ) from error
    try:
        return msgspec.json.decode(data, type=Certificate)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:  # the message could repeat what stands in the file
        raise InputError("certificate.malformed", "the file is no certificate", where=str(path)) from error


def verified(name: str, workspace: Path | None, key: str = "") -> Certificate:
    """A certificate, by file or id, whose signature holds. Raises CannotJudge, NotFound and InputError."""
    path = Path(name)
    place = None if key and path.is_file() else open_workspace(workspace)
    certificate = read_certificate(path) if path.is_file() or place is None else place.stores.certificates.get(name)
    check_signature(certificate, verify, key or signer(_opened(place)).public_key)
    return certificate


def _opened(place: Workspace | None) -> Workspace:
    assert place is not None  # without --key the workspace was opened
    return place
