"""The steps of one erasure in a workspace, each of which may be done twice, and the probes that follow them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from assay.adapters import erasing_files
from assay.adapters.embedded_index.erasing import EmbeddedErasing
from assay.adapters.embedded_index.index import EmbeddedIndex
from assay.adapters.sql.erasing import KINDS, Others, SqlErasing
from assay.adapters.sql.owned import erase_owned, owned
from assay.govern.forget import Erasure, Probed, Remain, Step
from assay.govern.forget_marks import Marks
from assay.govern.forget_probe import probe_search, probe_stores
from assay.govern.forget_readings import values
from assay.records.bundles import Bundle
from assay.records.documents import Chunk
from assay.wiring import privacy_keys
from assay.wiring.build import DATABASE, Workspace, open_index
from assay.wiring.freshness import SEEN

FOLDER = "forget"
EMBEDDED = "embedded"
PERSONAL = frozenset({"subject", "tenant"})
"""How an erasure was asked for of which rows go because of whose they are."""
_DOCUMENTS_AT_ONCE = 500


def marks_folder(place: Workspace) -> Path:
    return place.store / FOLDER


@dataclass
class Work:
    """One erasure. `marks` are those of everything that goes; `texts` are known only to the process that planned it,
    and are what search is asked with."""

    place: Workspace
    erasure: Erasure
    marks: Marks
    texts: Sequence[str] = ()
    golden: dict[str, str] = field(default_factory=dict)
    snapshots: dict[str, str] = field(default_factory=dict)

    @cached_property
    def tables(self) -> SqlErasing:
        return SqlErasing(self.place.database)

    @cached_property
    def others(self) -> Others:
        """What the documents that stay have."""
        return self.tables.others(self.tables.named(self.marks))

    @cached_property
    def forbidden(self) -> Marks:
        """The marks less what documents that stay, and prompts in bundles, have too."""
        return self.marks.without(self._allowed_texts())

    def _allowed_texts(self) -> Iterator[str]:
        blobs = self.place.stores.blobs
        for digest in sorted(self.others.texts):
            if blobs.has(digest):
                yield blobs.get(digest).decode()
        yield from self.others.uris
        yield from self.others.spoken
        for components in self.tables.bundle_texts():
            yield from values(components)

    def steps(self) -> Mapping[str, Step]:
        """In order; the catalog first, so that nothing is served from the first moment on."""
        redactions = {kind: self._redacting(kind) for kind in KINDS}
        whose = {"owned": self._owned, "names": self._names} if PERSONAL.intersection(self.erasure.asked) else {}
        return {
            "catalog": self._catalog,
            **whose,
            "vault": self._vault,
            "blobs": self._blobs,
            **redactions,
            "kept_replies": self._kept_replies,
            "index": self._index,
            "history": self._history,
            "snapshots": self._snapshots,
            "cache": self._cache,
            "files": self._files,
        }

    def _owned(self) -> int:
        return erase_owned(self.place.database, self.marks)

    def _names(self) -> int:
        """Keys of the names by which people are known in the audit log, which itself stays as it is."""
        held = privacy_keys.names(self.place.store)
        tenants = [entry for entry in held.held() if "\0" not in entry and self.marks.is_tagged("tenant", entry)]
        gone = held.destroy_slots(privacy_keys.marked_slots(held, self.marks))
        return gone + sum(held.destroy(tenant) for tenant in tenants)

    def _vault(self) -> int:
        held = privacy_keys.vault(self.place.store)
        count = 0
        for tenant, codes in privacy_keys.marked_values(held, self.marks).items():
            count += held.drop(tenant, codes)
        for tenant in held.tenants():
            if self.marks.is_tagged("tenant", tenant):
                count += held.destroy(tenant)
        return count

    def _catalog(self) -> int:
        _ = self.forbidden  # what stays is read while the rows that say so are whole
        return self.tables.erase_documents(self.marks)

    def _blobs(self) -> int:
        """Text copies of the documents, and copies that no document names but that hold their text: those of an
        ingestion that was killed before it wrote the catalog."""
        gone = [
            path.name
            for path in (self.place.store / "blobs").glob("??/*")
            if len(path.name) == 64 and path.name not in self.others.texts
            and (self.marks.is_name(path.name) or self._is_marked(path))
        ]  # fmt: skip
        for digest in gone:
            self.place.stores.blobs.delete(digest)
        return len(gone)

    def _is_marked(self, path: Path) -> bool:
        return bool(len(self.forbidden.found(path.read_bytes().decode("utf-8", "replace"))))

    def _redacting(self, kind: str) -> Step:
        def redact() -> int:
            if kind == "golden":
                self.golden |= self.tables.golden_changes(self.forbidden)
            return self.tables.redact(kind, self.forbidden)

        return redact

    def _kept_replies(self) -> int:
        """All of them, because one may say in other words what is forgotten; they can be made again."""
        return self.place.stores.cache.clear()

    def _index(self) -> int:
        waiting = self.tables.awaiting(self.marks)
        removed = self._rewrite(self.embedded, self._current()) if self.embedded is not None else 0
        for name in self.outside:
            with closing(open_index(self.place.root, self.place.settings, name)) as index:
                index.remove(waiting)
                index.commit()
                index.compact()
            removed += len(waiting)
        self.tables.left_index(waiting)
        return removed

    def _rewrite(self, folder: EmbeddedErasing, chunks: Iterator[Sequence[Chunk]]) -> int:
        with closing(EmbeddedIndex(folder.folder)) as index:
            held = folder.rewrite_words(index, self.marks, chunks)
            index.compact()
        folder.sweep()
        return held

    def _current(self) -> Iterator[Sequence[Chunk]]:
        catalog = self.place.stores.catalog
        for ids in _batches([document.doc_id for document in catalog.documents()]):
            yield [chunk for doc_id in ids for chunk in catalog.chunks_of(doc_id)]

    def _past(self) -> Iterator[Sequence[Chunk]]:
        catalog = self.place.stores.catalog
        for ids in _batches(sorted(self.tables.every_document())):
            yield [chunk for mine in catalog.past_chunks(ids).values() for chunk in mine]

    def _history(self) -> int:
        """The index of versions that are over, where there is one."""
        return self._rewrite(self.past, self._past()) if self.past else 0

    @cached_property
    def embedded(self) -> EmbeddedErasing | None:
        """The engine in the workspace's folder, which may hold documents also after a move to another."""
        folder = self.place.store / "index"
        return EmbeddedErasing(folder) if (folder / "engine" / "meta.json").exists() else None

    @cached_property
    def outside(self) -> tuple[str, ...]:
        """Engines elsewhere: the configured one, those that bundles stand in, and one that is being moved to."""
        moving = {path.stem for path in (self.place.store / "migrations").glob("*.jsonl")}
        pinned = {bundle.components.get("snapshot", {}).get("engine", EMBEDDED) for bundle in self._bundles()}
        return tuple(sorted({self.place.settings.index.engine, *moving, *pinned} - {EMBEDDED}))

    def _bundles(self) -> tuple[Bundle, ...]:
        return self.place.stores.bundles.bundles()

    @property
    def past(self) -> EmbeddedErasing | None:
        folder = self.place.store / "history"
        return EmbeddedErasing(folder) if (folder / "engine" / "meta.json").exists() else None

    def _snapshots(self) -> int:
        replaced: dict[str, str] = {}
        if self.embedded is not None:
            replaced |= self.embedded.replace_snapshots(self.place.stores.catalog, self.marks)
        for name in self.outside:  # another engine cannot say what a snapshot holds, so none may stay
            with closing(open_index(self.place.root, self.place.settings, name)) as index:
                for snapshot in index.snapshots():
                    index.drop_snapshot(snapshot.snapshot_id)
                    replaced[snapshot.snapshot_id] = ""
                index.compact()
        self.snapshots |= replaced
        return len(replaced)

    def _cache(self) -> int:
        return sum(erasing_files.empty_cache(path) for path in self.place.store.glob("embeddings*.db"))

    def _files(self) -> int:
        store = self.place.store
        return (
            erasing_files.throw_away(store, store / DATABASE, self.forbidden)
            + erasing_files.clear_half_swapped(store)
            + erasing_files.drop_members(store / SEEN, self.forbidden)
        )

    def tighten(self) -> None:
        """Rewrite every SQLite file of the workspace without what was deleted in it; a database elsewhere does so with
        its tables. Raises Busy."""
        self.tables.make_tight()
        for path in erasing_files.sqlite_files(self.place.store):
            erasing_files.make_tight(path)

    def probe(self) -> Probed:
        """Everything that can be read, searched or lies in a file, once more."""
        store, stores = self.place.store, self.place.stores
        marks = self.forbidden
        looked: dict[str, int] = {}
        remains: list[Remain] = []
        parts = [erasing_files.probe_files(store, marks_folder(self.place), marks)]
        parts.append(probe_stores(stores.catalog, stores.golden, stores.runs, stores.traces, marks))
        parts.append(self._still_to_redact())
        parts.append(privacy_keys.probe(self.place.store, self.marks))
        parts += [folder.probe(marks) for folder in (self.embedded, self.past) if folder is not None]
        if self.texts:
            embedder = self.place.embedder(self.place.settings.index.embedder)
            with closing(open_index(self.place.root, self.place.settings)) as index:
                parts.append(probe_search(index.head(), stores.catalog, marks, self.texts, embedder))
            parts.append(({"cache": self._cache()}, []))  # the search has just filled it
        for counts, found in parts:
            remains += found
            looked = {name: looked.get(name, 0) + counts.get(name, 0) for name in {**looked, **counts}}
        return Probed(looked, tuple(replace(one, where=self._shown(one.where)) for one in remains))

    def _still_to_redact(self) -> tuple[dict[str, int], list[Remain]]:
        """Records and rows that the steps would still change: in a database elsewhere there are no files to look at."""
        whole = {f"owned {kind}": len(held) for kind, held in owned(self.place.database, self.marks).items()}
        counts = {**self.tables.touched(self.forbidden), "catalog": len(self.tables.named(self.marks)),
                  "removals": len(self.tables.awaiting(self.marks)), **whole}  # fmt: skip
        return {"kinds": len(counts)}, [Remain("tables", kind, count) for kind, count in counts.items() if count]

    def _shown(self, where: str) -> str:
        """A place without what it may itself tell: content hashes are cut short, other marked names left out."""
        short = re.sub(r"[0-9a-f]{32,}", lambda match: match.group()[:6] + "…", where)
        return "(named as what was forgotten)" if self.forbidden.holds(short) else short


def _batches(doc_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(doc_ids), _DOCUMENTS_AT_ONCE):
        yield doc_ids[start : start + _DOCUMENTS_AT_ONCE]
