"""Vectors kept by content in one SQLite file, so that nothing is embedded twice."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from assay.ports.index import Embedder
from assay.records.errors import Unavailable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ASK_AT_ONCE = 500


class CachedEmbedder:
    """An embedder that remembers: the key is the SHA-256 of the recipe and the text, never the text itself.

    The file may be deleted at any time. A row of the wrong length is embedded again. Raises Unavailable
    (`embedder.cache`) when the file cannot be read or written.
    """

    def __init__(self, embedder: Embedder, path: Path) -> None:
        self._embedder = embedder
        self._path = path
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")
        except (OSError, sqlite3.Error) as error:
            raise self._unavailable() from error

    @property
    def recipe(self) -> str:
        return self._embedder.recipe

    @property
    def dimensions(self) -> int:
        return self._embedder.dimensions

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts), dimensions), rows of length 1, in the order given."""
        keys = [self._key(text) for text in texts]
        try:
            known = self._read(set(keys))
        except sqlite3.Error as error:
            raise self._unavailable() from error
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if missing:
            fresh = self._embedder.embed(list(missing.values()))
            known.update(zip(missing, fresh, strict=True))
            try:
                self._write(zip(missing, fresh, strict=True))
            except sqlite3.Error as error:
                raise self._unavailable() from error
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for row, key in enumerate(keys):
            vectors[row] = known[key]
        return vectors

    def close(self) -> None:
        self._db.close()

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(f"{self.recipe}\x00{text}".encode("utf-8", "surrogatepass")).digest()

    def _read(self, keys: set[bytes]) -> dict[bytes, NDArray[np.float32]]:
        wanted = sorted(keys)
        found: dict[bytes, NDArray[np.float32]] = {}
        for start in range(0, len(wanted), _ASK_AT_ONCE):
            part = wanted[start : start + _ASK_AT_ONCE]
            marks = ",".join("?" * len(part))
            with self._lock:
                rows = self._db.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", part).fetchall()  # noqa: S608 - only question marks
            found.update(
                {key: np.frombuffer(blob, dtype="<f4") for key, blob in rows if len(blob) == 4 * self.dimensions}
            )
        return found

    def _write(self, pairs: Iterable[tuple[bytes, NDArray[np.float32]]]) -> None:
        rows = [(key, vector.astype("<f4").tobytes()) for key, vector in pairs]
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
                self._db.execute("COMMIT")
            except sqlite3.Error:
                self._db.execute("ROLLBACK")
                raise

    def _unavailable(self) -> Unavailable:
        return Unavailable(
            "embedder.cache",
            "the cache of vectors cannot be read or written",
            where=self._path.name,
            remedy="free disk space or delete the file; it is rebuilt",
        )
