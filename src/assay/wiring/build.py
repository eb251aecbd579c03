"""The only assembler: a folder becomes a workspace with its stores, engine, models and services."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from assay.adapters.clocks import SystemClock
from assay.ingest.chunk import ChunkPolicy
from assay.ports.answering import System
from assay.ports.index import Embedder, Engine
from assay.records.errors import ConfigError, InputError
from assay.wiring import config as configuration
from assay.wiring.engines import open_engine, store_address
from assay.wiring.init_template import rendered
from assay.wiring.settings import Settings
from assay.wiring.workspace import Stores

if TYPE_CHECKING:
    from assay.adapters.sql.database import Database
    from assay.govern.audited import Auditor
    from assay.monitor.traces import Prepare, TraceWriter
    from assay.wiring.auditing import Account
    from assay.wiring.embedders import Embedders

STORE = ".assay"
DATABASE = "assay.db"


@dataclass
class Workspace:
    """One folder, opened. What is heavy (embedder, trace writer) is made at first use."""

    root: Path
    config: configuration.Config
    stores: Stores
    database: Database
    clock: SystemClock = field(default_factory=SystemClock)
    _embedders: list[Embedders] = field(default_factory=list)
    _writer: TraceWriter | None = None
    _engines: dict[str, Engine] = field(default_factory=dict)
    _account: Account | None = None

    @property
    def index(self) -> Engine:
        """The engine that `index.engine` names, opened at first use: a command that needs none works while it is down.

        Raises ConfigError and Unavailable (`index.unreachable`).
        """
        return self.engine(self.settings.index.engine)

    def engine(self, name: str) -> Engine:
        """An engine by its name, as `assay.yaml` describes it: bundles from before a move stand in the old one."""
        if name not in self._engines:
            self._engines[name] = open_index(self.root, self.settings, name)
        return self._engines[name]

    @property
    def settings(self) -> Settings:
        return self.config.settings

    @property
    def store(self) -> Path:
        return self.root / STORE

    @property
    def default_app(self) -> str:
        return next(iter(self.settings.apps))

    @property
    def embedders(self) -> Embedders:
        """Every model that makes vectors here; one instance per workspace: a session is heavy."""
        if not self._embedders:
            from assay.wiring.embedders import Embedders

            self._embedders.append(Embedders(self.root, self.store, self.settings.index.embed_threads))
        return self._embedders[0]

    def embedder(self, name: str) -> Embedder | None:
        """What embeds chunks under this name; None for `none`."""
        from assay.wiring.embedders import settings_of

        return self.embedders.passages(name, settings_of(self, name))

    @property
    def auditor(self) -> Auditor:
        """Who keeps account of what is done here."""
        from assay.wiring.auditing import open_account

        if self._account is None:
            self._account = open_account(self.store, self.clock, self.settings.audit)
        return self._account.auditor

    def traced(self, system: System, app: str, bundle_id: str, prepare: Prepare | None = None) -> System:
        """The system with a trace, as `prepare` leaves it, and an audit event of every answer; writing happens in the
        background."""
        from assay.govern.audited import Audited
        from assay.monitor.traces import Traced, TraceWriter

        if self._writer is None:
            self._writer = TraceWriter(self.stores.traces)
        audited = Audited(system, self.auditor, app=app, bundle_id=bundle_id)
        return Traced(
            audited, self._writer, app=app, bundle_id=bundle_id, keep_content=self.settings.traces.keep_content,
            clock=self.clock, prepare=prepare,
        )  # fmt: skip

    @contextlib.contextmanager
    def writing(self, purpose: str) -> Iterator[Engine]:
        """The right to write the index, for one process at a time, and an index that lets go of it at the end.

        Readers of `self.index` see what is committed. What an erasure left unfinished is finished first. Raises Busy.
        """
        from assay.adapters.files import WorkspaceLock
        from assay.wiring.forgetting import go_on

        with WorkspaceLock(self.store / "write.lock", purpose):
            go_on(self)
            index = open_index(self.root, self.settings)
            try:
                yield index
            finally:
                index.close()

    def with_overrides(self, overrides: Sequence[str]) -> Workspace:
        """The same workspace under other settings; stores, index and embedder are shared."""
        config = configuration.load(self.root, overrides)
        same = config.settings.index == self.settings.index and config.settings.ingest == self.settings.ingest
        return replace(self, config=config, _engines=self._engines if same else {})

    def close(self) -> None:
        """Flush traces and the audit log, and close the database."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._account is not None:
            self._account.close()
            self._account = None
        for engine in self._engines.values():
            engine.close()
        self.database.close()


def create_workspace(directory: Path, name: str = "") -> Path:
    """Write `assay.yaml` and make the store. Raises InputError where a workspace stands already."""
    root = directory.expanduser().resolve()
    path = root / configuration.CONFIG_NAME
    if path.exists():
        raise InputError(
            "init.exists", "a workspace stands here already", where=str(path), remedy="choose another folder"
        )
    try:
        (root / STORE).mkdir(parents=True, exist_ok=True)
        path.write_text(rendered(_plain_name(name or root.name)), encoding="utf-8")
    except OSError as error:
        raise ConfigError("init.unwritable", f"cannot write here ({error.strerror})", where=str(root)) from None
    open_workspace(root).close()
    return root


def _plain_name(name: str) -> str:
    kept = "".join(c if c.isalnum() or c in "-_." else "-" for c in name).strip("-.")
    return f'"{kept}"' if kept else "assay"


def open_workspace(stated: Path | None, overrides: Sequence[str] = ()) -> Workspace:
    """Open the workspace that was named or found. Raises ConfigError, Unavailable or Busy."""
    root = configuration.find_workspace(stated)
    config = configuration.load(root, overrides)
    store = root / STORE
    with contextlib.suppress(OSError):  # opening the database says why, and works where the folder is only full
        store.mkdir(exist_ok=True)

    from assay.adapters.files import FileBlobs
    from assay.adapters.sql.database import open_database
    from assay.adapters.sql.stores import sql_stores
    from assay.monitor.redacted import RedactedLedger, RedactedTraces
    from assay.wiring.privacy_redacting import Redactor
    from assay.wiring.taint import with_clearance

    database = open_database(store_address(config.settings.store, store / DATABASE))
    kept = sql_stores(database)
    redact = Redactor(config.settings.privacy.redact, store)
    stores = Stores(
        blobs=FileBlobs(store / "blobs"),
        catalog=with_clearance(kept.catalog, config.settings),
        golden=kept.golden,
        runs=kept.runs,
        bundles=kept.bundles,
        releases=kept.releases,
        decisions=kept.decisions,
        calibrations=kept.calibrations,
        traces=RedactedTraces(kept.traces, redact),
        keys=kept.keys,
        certificates=kept.certificates,
        models=kept.models,
        ledger=RedactedLedger(kept.ledger, redact),
        cache=kept.cache,
    )
    return Workspace(root, config, stores, database)


def open_index(root: Path, settings: Settings, engine: str = "") -> Engine:
    """The engine of this name, by default the one that `index.engine` names, of the workspace in `root`."""
    stated = settings.index.model_copy(update={"engine": engine or settings.index.engine})
    return open_engine(root, stated, chunk_policy(settings).recipe)


def chunk_policy(settings: Settings) -> ChunkPolicy:
    """The chunker's policy as `assay.yaml` has it."""
    chunk = settings.ingest.chunk
    return ChunkPolicy(target_words=chunk.target_words, max_words=chunk.max_words)
