"""A policy put round an app: its detectors, its vault, its place for escalations, and its content in a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.adapters.vault_files import FileVault
from assay.guard.acting import Acting, Looking, Timed
from assay.guard.build import PolicyPolicy
from assay.guard.passages import PassageNotes, PolicedRetriever
from assay.guard.policed import Sizes
from assay.guard.policy import Action
from assay.ports.answering import Retriever
from assay.ports.guarding import Detector
from assay.ports.reading import Clock
from assay.ports.storage import Ledger
from assay.records.errors import ConfigError, InputError, NotFound
from assay.records.ledger import Entry
from assay.wiring import policies, policy_signals
from assay.wiring.settings_guards import BuiltInSetting, PolicyFile, PolicyGuard

if TYPE_CHECKING:
    from assay.wiring.build import Workspace

VAULT = "vault"
ESCALATION, DECIDED = "escalation", "escalation.decided"
BUILT_IN = "assay.wiring.guarding:scan_here"


def vault(place: Workspace) -> FileVault:
    return FileVault(place.store / VAULT)


def frozen(place: Workspace, name: str) -> dict[str, Any]:
    """What a bundle holds of one guard: for a policy its whole content and its digest."""
    stated = place.settings.guards[name]
    if not isinstance(stated, PolicyGuard):
        return stated.model_dump(mode="json")
    loaded = pinned(place, policies.load(place.root / stated.file))
    return {"kind": "policy", "file": stated.file, "content": loaded.content, "digest": loaded.digest}


def pinned(place: Workspace, loaded: policies.Loaded) -> policies.Loaded:
    """The policy with its signals as they are in this workspace. Raises ConfigError `policy.signal_changed` where it
    was frozen with others."""
    return policies.pinned(loaded, policy_signals.pins(loaded.file, place.settings.signals, place.root))


def thawed(parts: dict[str, Any]) -> policies.Loaded:
    """A policy from a bundle. Raises ConfigError `policy.digest` for one that was changed."""
    loaded = policies.of_content(parts["content"], f"the policy of the bundle's guard {parts.get('name', '')}")
    if loaded.digest != parts["digest"]:
        raise ConfigError(
            "policy.digest", "this Assay reads the bundle's policy as another one", where=str(parts.get("name", "")),
            remedy="freeze a new bundle: assay bundle APP",
        )  # fmt: skip
    return loaded


def policy_of(place: Workspace, app: str, parts: dict[str, Any], notes: PassageNotes) -> PolicyPolicy:
    """The policy guard of an app, ready to be put round its system."""
    loaded = thawed(parts)
    escalations = LedgerEscalations(place.stores.ledger, place.clock, loaded.digest)
    return PolicyPolicy(acting(place, loaded), app, sizes(loaded.file), notes, escalations)


def guarded_retriever(retriever: Retriever, built: Sequence[object]) -> Retriever:
    """The retriever behind the policies among `built`; the first of them acts last, as for answers."""
    for one in reversed(built):
        if isinstance(one, PolicyPolicy) and one.notes is not None:
            retriever = PolicedRetriever(retriever, one.acting, one.app, one.notes)
    return retriever


def sizes(file: PolicyFile) -> Sizes:
    from assay.detect.limits import TextLimits

    limits = file.limits
    return Sizes(TextLimits(limits.question_chars, limits.word_chars, limits.run_chars), limits.history_chars)


def acting(place: Workspace, loaded: policies.Loaded) -> Acting:
    """The policy with its detectors and this workspace's vault."""
    from assay.adapters.detector_pool import DetectorPool

    loaded = pinned(place, loaded)
    own = frozenset(name for one in loaded.file.detectors.values() for name in one.reports)
    looking = [
        Looking(
            "rules", _built_in(loaded.file.rules_detector), loaded.policy.known - own - loaded.policy.apart,
            Action(loaded.file.rules_detector.on_timeout),
        )
    ]  # fmt: skip
    for name, one in loaded.file.detectors.items():
        pool = DetectorPool(
            one.function, version=one.version, path=str(place.root), workers=one.workers, budget_ms=one.budget_ms,
            start_s=one.start_s, options=one.options,
        )  # fmt: skip
        looking.append(Looking(name, pool, frozenset(one.reports), Action(one.on_timeout)))
    looking += policy_signals.looking(loaded.file, place.settings.signals, place.root)
    long = Action(loaded.file.rules_detector.on_timeout)
    return Acting(loaded.policy, tuple(looking), vault(place), loaded.file.limits.text_chars, long)


def _built_in(stated: BuiltInSetting) -> Detector:
    from assay.detect.scanning import scan

    if not stated.workers:
        return Timed("rules", "1", scan, stated.budget_ms)
    from assay.adapters.detector_pool import DetectorPool

    return DetectorPool(BUILT_IN, version="1", workers=stated.workers, budget_ms=stated.budget_ms)


def scan_here(text: str, rule_ids: Sequence[str]) -> list[tuple[str, int, int]]:
    """The built-in rules, for a process of their own."""
    from assay.detect.scanning import scan

    return [(one.rule_id, one.start, one.end) for one in scan(text, tuple(rule_ids))]


@dataclass(frozen=True)
class LedgerEscalations:
    """Keeps in the ledger what a person has to decide: ids and names of rules, nothing that was written."""

    ledger: Ledger
    clock: Clock
    policy: str

    def raise_to_person(self, request_id: str, tenant: str, app: str, where: str, rules: Sequence[str]) -> None:
        body = {"request": request_id, "tenant": tenant, "where": where, "rules": list(rules), "policy": self.policy}
        key = f"{request_id}.{where}"
        self.ledger.append([Entry(ESCALATION, app or "app", key, body, self.clock.now())])


@dataclass(frozen=True, slots=True)
class Escalation:
    """One thing for a person to decide. `decision` is empty while it is open."""

    key: str
    app: str
    tenant: str
    where: str
    rules: tuple[str, ...]
    at: str
    decision: str = ""
    decided_at: str = ""


def escalations(place: Workspace, *, every: bool = False) -> tuple[Escalation, ...]:
    """What waits for a person, oldest first; with `every` also what was decided."""
    ledger = place.stores.ledger
    decided = {(entry.subject, entry.key): entry for entry in ledger.entries(DECIDED)}
    found = []
    for entry in ledger.entries(ESCALATION):
        end = decided.get((entry.subject, entry.key))
        if end is None or every:
            found.append(
                Escalation(
                    entry.key, entry.subject, entry.body["tenant"], entry.body["where"], tuple(entry.body["rules"]),
                    entry.at, end.body["decision"] if end else "", end.at if end else "",
                )
            )  # fmt: skip
    return tuple(found)


def decide(place: Workspace, key: str, decision: str) -> Escalation:
    """Note what a person decided. Raises NotFound `policy.no_escalation`, InputError where it was decided before."""
    from assay.wiring.auditing import operator, record

    found = [one for one in escalations(place, every=True) if one.key.startswith(key)]
    if len(found) != 1:
        raise NotFound(
            "policy.no_escalation", "no single escalation has this key", where=key, remedy="assay policy escalations"
        )
    if found[0].decision:
        raise InputError("policy.decided", "this was decided already", where=found[0].key)
    body = {"decision": decision, "by": operator()}
    place.stores.ledger.append([Entry(DECIDED, found[0].app, found[0].key, body, place.clock.now())])
    record(place, "policy.decided", decision, tenant=found[0].tenant, subject={"escalation": found[0].key})
    return found[0]


def policy_path(place: Workspace, stated: str) -> Path:
    """A policy file as stated, else the first that a guard of the default app names. Raises InputError."""
    if stated:
        return Path(stated)
    settings = place.settings
    for name in settings.apps[place.default_app].guards:
        guard = settings.guards[name]
        if isinstance(guard, PolicyGuard):
            return place.root / guard.file
    raise InputError(
        "policy.none", "no guard of the default app is a policy", where="assay.yaml",
        remedy="name a file with --policy, or add a guard with kind: policy; docs/policy.md",
    )  # fmt: skip


def live_policies(place: Workspace) -> dict[str, Acting]:
    """The policy that each app has in `assay.yaml` today, for those that have one."""
    found: dict[str, Acting] = {}
    for app, settings in place.settings.apps.items():
        for name in settings.guards:
            guard = place.settings.guards[name]
            if isinstance(guard, PolicyGuard):
                found[app] = acting(place, policies.load(place.root / guard.file))
    return found
