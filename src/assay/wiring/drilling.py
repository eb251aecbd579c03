"""`assay drill access`: plant, probe, judge, sign."""

from __future__ import annotations

import asyncio
import importlib.metadata
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from assay.govern import drill
from assay.govern.certify import signed
from assay.govern.drill import Outcome, Path, run_paths
from assay.govern.drill_paths import Door, HttpPaths
from assay.govern.drill_plan import Plan, make_plan, shapes, tokens
from assay.records.access import AccessList
from assay.records.certificates import Certificate
from assay.records.digest import sha256_json
from assay.wiring import apps, certifying, drill_canaries
from assay.wiring.build import Workspace
from assay.wiring.drill_audit import Audit, audit
from assay.wiring.drill_layers import Layers, as_frozen
from assay.wiring.drill_scratch import scratch
from assay.wiring.workspace import Services

MOST_TENANTS, MOST_GROUPS = 3, 4
"""Tenants and groups that are mirrored; the certificate says how many were left out."""

Progress = Callable[[int, int, str], object]
OpenDoor = Callable[[Services], AbstractAsyncContextManager[Door]]


@dataclass(frozen=True)
class Drilled:
    certificate: Certificate
    outcome: Outcome


def access(place: Workspace, app: str, open_door: OpenDoor, mint: drill_canaries.Mint, progress: Progress) -> Drilled:
    """Drill the workspace and keep the signed certificate, whatever came out.

    Raises Busy while another drill runs, CannotJudge when the workspace is empty or canaries cannot be planted, and
    NotFound for an app that does not exist.
    """
    name = app or place.default_app
    apps.app_settings(place, name)
    outcome = Outcome()
    audited = audit(place, name, outcome, progress)
    plan = plan_of(place)
    with scratch(place, name) as lab:
        probe(ready(lab, name, plan, open_door, mint), open_door, outcome, progress)
    facts = _facts(place, name, plan, audited)
    made = drill.certificate(outcome, audited.snapshots[0], facts, place.clock.now())
    certificate = signed(made, certifying.signer(place))
    place.stores.certificates.put(certificate)
    return Drilled(certificate, outcome)


def plan_of(place: Workspace) -> Plan:
    """Canaries and identities in tenants and groups named as in the workspace's documents and keys."""
    lists = dict.fromkeys(document.access for document in place.stores.catalog.documents())
    keys = place.stores.keys.keys()
    lists |= dict.fromkeys(AccessList(key.tenant, key.groups) for key in keys)
    found, left_out = shapes(lists, MOST_TENANTS, MOST_GROUPS)
    return make_plan(found, left_out, tokens(secrets.choice))


@dataclass(frozen=True)
class Ready:
    """Everything that probing needs, planted and with its fates settled."""

    lab: Workspace
    plan: Plan
    layers: Layers
    http: HttpPaths
    """Without a door."""


def ready(lab: Workspace, app: str, plan: Plan, open_door: OpenDoor, mint: drill_canaries.Mint) -> Ready:
    """Plant the plan in an empty workspace, let everybody leave traces, then close and remove what the plan says."""
    planted = drill_canaries.plant(lab, plan)
    embedder = drill_canaries.embed(lab)
    bundle = drill_canaries.release(lab, app)
    runs = drill_canaries.judge_runs(lab, plan, planted, app)
    authorization = drill_canaries.credentials(lab, plan, mint)
    modes = ("lexical",) if lab.settings.index.embedder == "none" else ("lexical", "dense", "hybrid")
    today = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    http = HttpPaths(plan, planted, authorization, (runs.answered, runs.declined), modes, today)

    async def prepare() -> None:
        async with open_door(apps.services(lab)) as door:
            await replace(http, door=door).prepare()

    asyncio.run(prepare())
    drill_canaries.settle_fates(lab, plan, planted)
    return Ready(lab, plan, Layers(lab, bundle, embedder, planted), http)


def probe(
    at: Ready, open_door: OpenDoor, outcome: Outcome, progress: Progress, only: Callable[[str], bool] = lambda _: True
) -> None:
    """Try every path whose name `only` accepts, as every identity, for every canary."""

    def chosen(paths: list[Path]) -> list[Path]:
        return [path for path in paths if only(path.name)]

    async def all_paths() -> None:
        async with open_door(apps.services(at.lab)) as door:
            await run_paths(chosen(replace(at.http, door=door).paths()), at.plan, outcome, progress)
        await run_paths(chosen(at.layers.engine()), as_frozen(at.plan), outcome, progress)
        await run_paths(chosen(at.layers.checks()), at.plan, outcome, progress)

    asyncio.run(all_paths())


def _facts(place: Workspace, app: str, plan: Plan, audited: Audit) -> dict[str, Any]:
    settings = place.settings
    return {
        "app": app,
        "assay": importlib.metadata.version("assay"),
        "canaries": len(plan.canaries),
        "embedder": settings.index.embedder,
        "engine": settings.index.engine,
        "identities": len(plan.identities),
        "left_out": dict(plan.left_out),
        "real": {name: value for name, value in asdict(audited).items() if name != "snapshots"},
        "settings": sha256_json(settings.model_dump(mode="json")),
        "snapshots": audited.snapshots,
    }


def rows(outcome: Outcome) -> list[tuple[str, str, str, str, str]]:
    """Path, probes, found by whoever may, leaks, not found: one line a path."""
    return [
        (name, f"{tally.probes:,}", f"{tally.found:,}", f"{tally.leaks:,}", f"{tally.blind:,}")
        for name, tally in outcome.tallies.items()
    ]


def findings(outcome: Outcome) -> Mapping[str, int]:
    return {str(finding): count for finding, count in outcome.findings.items()}
