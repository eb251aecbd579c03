"""Signed statements of what was checked, and models that Assay trained itself, kept as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from assay.records.digest import canonical_json, sha256_json


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was checked, over what, with which result. Never holds text of documents or people.

    `kind` is `access` or `forgetting`. `subject` names what was looked at: a snapshot, a source, an erasure. `facts`
    holds counts, digests and names of checks as JSON values. `findings` are stable codes with where they were seen;
    a certificate that `passed` has none.
    """

    kind: str
    subject: str
    passed: bool
    facts: dict[str, Any]
    created_at: str
    findings: tuple[str, ...] = ()
    public_key: str = ""
    """Ed25519 (RFC 8032), 64 hex digits; empty until it is signed."""
    signature: str = ""
    """Over `signed_content()`, 128 hex digits; empty until it is signed."""

    @property
    def certificate_id(self) -> str:
        """64 hex digits: SHA-256 of what is signed."""
        return sha256_json(self._content())

    def signed_content(self) -> bytes:
        """The bytes that the signature is over: canonical JSON of everything but the signature."""
        return canonical_json(self._content())

    def _content(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "subject": self.subject,
            "passed": self.passed,
            "facts": self.facts,
            "created_at": self.created_at,
            "findings": self.findings,
            "public_key": self.public_key,
        }


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model as plain data: `content` is JSON values only, with its recipe, its features in order, its parameters and
    the evidence it was accepted on. `kind` is `ranker`."""

    kind: str
    name: str
    content: dict[str, Any] = field(default_factory=dict)
    created_at: str = ""
    """Outside the digest."""

    @property
    def model_id(self) -> str:
        """64 hex digits: SHA-256 over kind and content."""
        return sha256_json({"kind": self.kind, "content": self.content})
