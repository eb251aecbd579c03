"""Ingest, embed, freeze and remove in a workspace; one process writes the index, another may make its vectors."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from assay.adapters.files import WorkspaceLock
from assay.adapters.sources.routed import RoutedTree
from assay.ingest.access import AccessRules, read_access_csv
from assay.ingest.publishing import Publisher
from assay.ingest.roots import Root, remote, source_path
from assay.ingest.sync import Ingest
from assay.records.access import AccessList
from assay.records.documents import IngestReport, ParseOutcome, ParseStatus
from assay.records.errors import Busy, ConfigError, NotFound
from assay.records.retrieval import IndexStatus, Snapshot
from assay.wiring import canarying, corpus_scan, quarantine
from assay.wiring.access import resolver
from assay.wiring.batching import spread_embedder
from assay.wiring.build import Workspace
from assay.wiring.embedders import NONE, settings_of
from assay.wiring.forgetting import forgotten
from assay.wiring.freshness import note_seen
from assay.wiring.history import embed_history, publishing
from assay.wiring.parallel import reading
from assay.wiring.reading import reader as document_reader
from assay.wiring.settings_ingest import AccessSetting
from assay.wiring.sources import folders, source_tree
from assay.wiring.unknown_groups import with_unknown_groups

Progress = Callable[[int, int, str], object]
_BATCH = 64
_BATCH_ON_CLUSTER = 1024
"""Enough for many workers; what is lost when this process dies is at most one batch, and the cache has most of it."""


def ingest(
    place: Workspace,
    paths: Sequence[Path],
    progress: Progress,
    stopped: Callable[[], bool] | None = None,
    sources: Sequence[str] = (),
) -> IngestReport:
    """Bring catalog and index in step with folders, files and the sources of `assay.yaml` that are named. Raises Busy
    while another process does so.

    Ctrl-C, or `stopped` where the caller listens for it, ends it in order; the next call goes on from there.
    """
    with (
        place.writing("assay ingest") as index, _stop(stopped) as stop, publishing(place, index) as publisher,
        reading(place.settings) as where, source_tree(place, sources) as (tree, roots),
    ):  # fmt: skip
        work = replace(_ingest(place, publisher), reading=where, tree=tree)
        every = [*paths, *folders(place, sources)]
        report = work.sync([*map(str, every), *roots], progress, stop)
        if not report.interrupted:
            note_seen(place, every, roots)
        canarying.without_orphans(place, index, publisher)
    if place.settings.ingest.scan.corpus and not report.interrupted:
        corpus_scan.scan(place)
    return with_unknown_groups(place, _with_closed(report, work.reader.access))


def _with_closed(report: IngestReport, rules: AccessRules) -> IngestReport:
    """The report with the documents that are closed because the access plug-in failed on them."""
    closed = tuple(
        ParseOutcome(doc_id, ParseStatus.FAILED, "ingest.access_plugin", f"closed: the access plug-in failed ({how})")
        for doc_id, how in rules.failed.items()
    )
    return replace(report, outcomes=report.outcomes + closed) if closed else report


def _ingest(place: Workspace, publisher: Publisher) -> Ingest:
    settings = place.settings
    reader = document_reader(settings, access_rules(place))
    return Ingest(
        RoutedTree(), reader, place.stores.catalog, place.stores.blobs, publisher, settings.ingest.max_file_mb,
        denied=forgotten(place), known=quarantine.known(place),
    )  # fmt: skip


def holds_documents(place: Workspace, paths: Sequence[Path], sources: Sequence[str] = ()) -> bool:
    """True when the workspace has a document from one of these files, folders or sources."""
    with source_tree(place, sources) as (_, remotes):
        every = [str(path.expanduser().resolve()) for path in (*paths, *folders(place, sources))]
        roots = [Root(root) for root in (*every, *remotes)]
    states = place.stores.catalog.source_states()
    return any(state.doc_ids and any(root.holds(state.source_uri) for root in roots) for state in states)


def access_rules(place: Workspace) -> AccessRules:
    """Who may read what, as `assay.yaml` and its CSV say. Raises ConfigError and InputError with the line."""
    settings = place.settings.access
    rows: dict[str, AccessList] = {}
    if settings.csv:
        path = place.root / settings.csv
        try:
            rows = read_access_csv(path.read_bytes(), settings.csv)
        except OSError as error:
            raise ConfigError(
                "config.missing_file", f"access.csv names a file that cannot be read ({error.strerror})",
                where=str(path), remedy="correct access.csv in assay.yaml, or take it out",
            ) from None  # fmt: skip
    folders = tuple((rule.path, _access(rule)) for rule in settings.folders)
    return AccessRules(_access(settings.default), folders, rows, settings.trust_stated, resolver(place))


def _access(setting: AccessSetting) -> AccessList:
    return AccessList(setting.tenant, setting.groups)


def _stop(stopped: Callable[[], bool] | None) -> AbstractContextManager[Callable[[], bool]]:
    return _interruptible() if stopped is None else nullcontext(stopped)


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """While inside, the first Ctrl-C asks for an orderly end and the second ends at once."""
    asked: list[bool] = []

    def ask(_signal: int, _frame: Any) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(True)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)


def missing_vectors(place: Workspace) -> int:
    """How many indexed chunks have no vector yet; 0 for a lexical-only index."""
    embedder = place.embedder(place.settings.index.embedder)
    return len(place.index.missing_vectors(embedder.recipe)) if embedder else 0


def embed(place: Workspace, progress: Callable[[int, int], None]) -> int:
    """Make the vectors that are missing; the number made. Raises Busy while another process makes them."""
    from assay.retrieve.backfill import embed_missing

    name = place.settings.index.embedder
    if name == NONE:
        return 0
    with (
        WorkspaceLock(place.store / "vectors.lock", "assay index embed"), _alone(place), _interruptible() as stop,
        spread_embedder(place) as embedder,
    ):  # fmt: skip
        assert embedder is not None  # only `none` has no embedder
        place.embedders.remember(embedder.recipe, name, settings_of(place, name))
        batch = _BATCH if place.settings.batch.engine == "local" else _BATCH_ON_CLUSTER
        made = embed_missing(place.index, place.stores.catalog, embedder, batch=batch, progress=progress, stop=stop)
        made += embed_history(place, embedder, stop)
        if stop():
            raise KeyboardInterrupt
        return made


def _alone(place: Workspace) -> AbstractContextManager[object]:
    """The write lock for an engine that only one process may write, vectors included; nothing for the others."""
    if place.settings.index.engine != "qdrant":
        return nullcontext()
    return WorkspaceLock(place.store / "write.lock", "assay index embed")


def embed_in_background(place: Workspace) -> None:
    """Start `assay index embed` as a process of its own, which outlives this one. One that runs already is enough."""
    try:
        with WorkspaceLock(place.store / "vectors.lock", "starting the background"):
            pass
    except Busy:
        return
    command = [sys.executable, "-m", "assay.cli.main", "index", "embed", "--patient", "-w", str(place.root)]
    with (place.store / "embed.log").open("ab") as log:
        subprocess.Popen(  # noqa: S603  our own interpreter and module, no shell
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def status(place: Workspace) -> IndexStatus:
    """How far the index is."""
    head = place.index.head()
    embedder = place.embedder(place.settings.index.embedder)
    documents, _ = place.stores.catalog.counts()
    missing = len(place.index.missing_vectors(embedder.recipe)) if embedder else head.chunks
    told = place.index.status()
    return IndexStatus(
        documents, head.chunks, head.chunks - missing, embedder.recipe if embedder else "", told.snapshots,
        told.engine, told.unindexed,
    )  # fmt: skip


def freeze(place: Workspace) -> Snapshot:
    """An immutable snapshot of the index as it is now."""
    return place.index.freeze()


def remove_source(place: Workspace, source: str) -> tuple[str, ...]:
    """Take one file, or everything below a folder, out of catalog, index and history, with what was there before.

    Raises NotFound when nothing matches.
    """
    catalog = place.stores.catalog
    root = Root(_root_path(source))
    found = [state.source_uri for state in catalog.source_states() if root.holds(state.source_uri)]
    before = [version.doc_id for version in catalog.gone() if root.holds(version.origin)]
    if not found and not before:
        raise NotFound("source.unknown", "nothing was ingested from there", where=source, remedy="assay source list")
    with place.writing("assay source remove") as index, publishing(place, index) as publisher:
        gone = [doc_id for one in found for doc_id in catalog.remove_source(one)]
        publisher.publish()
        publisher.forget([*gone, *before])
        index.compact()
        canarying.without_orphans(place, index, publisher)
    return tuple(gone)


def _root_path(source: str) -> str:
    """The path of a source that is given as an address, as `assay source list` shows it, or as a path."""
    if source.startswith("file://") or remote(source):
        return source_path(source)
    return str(Path(source).expanduser().resolve())
