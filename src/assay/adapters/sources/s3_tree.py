"""A bucket of an S3-compatible store as an ingest source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from assay.adapters.sources.routed import gone, hidden, stamp_ns, too_large
from assay.ports.reading import SourceEntry
from assay.records.errors import ConfigError, InputError, NotFound, Unavailable


@dataclass(frozen=True)
class S3Tree:
    """A connector over the objects below `prefix`, a folder; names with a dot in front are left out.

    Paths are `s3://bucket/key`. Without keys requests are not signed, as for a public bucket. Raises ConfigError
    `source.denied` and `source.no_extra`, NotFound `ingest.no_source` when there is no such bucket, Unavailable
    `source.unreachable`, InputError `source.bad_key` for a key with an empty, `.` or `..` segment.
    """

    bucket: str
    prefix: str = ""
    region: str = "us-east-1"
    endpoint: str = ""
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    timeout_s: float = 30.0
    _store: Any = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_store", self._opened())

    @property
    def root(self) -> str:
        return s3_root(self.bucket, self.prefix)

    def resolve(self, root: str) -> str:
        return root.rstrip("/")

    def exists(self, path: str) -> bool:
        import obstore

        with self._told(path):
            try:
                obstore.head(self._store, self._key(path))
            except FileNotFoundError:
                return False
        return True

    def walk(self, root: str) -> Iterator[SourceEntry]:
        key = self._key(root)
        with self._told(root):
            listed = [meta for page in self._store.list(key or None, chunk_size=1000) for meta in page]
        inner = f"{key}/" if key else ""
        for meta in sorted(listed, key=lambda meta: str(meta["path"])):
            path = str(meta["path"])
            relative = path.removeprefix(inner)
            if not hidden(relative) and not (meta["size"] == 0 and "." not in path.rpartition("/")[2]):
                tag = "".join(one for one in str(meta["e_tag"] or "") if one in "0123456789abcdef")
                stamp = stamp_ns(int(meta["last_modified"].timestamp()), tag)
                yield SourceEntry(f"s3://{self.bucket}/{path}", relative, int(meta["size"]), stamp)

    def read(self, path: str, limit: int) -> bytes:
        """The object's bytes. Of one that grew beyond `limit` since it was listed only the head is asked for."""
        import obstore

        with self._told(path):
            try:
                found = obstore.get(self._store, self._key(path))
            except FileNotFoundError as error:
                raise gone(path) from error
            if found.meta["size"] > limit:
                raise too_large(path, limit)
            return bytes(found.bytes())

    def _key(self, path: str) -> str:
        return path.removeprefix(f"s3://{self.bucket}").removeprefix("/")

    def _opened(self) -> Any:
        try:
            from obstore.store import S3Store
        except ImportError as error:
            raise ConfigError(
                "source.no_extra", "a bucket needs the extra s3", where="sources", remedy="pip install 'assay[s3]'"
            ) from error
        known = {"access_key_id": self.access_key, "secret_access_key": self.secret_key}
        if self.session_token:
            known["session_token"] = self.session_token
        signed: dict[str, Any] = known if self.access_key else {"skip_signature": True}
        if self.endpoint:
            signed["endpoint"] = self.endpoint
        seconds = timedelta(seconds=self.timeout_s)
        return S3Store(
            self.bucket, region=self.region,
            client_options={"allow_http": self.endpoint.startswith("http://"), "connect_timeout": "10s",
                            "timeout": seconds},
            retry_config={"max_retries": 2, "retry_timeout": seconds},
            **signed,
        )  # fmt: skip

    @contextmanager
    def _told(self, where: str) -> Iterator[None]:
        """What the store raises, as errors of ours: its own words hold keys, signatures and addresses."""
        from obstore.exceptions import BaseError, InvalidPathError, PermissionDeniedError, UnauthenticatedError

        try:
            yield
        except InvalidPathError as error:
            raise InputError(
                "source.bad_key", "the bucket has a key with an empty, . or .. segment, which has no path", where=where,
                remedy="rename the object, or set prefix to a folder without it",
            ) from error  # fmt: skip
        except BaseError as error:
            denied = isinstance(error, (PermissionDeniedError, UnauthenticatedError))
            if denied or re.search(r"status code: 40[13]\b", str(error)):  # a refused list is a GenericError
                raise ConfigError(
                    "source.denied", "the store refuses these keys, or they may not list and read here", where=where,
                    remedy="check access_key_env and secret_key_env, and what the keys may do",
                ) from error  # fmt: skip
            if "NoSuchBucket" in str(error):
                raise NotFound(
                    "ingest.no_source", "there is no such bucket", where=where, remedy="correct bucket"
                ) from error
            raise Unavailable(
                "source.unreachable", "the store does not answer as it should", where=where,
                remedy="nothing was changed; check endpoint and region, and ingest again",
            ) from error  # fmt: skip


def s3_root(bucket: str, prefix: str) -> str:
    return f"s3://{bucket}/{prefix}".rstrip("/")
