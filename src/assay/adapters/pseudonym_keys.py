"""A key per tenant for the names in the audit log, in one file that only its owner may read."""

from __future__ import annotations

import fcntl
import hmac
import json
import os
import secrets
from pathlib import Path

from assay.records.errors import CannotJudge, Unavailable


class KeyFilePseudonyms:
    """Pseudonyms: HMAC-SHA256 under the tenant's key, cut to 32 hex digits. Keys are made at first use.

    Raises Unavailable (`pseudonyms.disk`) and CannotJudge (`pseudonyms.keys`) for a file that holds no keys.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys: dict[str, bytes] = {}
        self._seen = (0, 0)

    def name(self, tenant: str, text: str) -> str:
        return hmac.digest(self._key(tenant), text.encode("utf-8", "surrogatepass"), "sha256").hex()[:32]

    def destroy(self, tenant: str) -> bool:
        """The file is written anew without the key, and the old bytes are overwritten first."""
        with _Exclusive(self._path) as file:
            keys = self._parsed(file.read())
            there = keys.pop(tenant, None) is not None
            if there:
                file.replace(keys)
        self._keys, self._seen = {}, (0, 0)
        return there

    def _key(self, tenant: str) -> bytes:
        if self._stamp() != self._seen:
            self._keys = {}
        if tenant not in self._keys:
            with _Exclusive(self._path) as file:
                keys = self._parsed(file.read())
                if tenant not in keys:
                    keys[tenant] = secrets.token_hex(32)
                    file.replace(keys)
            self._seen = self._stamp()
            self._keys = {name: bytes.fromhex(key) for name, key in keys.items()}
        return self._keys[tenant]

    def _stamp(self) -> tuple[int, int]:
        """Another process may have destroyed a key: its change of the file is seen at the next name."""
        try:
            found = self._path.stat()
        except OSError:
            return (0, -1)
        return (found.st_mtime_ns, found.st_size)

    def _parsed(self, data: bytes) -> dict[str, str]:
        if not data:
            return {}
        try:
            keys = json.loads(data)
            if all(len(bytes.fromhex(key)) == 32 for key in keys.values()):
                return dict(keys)
        except (ValueError, AttributeError, TypeError) as error:
            raise self._no_keys() from error
        raise self._no_keys()

    def _no_keys(self) -> CannotJudge:
        return CannotJudge(
            "pseudonyms.keys", "the file holds no keys of pseudonyms", where=str(self._path),
            remedy="restore it from a backup; without it earlier names can no longer be linked to anybody",
        )  # fmt: skip


class _Exclusive:
    """The key file, open and locked against other processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = -1

    def __enter__(self) -> _Exclusive:
        try:
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._disk(error) from error
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)

    def read(self) -> bytes:
        return os.pread(self._handle, os.fstat(self._handle).st_size, 0)

    def replace(self, keys: dict[str, str]) -> None:
        """Grow or overwrite in place, so that no copy of a destroyed key stays behind under another name."""
        data = json.dumps(keys, ensure_ascii=False, sort_keys=True).encode()
        size = os.fstat(self._handle).st_size
        try:
            os.pwrite(self._handle, data + b" " * max(0, size - len(data)), 0)
            os.fsync(self._handle)
        except OSError as error:
            raise self._disk(error) from error

    def _disk(self, error: OSError) -> Unavailable:
        return Unavailable(
            "pseudonyms.disk", f"the keys of pseudonyms cannot be read or written ({error.strerror})",
            where=str(self._path),
        )  # fmt: skip
