"""The files of a workspace under erasure: what is thrown away, SQLite files made tight, and every byte looked at."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from assay.adapters.embedded_index.durable import write_durably
from assay.govern.forget import Remain
from assay.govern.forget_marks import Digests, Marks
from assay.govern.forget_readings import readings
from assay.records.errors import Busy

PIECE = 4_000_000
OVERLAP = 16_000
"""Bytes that two pieces of a file share, so that a shingle across the border is seen whole."""
PATIENCE_S = 20.0
_SQLITE = b"SQLite format 3\x00"
_BESIDE = ("-wal", "-shm", "-journal")
_DISPOSABLE = ("*.log", "reports/**/*", "log/**/*", "logs/**/*", "migrations/*")
"""What Assay writes for people to read and can write again, or can do without."""
_LINES = (".json", ".jsonl")
_HALF_SWAPPED = ("index.*", "history.*")
"""Folders that an interrupted `assay index rebuild` left beside the one that counts."""
_HALF_WRITTEN = re.compile(r"\.writing-(\d+)-|\.(\d+)\.part\Z|\.(?:gone\.)?[0-9a-f]{64}\.(\d+)\Z")


def every_file(store: Path, without: Path) -> Iterator[Path]:
    """All plain files below the store but those under `without`, in the order of their names."""
    for path in sorted(store.rglob("*")):
        if path.is_file() and not path.is_symlink() and not path.is_relative_to(without):
            yield path


def sqlite_files(store: Path) -> Iterator[Path]:
    for path in sorted(store.rglob("*")):
        if path.is_file() and not path.is_symlink() and _begins(path) == _SQLITE:
            yield path


def _begins(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_SQLITE))


def throw_away(store: Path, database: Path, marks: Marks) -> int:
    """Copies of the database from before a migration, half-written files of processes that died, and logs and reports
    that hold a mark. The number of files."""
    gone = list(database.parent.glob(f"{database.name}.before-*"))
    gone += [path for path in store.rglob("*") if path.is_file() and _is_half_written(path, store)]
    for pattern in _DISPOSABLE:
        gone += [path for path in store.glob(pattern) if path.is_file() and _marked(path, marks)]
    for path in dict.fromkeys(gone):
        path.unlink(missing_ok=True)
    return len(set(gone))


def clear_half_swapped(store: Path) -> int:
    """Remove old or unfinished index folders; the number of them."""
    beside = [path for pattern in _HALF_SWAPPED for path in store.glob(pattern) if path.is_dir()]
    gone = [path for path in beside if path.with_suffix("").is_dir()]
    for path in gone:
        shutil.rmtree(path)
    return len(gone)


def drop_members(path: Path, marks: Marks) -> int:
    """Take members whose name or value holds a mark out of a JSON object in a file; the number of them."""
    if not path.exists():
        return 0
    whole = json.loads(path.read_text(encoding="utf-8"))
    kept = {name: value for name, value in whole.items() if not marks.in_json(json.dumps({name: value}))}
    if len(kept) < len(whole):
        write_durably(path, json.dumps(kept, indent=1, sort_keys=True).encode())
    return len(whole) - len(kept)


def _is_half_written(path: Path, store: Path) -> bool:
    """True for a file that only a process which is no more could have finished."""
    for part in path.relative_to(store).parts:
        match = _HALF_WRITTEN.search(part)
        if match and not _alive(int(next(filter(None, match.groups())))):
            return True
    return False


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _marked(path: Path, marks: Marks) -> bool:
    return _raw(path, marks, _NOTHING) > 0


def empty_cache(path: Path) -> int:
    """Remove every row of the cache of vectors: its keys are hashes, so nobody can say whose text a vector is of."""
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete=ON")
        return connection.execute("DELETE FROM vectors").rowcount


def make_tight(path: Path) -> None:
    """Rewrite a SQLite file without free pages and empty its log. Raises Busy while another process reads on."""
    end = time.monotonic() + PATIENCE_S
    with closing(sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete=ON")
        try:
            connection.execute("VACUUM")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            raise Busy(
                "forget.busy", "another process keeps writing this file", where=path.name,
                remedy="end that process, then: assay forget --resume",
            ) from None  # fmt: skip
        while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            if time.monotonic() > end:
                raise Busy(
                    "forget.busy",
                    "another process keeps reading an old state of this file, so its log cannot be emptied",
                    where=path.name,
                    remedy="end that process, then: assay forget --resume",
                )
            time.sleep(0.05)


def probe_files(store: Path, without: Path, marks: Marks) -> tuple[dict[str, int], list[Remain]]:
    """Look at every byte of every file. In SQLite files rows are read too, so that what stands in a row as text is told
    from what only the names of columns and fields spell."""
    looked = {"files": 0, "bytes": 0, "rows": 0}
    remains: list[Remain] = []
    explained: dict[Path, Digests] = {}
    for path in sqlite_files(store):
        rows, known, found = probe_rows(path, marks)
        looked["rows"] += rows
        explained[path] = known
        remains += [Remain("rows", f"{path.relative_to(store)}:{table}", n) for table, n in found.items()]
    for path in every_file(store, without):
        looked["files"] += 1
        looked["bytes"] += path.stat().st_size
        count = _raw(path, marks, explained.get(_database_of(path), _NOTHING))
        if count:
            remains.append(Remain("bytes", str(path.relative_to(store)), count))
    return looked, remains


_NOTHING: Digests = np.empty(0, dtype=np.uint64)


def _database_of(path: Path) -> Path:
    """The SQLite file that a log belongs to; the path itself otherwise."""
    for ending in _BESIDE:
        if path.name.endswith(ending):
            return path.with_name(path.name.removesuffix(ending))
    return path


def probe_rows(path: Path, marks: Marks) -> tuple[int, Digests, dict[str, int]]:
    """`(rows, marks that only structure spells, hits by table)` of one SQLite file."""
    rows, structure, found = 0, [_NOTHING], dict[str, int]()
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=PATIENCE_S)) as connection:
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - a name from the schema
                rows += 1
                hits, spelt = _in_row(row, marks)
                structure.append(spelt)
                if hits:
                    found[table] = found.get(table, 0) + hits
    return rows, np.unique(np.concatenate(structure)), found


def _in_row(row: tuple[object, ...], marks: Marks) -> tuple[int, Digests]:
    hits, structure = 0, [_NOTHING]
    for value in row:
        if isinstance(value, bytes):
            hits += marks.in_vectors(value)
        elif isinstance(value, str):
            inner = marks.in_json(value)
            hits += inner
            if not inner:
                structure.append(marks.found(value))
    return hits, np.concatenate(structure)


def _raw(path: Path, marks: Marks, known: Digests) -> int:
    """Different marks in the bytes of a file, and removed vectors."""
    found = [_NOTHING]
    vectors = 0
    for piece in _pieces(path):
        vectors += marks.in_vectors(piece)
        found += [marks.found(text) for text in readings(piece)]
    names = sum(map(marks.in_json, _lines(path))) if path.suffix in _LINES else 0
    return names + vectors + len(np.setdiff1d(np.concatenate(found), known))


def _lines(path: Path) -> Iterator[str]:
    """The lines of a file of JSON, for names that only count where they are a whole value."""
    with path.open(encoding="utf-8", errors="replace") as file:
        yield from file


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        piece = file.read(PIECE)
        while piece:
            yield piece
            more = file.read(PIECE)
            piece = piece[-OVERLAP:] + more if more else b""
