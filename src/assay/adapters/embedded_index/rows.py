"""Which chunks the index holds, for whom, and where their vectors stand: one SQLite file beside the engine."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assay.adapters.sqlite_files import copy_in_memory, copy_of, no_room, no_room_beside, settable
from assay.records.access import AccessList
from assay.records.documents import Chunk
from assay.retrieve.wording import embedding_text

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rows (chunk_id TEXT PRIMARY KEY, doc_id TEXT NOT NULL, access TEXT NOT NULL,
  content BLOB NOT NULL, chars INTEGER NOT NULL, language TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS rows_by_document ON rows (doc_id);
CREATE TABLE IF NOT EXISTS staged (doc_id TEXT NOT NULL, chunk_id TEXT, access TEXT, content BLOB, chars INTEGER,
  language TEXT);
CREATE TABLE IF NOT EXISTS segments (segment INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,
  recipe TEXT NOT NULL, dimensions INTEGER NOT NULL, count INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS vectors (recipe TEXT NOT NULL, content BLOB NOT NULL, segment INTEGER NOT NULL,
  place INTEGER NOT NULL, PRIMARY KEY (recipe, content)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS vectors_by_segment ON vectors (segment);
"""


@dataclass(frozen=True, slots=True)
class Row:
    """What the index remembers of one chunk; `content` is the SHA-256 (16 bytes of it) of what would be embedded."""

    chunk_id: str
    doc_id: str
    access: str
    content: bytes
    chars: int
    language: str


@dataclass(frozen=True, slots=True)
class Segment:
    """An immutable file of vectors: `count` rows of `dimensions` little-endian float32."""

    segment: int
    name: str
    dimensions: int
    count: int


@dataclass(frozen=True, slots=True)
class State:
    """The head: `version` moves with every change, `opstamp` is the engine's commit that the rows belong to."""

    version: int
    opstamp: int
    recipe: str


def row_of(chunk: Chunk, language: str) -> Row:
    """`language` is the analyser's name for the chunk's language."""
    text = embedding_text(chunk)
    content = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]
    return Row(chunk.chunk_id, chunk.doc_id, access_key(chunk.access), content, len(text), language)


def access_key(access: AccessList) -> str:
    return json.dumps([access.tenant, sorted(set(access.groups))], ensure_ascii=False)


def access_of(key: str) -> AccessList:
    tenant, groups = json.loads(key)
    return AccessList(tenant, tuple(groups))


class RowStore:
    """Rows, staged changes and the map of vectors. Every method is one transaction; errors are SQLite's own.

    On a full disk rows are read from a copy in memory until they have changed or are to be changed.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._path = path
        self._open()

    def _open(self) -> None:
        self._db = sqlite3.connect(self._path, timeout=30, check_same_thread=False, isolation_level=None)
        self._copied = False
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
        except sqlite3.OperationalError as error:
            self._db.close()
            if not no_room_beside(error, self._path):
                raise
            self._db = copy_in_memory(self._path)
            self._copied = True

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._copied:
                self._open()
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk has SQLite roll back by itself
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Several reads of one state."""
        with self._lock:
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("COMMIT")

    def fact(self, name: str, default: str = "") -> str:
        with self._lock:
            found = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return str(found[0]) if found else default

    def set_fact(self, name: str, value: str) -> None:
        with self._writing() as db:
            _put(db, name, value)

    def state(self) -> State:
        with self._lock:
            facts = dict(self._db.execute("SELECT name, value FROM facts").fetchall())
        return State(int(facts.get("version", 0)), int(facts.get("opstamp", 0)), facts.get("recipe", ""))

    def stage(self, documents: Mapping[str, Sequence[Row]], opstamp: int) -> None:
        """Write down what the engine's next commit will hold; `opstamp` is the engine's last commit until then."""
        with self._writing() as db:
            db.execute("DELETE FROM staged")
            for doc_id, rows in documents.items():
                db.execute("INSERT INTO staged (doc_id) VALUES (?)", (doc_id,))
                db.executemany(
                    "INSERT INTO staged VALUES (?, ?, ?, ?, ?, ?)",
                    [(doc_id, r.chunk_id, r.access, r.content, r.chars, r.language) for r in rows],
                )
            _put(db, "staged_after", str(opstamp))

    def settle(self, opstamp: int) -> None:
        """Make the rows match the engine: staged changes hold as soon as its commit is on disk, whoever notices."""
        with self._lock:
            if self._copied:
                self._open()
            if self._unsettled(opstamp):
                with self._writing() as db:
                    if self._unsettled(opstamp):
                        _settle(db, opstamp)

    def settle_for_reading(self, opstamp: int) -> None:
        """As `settle`; where the disk has no room for it, in a copy in memory, which a later change leaves again."""
        with self._lock:
            if self._copied and opstamp != self.state().opstamp:
                self._open()
            if not self._unsettled(opstamp):
                return
            try:
                self.settle(opstamp)
            except sqlite3.OperationalError as error:
                if not self._copied and not no_room(error):
                    raise
                self._settle_copy(opstamp)

    def _unsettled(self, opstamp: int) -> bool:
        staged = self._db.execute("SELECT 1 FROM staged LIMIT 1").fetchone()
        return staged is not None and opstamp != int(self.fact("staged_after", "-1"))

    def _settle_copy(self, opstamp: int) -> None:
        if not self._copied:
            copy = copy_of(self._db)
            self._db.close()
            self._db, self._copied = copy, True
        with settable(self._db) as changing:
            _settle(changing, opstamp)

    def unstage(self) -> None:
        """Forget changes whose commit never happened. Only for the process that holds the engine's write lock."""
        with self._writing() as db:
            db.execute("DELETE FROM staged")

    def contents(self, chunk_ids: Iterable[str]) -> dict[str, bytes]:
        """Content digests of those chunks that are indexed."""
        found: dict[str, bytes] = {}
        with self._lock:
            for chunk_id in chunk_ids:
                row = self._db.execute("SELECT content FROM rows WHERE chunk_id = ?", (chunk_id,)).fetchone()
                if row:
                    found[chunk_id] = row[0]
        return found

    def missing(self, recipe: str) -> tuple[str, ...]:
        """Chunks without a vector of this recipe, shortest first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT chunk_id FROM rows LEFT JOIN vectors ON recipe = ? AND vectors.content = rows.content "
                "WHERE segment IS NULL ORDER BY chars, chunk_id",
                (recipe,),
            ).fetchall()
        return tuple(row[0] for row in rows)

    def counts(self, recipe: str) -> tuple[int, int, int]:
        """Documents, chunks, and chunks that have a vector of this recipe."""
        with self._lock:
            documents, chunks = self._db.execute("SELECT count(DISTINCT doc_id), count(*) FROM rows").fetchone()
            (vectors,) = self._db.execute(
                "SELECT count(*) FROM rows JOIN vectors ON recipe = ? AND vectors.content = rows.content", (recipe,)
            ).fetchone()
        return documents, chunks, vectors

    def every_row(self, recipe: str) -> list[tuple[str, str, bytes, int | None, int | None, str]]:
        """(chunk id, access, content, segment, place, language) of all chunks in order of their ids."""
        with self._lock:
            return self._db.execute(
                "SELECT chunk_id, access, rows.content, segment, place, language FROM rows "
                "LEFT JOIN vectors ON recipe = ? AND vectors.content = rows.content ORDER BY chunk_id",
                (recipe,),
            ).fetchall()

    def segments(self, recipe: str) -> tuple[Segment, ...]:
        with self._lock:
            rows = self._db.execute(
                "SELECT segment, name, dimensions, count FROM segments WHERE recipe = ? ORDER BY segment", (recipe,)
            ).fetchall()
        return tuple(Segment(*row) for row in rows)

    def recipes(self) -> tuple[str, ...]:
        """Of all vectors that are kept."""
        with self._lock:
            found = self._db.execute("SELECT DISTINCT recipe FROM segments ORDER BY recipe").fetchall()
        return tuple(row[0] for row in found)

    def segment_names(self) -> frozenset[str]:
        """Names of all segments, whatever their recipe."""
        with self._lock:
            return frozenset(row[0] for row in self._db.execute("SELECT name FROM segments").fetchall())

    def known_contents(self, recipe: str, contents: Iterable[bytes]) -> frozenset[bytes]:
        """Those contents that have a vector of this recipe."""
        ask = "SELECT 1 FROM vectors WHERE recipe = ? AND content = ?"
        with self._lock:
            return frozenset(content for content in contents if self._db.execute(ask, (recipe, content)).fetchone())

    def use_recipe(self, recipe: str) -> None:
        """From now on the head is searched with vectors of this recipe."""
        if self.state().recipe != recipe:
            with self._writing() as db:
                _put(db, "recipe", recipe)
                _moved(db)

    def places(self, segment: int) -> list[tuple[bytes, int]]:
        """(content, place) of the vectors that are looked up in this segment, in order of their places."""
        with self._lock:
            return self._db.execute(
                "SELECT content, place FROM vectors WHERE segment = ? ORDER BY place", (segment,)
            ).fetchall()

    def replace_segments(
        self,
        recipe: str,
        name: str,
        dimensions: int,
        contents: Sequence[bytes],
        gone: Sequence[int],
        *,
        searched: bool,
    ) -> None:
        """A new segment becomes the place of `contents`; the segments in `gone` are forgotten.

        With `searched` the head is searched with this recipe from now on.
        """
        with self._writing() as db:
            cursor = db.execute(
                "INSERT INTO segments (name, recipe, dimensions, count) VALUES (?, ?, ?, ?)",
                (name, recipe, dimensions, len(contents)),
            )
            db.executemany(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)",
                [(recipe, content, cursor.lastrowid, place) for place, content in enumerate(contents)],
            )
            _forget(db, gone)
            if searched:
                _put(db, "recipe", recipe)
            _moved(db)

    def forget_segments(self, gone: Sequence[int]) -> None:
        """Vectors that can no longer be read become missing, so that they are made again."""
        with self._writing() as db:
            _forget(db, gone)
            _moved(db)

    def unused_contents(self, recipe: str) -> frozenset[bytes]:
        """Vectors that no indexed chunk has."""
        with self._lock:
            rows = self._db.execute(
                "SELECT content FROM vectors WHERE recipe = ? AND content NOT IN (SELECT content FROM rows)", (recipe,)
            ).fetchall()
        return frozenset(row[0] for row in rows)


def _settle(db: sqlite3.Connection, opstamp: int) -> None:
    db.execute("DELETE FROM rows WHERE doc_id IN (SELECT doc_id FROM staged)")
    db.execute(
        "INSERT OR REPLACE INTO rows SELECT chunk_id, doc_id, access, content, chars, language FROM staged "
        "WHERE chunk_id IS NOT NULL"
    )
    db.execute("DELETE FROM staged")
    _put(db, "opstamp", str(opstamp))
    _moved(db)


def _put(db: sqlite3.Connection, name: str, value: str) -> None:
    db.execute("INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value))


def _moved(db: sqlite3.Connection) -> None:
    db.execute(
        "INSERT INTO facts VALUES ('version', '1') ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + 1"
    )


def _forget(db: sqlite3.Connection, gone: Sequence[int]) -> None:
    for segment in gone:
        db.execute("DELETE FROM vectors WHERE segment = ?", (segment,))
        db.execute("DELETE FROM segments WHERE segment = ?", (segment,))
