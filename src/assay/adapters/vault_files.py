"""A vault of pseudonyms in files: a key per tenant of mode 0600, and the values sealed with AES-GCM beside it."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import secrets
import threading
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from assay.adapters.clocks import SystemClock
from assay.ports.reading import Clock
from assay.records.errors import CannotJudge, NotFound, Unavailable

_LETTERS = "bcdfghjklmnpqrst"
"""A name has consonants only: no rule takes it for a number, a word or a key."""
_NAME_BYTES = 10
_NONCE = 12


class FileVault:
    """Values by name: `[email:bcdf…]` for what can be turned back, `[email#bcdf…]` for what cannot.

    A name is HMAC-SHA256 of kind and value under a key of the tenant's, cut to 80 bits: equal values have one name
    within a tenant, and names of two tenants tell nothing of each other. Numbers and addresses are compared without
    case and separators. Destroying a tenant's key leaves a mark, so that no new key takes its place unasked. The files'
    names are hashes of the tenants' names; one of them holds the name, so that every value can be found again when
    somebody is to be forgotten. For several threads and processes. Source: NIST SP 800-38D.
    """

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self._folder = folder
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], str] = {}

    def pseudonym(self, tenant: str, kind: str, value: str) -> str:
        with self._lock, self._held(tenant):
            key = self._key(tenant)
            code = _code(key, b"name", kind, value)
            name = f"[{kind}:{code}]"
            if self._known.get((tenant, code)) != self._stamp(tenant, key) and code not in self._sealed(tenant):
                self._name_tenant(tenant)
                self._keep(tenant, code, _seal(key, tenant, code, value))
            self._known[tenant, code] = self._stamp(tenant, key)
            return name

    def hashed(self, tenant: str, kind: str, value: str) -> str:
        with self._lock, self._held(tenant):
            return f"[{kind}#{_code(self._key(tenant), b'hash', kind, value)}]"

    def reveal(self, tenant: str, name: str) -> str:
        code = name.strip("[]").rpartition(":")[2]
        with self._lock, self._held(tenant):
            key = self._key(tenant, make=False)
            sealed, _ = self._sealed(tenant).get(code, ("", ""))
        if not sealed:
            raise NotFound(
                "vault.unknown_name",
                "this tenant's vault has no such name",
                remedy="names begin with [kind:, not [kind#",
            )
        return _open(key, tenant, code, sealed)

    def destroy(self, tenant: str) -> bool:
        """The key is overwritten before its file goes, and the sealed values go with it."""
        with self._lock, self._held(tenant):
            path = self._path(tenant, "key")
            there = path.exists()
            self._write(self._path(tenant, "gone"), b"destroyed\n")
            for kind in ("key", "values", "values-old", "tenant"):
                self._shred(self._path(tenant, kind))
            self._known = {one: key for one, key in self._known.items() if one[0] != tenant}
            return there

    def tenants(self) -> tuple[str, ...]:
        """Tenants of which values are kept, in order."""
        return tuple(sorted(json.loads(path.read_text("ascii")) for path in self._folder.glob("*.tenant")))

    def name_tenants(self, tenants: Iterable[str]) -> None:
        """Note the names of those of these tenants that have a vault: one from before names were noted has none."""
        for tenant in tenants:
            if self._path(tenant, "values").exists() and not self._path(tenant, "tenant").exists():
                with self._lock, self._held(tenant):
                    self._name_tenant(tenant)

    def values(self, tenant: str) -> dict[str, str]:
        """Every value that the tenant's names turn back into, by the part of the name behind the colon."""
        with self._lock, self._held(tenant):
            sealed = self._sealed(tenant)
            key = self._key(tenant, make=False) if sealed else b""
        return {code: _open(key, tenant, code, one) for code, (one, _) in sealed.items()}

    def drop(self, tenant: str, codes: Collection[str]) -> int:
        """Remove values for ever; their names stay and turn back into nothing. How many there were."""
        with self._lock, self._held(tenant):
            sealed = self._sealed(tenant)
            gone = sealed.keys() & set(codes)
            if gone:
                self._rewrite(tenant, {code: one for code, one in sealed.items() if code not in gone})
        return len(gone)

    def older(self, tenant: str, before: str) -> frozenset[str]:
        """What was kept before this moment, and what has no date."""
        with self._lock, self._held(tenant):
            return frozenset(code for code, (_, at) in self._sealed(tenant).items() if at < before)

    def _rewrite(self, tenant: str, sealed: dict[str, tuple[str, str]]) -> None:
        """The values' file anew; the old bytes are overwritten once the new ones stand."""
        path, old = self._path(tenant, "values"), self._path(tenant, "values-old")
        lines = [json.dumps([code, *one]) for code, one in sealed.items()]
        try:
            old.unlink(missing_ok=True)
            os.link(path, old)
        except OSError as error:
            raise _disk(error, path) from error
        self._write(path, "".join(f"{line}\n" for line in lines).encode())
        self._shred(old)

    def _name_tenant(self, tenant: str) -> None:
        path = self._path(tenant, "tenant")
        if not path.exists():
            self._write(path, json.dumps(tenant).encode())

    def _stamp(self, tenant: str, key: bytes) -> str:
        """The key and the file of values: another file may lack what the one before had."""
        try:
            return f"{key.hex()}:{self._path(tenant, 'values').stat().st_ino}"
        except FileNotFoundError:
            return ""

    def renew(self, tenant: str) -> None:
        """Let a tenant whose key is gone have a new one; what the old one sealed stays lost."""
        with self._lock, self._held(tenant):
            if not self._path(tenant, "key").exists():
                for kind in ("values", "tenant", "gone"):
                    self._path(tenant, kind).unlink(missing_ok=True)

    def _key(self, tenant: str, *, make: bool = True) -> bytes:
        path = self._path(tenant, "key")
        try:
            key = bytes.fromhex(path.read_text("ascii").strip())
            if len(key) != 32:
                raise ValueError
        except FileNotFoundError:
            return self._first_key(tenant, path, make=make)
        except ValueError:
            raise CannotJudge(
                "vault.damaged", "the file holds no key", where=str(path), remedy="restore it from a backup"
            ) from None
        except OSError as error:
            raise _disk(error, path) from error
        return key

    def _first_key(self, tenant: str, path: Path, *, make: bool) -> bytes:
        lost = self._path(tenant, "gone").exists() or self._path(tenant, "values").exists()
        if lost:
            raise CannotJudge(
                "vault.key_gone", "the tenant's key is gone; nothing can turn its names back into values",
                where=str(path),
                remedy="restore the key, or begin anew with `assay policy vault TENANT --renew`",
            )  # fmt: skip
        if not make:
            raise NotFound("vault.unknown_name", "this tenant has no vault")
        key = secrets.token_bytes(32)
        self._write(path, key.hex().encode())
        return key

    def _sealed(self, tenant: str) -> dict[str, tuple[str, str]]:
        """By code: the sealed value, and when it was kept."""
        path = self._path(tenant, "values")
        try:
            lines = path.read_text("ascii").splitlines()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise _disk(error, path) from error
        found: dict[str, tuple[str, str]] = {}
        for line in lines:
            with contextlib.suppress(ValueError):  # the last line of a process that was killed
                code, sealed, *at = json.loads(line)
                found.setdefault(code, (sealed, at[0] if at else ""))
        return found

    def _keep(self, tenant: str, code: str, sealed: str) -> None:
        path = self._path(tenant, "values")
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                os.write(handle, b"\n" + json.dumps([code, sealed, self._clock.now()]).encode() + b"\n")
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise _disk(error, path) from error

    def _write(self, path: Path, data: bytes) -> None:
        """Whole or not at all, readable by its owner only."""
        new = path.with_suffix(f".new{os.getpid()}")
        try:
            handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.write(handle, data)
                os.fsync(handle)
            finally:
                os.close(handle)
            new.replace(path)
        except OSError as error:
            raise _disk(error, path) from error

    def _shred(self, path: Path) -> None:
        try:
            size = path.stat().st_size
            with path.open("r+b") as file:
                file.write(b"\0" * size)
                os.fsync(file.fileno())
            path.unlink()
        except FileNotFoundError:
            return
        except OSError as error:
            raise _disk(error, path) from error

    @contextlib.contextmanager
    def _held(self, tenant: str) -> Iterator[None]:
        """The tenant's files, locked against other processes."""
        path = self._path(tenant, "lock")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _disk(error, path) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _path(self, tenant: str, kind: str) -> Path:
        return self._folder / f"{hashlib.sha256(tenant.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}.{kind}"


def _code(key: bytes, use: bytes, kind: str, value: str) -> str:
    signs = "".join(sign for sign in value.casefold() if sign.isalnum() or sign in "@+")
    told = b"\0".join((kind.encode(), (signs or value).encode("utf-8", "surrogatepass")))
    digest = hmac.digest(hmac.digest(key, use, "sha256"), told, "sha256")[:_NAME_BYTES]
    return "".join(_LETTERS[half] for byte in digest for half in divmod(byte, 16))


def _cipher_key(key: bytes) -> bytes:
    return hmac.digest(key, b"seal", "sha256")


def _seal(key: bytes, tenant: str, code: str, value: str) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE)
    about = f"{tenant}\0{code}".encode("utf-8", "surrogatepass")
    sealed = AESGCM(_cipher_key(key)).encrypt(nonce, value.encode("utf-8", "surrogatepass"), about)
    return base64.b64encode(nonce + sealed).decode()


def _open(key: bytes, tenant: str, code: str, sealed: str) -> str:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    about = f"{tenant}\0{code}".encode("utf-8", "surrogatepass")
    try:
        data = base64.b64decode(sealed, validate=True)
        return AESGCM(_cipher_key(key)).decrypt(data[:_NONCE], data[_NONCE:], about).decode("utf-8", "surrogatepass")
    except (InvalidTag, ValueError):
        raise CannotJudge(
            "vault.damaged", "the value was sealed with another key, or was changed", where="the tenant's vault",
            remedy="restore the tenant's key and values together from a backup",
        ) from None  # fmt: skip


def _disk(error: OSError, path: Path) -> Unavailable:
    return Unavailable("vault.disk", f"the vault cannot be read or written ({error.strerror})", where=str(path))
