"""Freeze, gate, promote and roll back in a workspace."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterable
from dataclasses import replace

from assay.adapters.signing import verify
from assay.govern.certify import check_signature
from assay.records.bundles import Bundle, Pointer
from assay.records.comparison import CertificateResult, Clause, ClauseKind, Decision, GatePolicy
from assay.records.errors import InputError
from assay.records.evaluation import Run
from assay.release import gate as gates
from assay.release import promotion
from assay.release.bundle import freeze as freeze_bundle
from assay.release.certified import judge_certificates
from assay.wiring import (
    apps,
    auditing,
    certifying,
    fairness,
    golden_looks,
    golden_sets,
    ingesting,
    judge_gate,
    judging,
    safety,
)
from assay.wiring.build import Workspace


def freeze(place: Workspace, app: str, note: str = "") -> Bundle:
    """An app as a bundle that pins a snapshot of the index as it is now. Raises InputError while
    vectors are missing."""
    settings = apps.app_settings(place, app)
    if settings.retrieve.mode != "lexical" and ingesting.missing_vectors(place):
        raise InputError(
            "bundle.vectors_missing", "some chunks have no vector yet, and a bundle pins the index as it is", where=app,
            remedy="wait for the background (assay index status), or run assay index embed",
        )  # fmt: skip
    snapshot = ingesting.freeze(place)
    if not snapshot.documents:
        raise InputError("bundle.empty_index", "the index holds no document", where=app, remedy="assay ingest PATH…")
    pinned = {
        "id": snapshot.snapshot_id,
        "embedder": snapshot.embedder,
        "analyzer": snapshot.analyzer,
        "chunker": snapshot.chunker,
        "documents": snapshot.documents,
        "chunks": snapshot.chunks,
    }
    if place.settings.index.engine != "embedded":  # bundles that do not say it stand in the embedded engine
        pinned["engine"] = place.settings.index.engine
    bundle = freeze_bundle(app, settings.kind, apps.components(place, app, pinned), now=place.clock.now(), note=note)
    place.stores.bundles.put(bundle)
    return bundle


def policy(place: Workspace) -> GatePolicy:
    """The gate policy of `assay.yaml` as a record."""
    settings = place.settings.gate
    clauses = tuple(Clause(c.metric, ClauseKind(c.kind), c.margin, c.alpha, c.slice, c.min_n) for c in settings.clauses)
    return GatePolicy(
        clauses, settings.max_failed_share, settings.power, settings.certificates, settings.certificate_max_age_days,
        settings.multiplicity, judge_gate.rules(place, [clause.metric for clause in clauses]),
        safety.requirements(place), settings.safety.max_age_days, fairness.declared(place),
    )  # fmt: skip


def certificates(place: Workspace, asked: GatePolicy, candidate: Bundle) -> tuple[CertificateResult, ...]:
    """What the workspace's own certificates say about a candidate, for the kinds that the policy asks for."""
    if not asked.certificates:
        return ()
    trusted = certifying.signer(place).public_key
    return judge_certificates(
        asked,
        [one for kind in asked.certificates for one in place.stores.certificates.certificates(kind)],
        snapshot_id=candidate.snapshot_id,
        now=place.clock.now(),
        version=importlib.metadata.version("assay"),
        check=lambda certificate: check_signature(certificate, verify, trusted),
    )


def gate(
    place: Workspace, bundle: str, against: str, golden: str, split: str, progress: Callable[[int, int], None]
) -> Decision:
    """Judge a bundle against another and keep the record. With a golden set named, missing runs are made first."""
    candidate = place.stores.bundles.get(apps.resolve_bundle(place, bundle))
    baseline = place.stores.bundles.get(apps.resolve_bundle(place, against, candidate.app))
    if golden:
        for one in (baseline, candidate):
            judging.ensure_run(place, one.bundle_id, golden, split, progress)
    a, b = judging.newest_pair(place, baseline.bundle_id, candidate.bundle_id, golden, split)
    return _decided(place, a, b, candidate)


def gate_runs(place: Workspace, baseline: str, candidate: str) -> Decision:
    """Judge one run against another by the policy and keep the record, whatever the systems were.

    The record is about the runs alone: it names no bundle, and so never suffices for a promotion.
    """
    a, b = judging.run_named(place, baseline), judging.run_named(place, candidate)
    if a.run_id == b.run_id:
        raise InputError(
            "gate.same_run", "both names stand for one run", where=a.run_id, remedy="assay runs list shows the runs"
        )
    of_bundle = place.stores.bundles.get(b.bundle_id) if b.bundle_id else None
    return _decided(place, replace(a, bundle_id="", app=b.app), replace(b, bundle_id=""), of_bundle)


def _decided(place: Workspace, a: Run, b: Run, candidate: Bundle | None) -> Decision:
    """Run B judged against run A by the workspace's policy; the record is kept."""
    full = golden_sets.resolve(place, f"{b.golden_name}@{b.golden_version}")
    golden_looks.looked(place, "gate", a, b)
    asked, looks = golden_looks.judged_by(place, policy(place), b, full)
    a, b = (judge_gate.judged_version(place, run, asked) for run in (a, b))
    samples = tuple(place.stores.runs.samples(a.run_id)), tuple(place.stores.runs.samples(b.run_id))
    judged, measurer = judge_gate.conditions_and_measurer(place, asked, (a, b), samples)
    safe = safety.conditions(place, asked, candidate.bundle_id if candidate else "")
    groups = fairness.fairness_conditions(place, b, samples[1], full.cases)
    decision = gates.decide(
        asked,
        app=b.app,
        candidate_bundle=b.bundle_id,
        baseline_bundle=a.bundle_id,
        candidate_run=b,
        candidate_samples=samples[1],
        baseline_run=a,
        baseline_samples=samples[0],
        golden=full,
        seed=place.settings.evaluate.seed,
        versions=judging.versions(),
        now=place.clock.now(),
        recorded_digests={run.run_id: run.samples_digest for run in (a, b) if run.samples_digest},
        certificates=certificates(place, asked, candidate) if candidate else (),
        conditions=(*looks, *judged, *safe, *groups),
        measurer=measurer,
    )
    place.stores.decisions.put(decision)
    about = {"decision": decision.decision_id, "bundle": b.bundle_id, "policy": decision.policy_digest}
    auditing.record(place, "gate", decision.verdict.value, subject=about)
    return decision


def decision_lines(decision: Decision) -> Iterable[str]:
    """The decision in words, one line a clause."""
    return gates.explain(decision)


def promote(place: Workspace, bundle: str, reason: str, override: bool) -> Pointer:
    found = place.stores.bundles.get(apps.resolve_bundle(place, bundle))
    pointer = promotion.promote(
        found.app, found.bundle_id, bundles=place.stores.bundles, releases=place.stores.releases,
        decisions=place.stores.decisions, actor=auditing.operator(), reason=reason, override=override,
        clock=place.clock,
    )  # fmt: skip
    about = {"app": pointer.app, "bundle": pointer.bundle_id, "override": "yes" if override else ""}
    auditing.record(place, "release.promote", subject=about)
    return pointer


def rollback(place: Workspace, app: str, to: str, reason: str) -> Pointer:
    name = released_app(place, app)
    pointer = promotion.rollback(
        name, to=apps.resolve_bundle(place, to, name) if to else "", releases=place.stores.releases,
        bundles=place.stores.bundles, actor=auditing.operator(), reason=reason, clock=place.clock,
    )  # fmt: skip
    auditing.record(place, "release.rollback", subject={"app": pointer.app, "bundle": pointer.bundle_id})
    return pointer


def released_app(place: Workspace, app: str) -> str:
    """An app of `assay.yaml`, by default its first, or one with a release from before it left the file.

    Raises NotFound.
    """
    name = app or place.default_app
    if place.stores.releases.pointer(name) is None:
        apps.app_settings(place, name)
    return name
