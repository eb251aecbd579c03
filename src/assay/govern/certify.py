"""Signing certificates, and telling whether one may be relied on."""

from __future__ import annotations

from dataclasses import replace

from assay.ports.signing import Signer, Verifier
from assay.records.certificates import Certificate
from assay.records.errors import CannotJudge


def signed(certificate: Certificate, signer: Signer) -> Certificate:
    """The certificate with the signer's public key, which is part of what is signed, and the signature."""
    named = replace(certificate, public_key=signer.public_key, signature="")
    return replace(named, signature=signer.sign(named.signed_content()))


def check_signature(certificate: Certificate, verifier: Verifier, trusted_key: str) -> None:
    """Return when the certificate was signed with the trusted key and nothing was changed since.

    Raises CannotJudge: `certificate.unsigned`, `certificate.other_key`, `certificate.changed`.
    """
    if not certificate.signature or not certificate.public_key:
        raise CannotJudge("certificate.unsigned", "the certificate carries no signature")
    if certificate.public_key != trusted_key:
        raise CannotJudge(
            "certificate.other_key",
            "the certificate was signed with another key than the one that is trusted here",
            where=certificate.public_key,
            remedy="name the signing workspace's key with --key, if you trust it",
        )
    if not verifier(certificate.public_key, certificate.signature, certificate.signed_content()):
        raise CannotJudge("certificate.changed", "the signature does not fit: the certificate was changed or forged")
