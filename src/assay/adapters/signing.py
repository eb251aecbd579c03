"""The workspace's signing key: Ed25519, made at first use, readable by its owner alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from assay.records.errors import CannotJudge, Unavailable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_BYTES = 32


class KeyFileSigner:
    """Signer. The file holds the 32 bytes of the private key as hex digits.

    Raises Unavailable (`signing.disk`) and CannotJudge (`signing.key`) for a file that holds no key.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._key: Ed25519PrivateKey | None = None

    @property
    def public_key(self) -> str:
        return self._private().public_key().public_bytes_raw().hex()

    def sign(self, data: bytes) -> str:
        return self._private().sign(data).hex()

    def _private(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if self._key is None:
            self._key = Ed25519PrivateKey.from_private_bytes(self._seed())
        return self._key

    def _seed(self) -> bytes:
        try:
            if not self._path.exists():
                create_key(self._path, secrets.token_hex(_BYTES))
            seed = bytes.fromhex(self._path.read_text(encoding="ascii").strip())
        except OSError as error:
            raise Unavailable(
                "signing.disk", f"the signing key cannot be read or made ({error.strerror})", where=str(self._path)
            ) from error
        except ValueError as error:
            raise _no_key(self._path) from error
        if len(seed) != _BYTES:
            raise _no_key(self._path)
        return seed


def create_key(path: Path, text: str) -> None:
    """Write the key whole or not at all; when two processes make one at once, both go on with the first."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()


def _no_key(path: Path) -> CannotJudge:
    return CannotJudge(
        "signing.key",
        "the file holds no signing key",
        where=str(path),
        remedy="restore it from a backup; without it a new key is made, and earlier certificates need --key to verify",
    )


def verify(public_key: str, signature: str, data: bytes) -> bool:
    """Verifier: true when the signature over `data` was made with the key that belongs to `public_key`."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(bytes.fromhex(signature), data)
    except (InvalidSignature, ValueError):
        return False
    return True
