"""What was done, by whom, with which outcome: identifiers, hashes and counts, never what anybody wrote."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One line of the audit log.

    `action` is a stable code such as `answer`, `document.read` or `release.promote`; `outcome` another, such as
    `answered`, `refused` or `done`. `actor` is a pseudonym that only the tenant's key can link to a person or API key.
    """

    action: str
    outcome: str
    at: str
    tenant: str = ""
    """Empty for what concerns the whole workspace."""
    actor: str = ""
    subject: dict[str, str] = field(default_factory=dict)
    """Kind to identifier or hash: `bundle`, `request`, `document`, `input_hmac`, …"""
    counts: dict[str, int | float] = field(default_factory=dict)
    """Findings by rule, passages, tokens, milliseconds."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The signed statement that event number `seq` of a chain has this hash."""

    chain: str
    seq: int
    hash: str
    at: str
    public_key: str
    signature: str = ""
    """Ed25519 (RFC 8032) over `signed_content()`, 128 hex digits."""

    def signed_content(self) -> bytes:
        return f"assay-audit-checkpoint\n{self.chain}\n{self.seq}\n{self.hash}\n{self.at}".encode()
