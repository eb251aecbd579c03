"""Who vouches for a certificate."""

from __future__ import annotations

from typing import Protocol


class Signer(Protocol):
    """Signs with a key that only this workspace holds (Ed25519, RFC 8032)."""

    @property
    def public_key(self) -> str:
        """64 hex digits."""
        ...

    def sign(self, data: bytes) -> str:
        """128 hex digits."""
        ...


class Verifier(Protocol):
    """True when `signature` over `data` was made with the key; false for whatever is no signature at all."""

    def __call__(self, public_key: str, signature: str, data: bytes) -> bool: ...
