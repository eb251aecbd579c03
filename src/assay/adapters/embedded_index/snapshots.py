"""Immutable copies of an index state, cheap because the engine's files never change: hard links and a manifest."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from assay.adapters.embedded_index import lexical
from assay.adapters.embedded_index.codes import COPY, codes_file
from assay.adapters.embedded_index.durable import file_sha256, link_or_copy, sync_folder, write_durably
from assay.adapters.embedded_index.mapped import SegmentMaps, segment_file
from assay.adapters.embedded_index.reader import EmbeddedReader, RowMap
from assay.adapters.embedded_index.rows import Segment
from assay.adapters.embedded_index.successors import successor_of
from assay.records.digest import canonical_json, plain
from assay.records.errors import CannotJudge, NotFound
from assay.records.retrieval import Snapshot
from assay.retrieve.analysis import Analyzer

MANIFEST = "manifest.json"
FORMAT = 1


class SnapshotFolder:
    """`snapshots/<id>/`: the engine's files, the vector files, the row map and a manifest with every file's SHA-256."""

    def __init__(self, folder: Path, analyzer: Analyzer) -> None:
        self._folder = folder
        self._analyzer = analyzer

    def has(self, snapshot_id: str) -> bool:
        return bool(snapshot_id) and (self._folder / snapshot_id / MANIFEST).exists()

    def snapshot(self, snapshot_id: str) -> Snapshot:
        return Snapshot(**self._manifest(snapshot_id)["snapshot"])

    def snapshots(self) -> tuple[Snapshot, ...]:
        """Oldest first."""
        names = [
            path.parent.name for path in self._folder.glob(f"*/{MANIFEST}") if not path.parent.name.startswith(".")
        ]
        return tuple(sorted(map(self.snapshot, names), key=lambda made: (made.created_at, made.snapshot_id)))

    def write(
        self, snapshot: Snapshot, rows: RowMap, segments: Mapping[int, Segment], engine: Path, vectors: Path
    ) -> None:
        """Raises FileNotFoundError when the engine merged files away meanwhile: read its state again and repeat."""
        aside = self._folder / f".{snapshot.snapshot_id}.{os.getpid()}"
        shutil.rmtree(aside, ignore_errors=True)
        try:
            (aside / "engine").mkdir(parents=True)
            (aside / "vectors").mkdir()
            meta, names = lexical.committed_files(engine)
            for name in names:
                link_or_copy(engine / name, aside / "engine" / name)
            write_durably(aside / "engine" / "meta.json", meta)
            for name in {segment_file(segment.name) for segment in segments.values()}:
                link_or_copy(vectors / name, aside / "vectors" / name)
            for name in {codes_file(segment.name) for segment in segments.values()}:
                with contextlib.suppress(FileNotFoundError):  # a small copy is made again when the snapshot is opened
                    link_or_copy(vectors / name, aside / "vectors" / name)
            _write_rows(aside, rows)
            self._seal(aside, snapshot, segments)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise

    def _seal(self, aside: Path, snapshot: Snapshot, segments: Mapping[int, Segment]) -> None:
        files = {
            str(path.relative_to(aside)): file_sha256(path)
            for path in sorted(aside.rglob("*"))
            if path.is_file() and path.suffix != COPY
        }
        for segment in segments.values():
            if files[f"vectors/{segment_file(segment.name)}"] != segment.name:
                raise CannotJudge(
                    "index.vectors_damaged",
                    "a file of vectors no longer matches its name",
                    where=segment_file(segment.name),
                    remedy="delete that file, then run `assay index embed`",
                )
        manifest = {
            "format": FORMAT,
            "snapshot": plain(snapshot),
            "files": files,
            "segments": plain(list(segments.values())),
        }
        write_durably(aside / MANIFEST, canonical_json(manifest))
        for folder in (aside / "engine", aside / "vectors"):
            sync_folder(folder)
        target = self._folder / snapshot.snapshot_id
        if target.exists():  # another process froze the same state, or an earlier one was damaged
            shutil.rmtree(target)
        aside.rename(target)
        sync_folder(self._folder)

    def open(self, snapshot_id: str) -> EmbeddedReader:
        """Raises NotFound, and CannotJudge when a file is not what the manifest says or the id is not its content.

        A snapshot that held documents which were forgotten opens as the one without them that took its place.
        """
        snapshot_id = successor_of(self._folder, snapshot_id)
        manifest = self._manifest(snapshot_id)
        folder = self._folder / snapshot_id
        for name, digest in manifest["files"].items():
            if not (folder / name).is_file() or file_sha256(folder / name) != digest:
                raise _damaged(snapshot_id)
        snapshot = Snapshot(**manifest["snapshot"])
        segments = [Segment(**stated) for stated in manifest["segments"]]
        mapped, torn = SegmentMaps(folder / "vectors").map(segments)
        engine = lexical.open_engine(folder / "engine")
        engine.reload()
        rows = _read_rows(folder)
        reader = EmbeddedReader(
            engine, engine.searcher(), self._analyzer, snapshot.chunker, snapshot.embedder, rows, mapped
        )
        if torn or snapshot.analyzer != self._analyzer.recipe or reader.snapshot_id != snapshot_id:
            raise _damaged(snapshot_id)
        return reader

    def drop(self, snapshot_id: str) -> None:
        """Remove a snapshot's folder; readers that have it open keep it until they end."""
        if not self.has(snapshot_id):
            raise _missing()
        aside = self._folder / f".gone.{snapshot_id}.{os.getpid()}"
        (self._folder / snapshot_id).rename(aside)
        shutil.rmtree(aside)

    def _manifest(self, snapshot_id: str) -> dict[str, Any]:
        if not snapshot_id.isalnum() or not self.has(snapshot_id):
            raise _missing()
        try:
            manifest: dict[str, Any] = json.loads((self._folder / snapshot_id / MANIFEST).read_bytes())
            if manifest["format"] != FORMAT or manifest["snapshot"]["snapshot_id"] != snapshot_id:
                raise _damaged(snapshot_id)
        except (ValueError, KeyError, TypeError) as error:
            raise _damaged(snapshot_id) from error
        return manifest


def _write_rows(folder: Path, rows: RowMap) -> None:
    with (folder / "rows.npz").open("wb") as file:
        np.savez(file, access=rows.access, contents=rows.contents, segment=rows.segment, place=rows.place)
        file.flush()
        os.fsync(file.fileno())
    names = {"access": rows.access_names, "chunks": rows.chunk_ids, "languages": rows.languages}
    write_durably(folder / "rows.json", canonical_json(names))


def _read_rows(folder: Path) -> RowMap:
    names = json.loads((folder / "rows.json").read_bytes())
    with np.load(folder / "rows.npz", allow_pickle=False) as arrays:
        return RowMap(
            tuple(names["chunks"]),
            tuple(names["access"]),
            arrays["access"],
            arrays["contents"],
            arrays["segment"],
            arrays["place"],
            tuple(names["languages"]),
        )


def _missing() -> NotFound:
    return NotFound(
        "index.no_snapshot", "there is no such snapshot", remedy="list the snapshots with `assay index status`"
    )


def _damaged(snapshot_id: str) -> CannotJudge:
    return CannotJudge(
        "index.snapshot_digest",
        "the snapshot is not what it was when it was made, or this version analyses words differently",
        where=snapshot_id[:12],
        remedy="freeze the index again and make a new bundle",
    )
