"""A workspace: one folder's stores and engines behind their ports, and the systems built from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assay.govern.audited import Auditor, NoAudit
from assay.ports.answering import Retriever, System
from assay.ports.index import Index
from assay.ports.reading import Clock
from assay.ports.storage import (
    BlobStore,
    BundleStore,
    Cache,
    CalibrationStore,
    Catalog,
    CertificateStore,
    DecisionStore,
    GoldenStore,
    KeyStore,
    Ledger,
    ModelStore,
    ReleaseStore,
    RunStore,
    TraceStore,
)
from assay.records.bundles import Bundle
from assay.records.dialogue import Age, Citation

if TYPE_CHECKING:
    from assay.wiring.tool_desk import ToolDesk


@dataclass(frozen=True)
class Stores:
    """Everything that is kept. Built by `wiring.build` for a folder, and from memory fakes in tests."""

    blobs: BlobStore
    catalog: Catalog
    golden: GoldenStore
    runs: RunStore
    bundles: BundleStore
    releases: ReleaseStore
    decisions: DecisionStore
    calibrations: CalibrationStore
    traces: TraceStore
    keys: KeyStore
    certificates: CertificateStore
    models: ModelStore
    ledger: Ledger
    cache: Cache


@dataclass(frozen=True)
class Running:
    """A bundle made ready to answer. `system` is guarded and traced."""

    app: str
    bundle_id: str
    """Empty for an app that runs from `assay.yaml` as it stands, without a bundle."""
    system: System
    retriever: Retriever


@dataclass(frozen=True)
class Services:
    """What the server, the console and the command line work with."""

    stores: Stores
    index: Index
    clock: Clock
    apps: tuple[str, ...]
    default_app: str
    start_bundle: Callable[[Bundle], Running]
    start_app: Callable[[str], Running]
    label: str = ""
    """Shown on every page, such as the demo's notice; empty otherwise."""
    age_of: Callable[[Citation], Age] = lambda _: Age()
    """How old the document that a citation is of is now."""
    auditor: Auditor = field(default_factory=NoAudit)
    tools: ToolDesk | None = None
    """The broker for callers with keys; None where there is no workspace behind the stores."""
