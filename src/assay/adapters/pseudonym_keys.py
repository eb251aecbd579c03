"""A key per tenant for the names in the audit log, in one file that only its owner may read."""

from __future__ import annotations

import fcntl
import hmac
import json
import os
import secrets
from collections.abc import Callable, Collection
from pathlib import Path

from assay.records.errors import CannotJudge, Unavailable


class KeyFilePseudonyms:
    """Pseudonyms: HMAC-SHA256 under the tenant's key, cut to 32 hex digits. Keys are made at first use.

    A person has a key of their own, which stands in the file under a keyed hash of who they are: without it the name
    that the log knows them by leads to nobody, while all other names of the tenant stay as they are.

    Raises Unavailable (`pseudonyms.disk`) and CannotJudge (`pseudonyms.keys`) for a file that holds no keys.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys: dict[str, bytes] = {}
        self._seen = (0, 0)

    def name(self, tenant: str, text: str) -> str:
        return hmac.digest(self._key(tenant), text.encode("utf-8", "surrogatepass"), "sha256").hex()[:32]

    def person(self, tenant: str, who: str) -> str:
        told = who.encode("utf-8", "surrogatepass")
        return hmac.digest(self._key(self.slot(tenant, who)), told, "sha256").hex()[:32]

    def slot(self, tenant: str, who: str) -> str:
        """Where a person's key stands in the file."""
        told = b"person\0" + who.encode("utf-8", "surrogatepass")
        return f"{tenant}\0{hmac.digest(self._key(tenant), told, 'sha256').hex()[:32]}"

    def known(self, tenant: str, who: str) -> tuple[str, ...]:
        """The names by which a person appears, without making a key: the own one, and the one that events carry from
        before people had keys of their own. Empty once the tenant's key is gone."""
        held = self.held()
        if tenant not in held:
            return ()
        own = (self.person(tenant, who),) if self.slot(tenant, who) in held else ()
        return (*own, self.name(tenant, who))

    def held(self) -> frozenset[str]:
        """Tenants and slots of people that have a key."""
        if not self._path.exists():
            return frozenset()
        with _Exclusive(self._path) as file:
            return frozenset(self._parsed(file.read()))

    def destroy(self, tenant: str) -> bool:
        """The tenant's key and those of its people. The file is written anew without them, over the old bytes."""
        return self._drop(lambda entry: entry.partition("\0")[0] == tenant) > 0

    def destroy_slots(self, slots: Collection[str]) -> int:
        """Keys of people by their slots; how many there were."""
        return self._drop(lambda entry: "\0" in entry and entry in slots)

    def _drop(self, goes: Callable[[str], bool]) -> int:
        with _Exclusive(self._path) as file:
            keys = self._parsed(file.read())
            kept = {entry: key for entry, key in keys.items() if not goes(entry)}
            if len(kept) < len(keys):
                file.replace(kept)
        self._keys, self._seen = {}, (0, 0)
        return len(keys) - len(kept)

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
