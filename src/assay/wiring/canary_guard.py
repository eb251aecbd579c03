"""The guard against canaries round an app: what is known to be planted, who is told, and what has settings."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from assay.detect.canaries import Finder, Sighting
from assay.guard.canaries import Alarm, Canaried, CanariedRetriever, Known, Sighted, Watch
from assay.ports.answering import Retriever, System
from assay.records.errors import CannotJudge
from assay.wiring import canarying
from assay.wiring.build import Workspace
from assay.wiring.canarying import DOCUMENT, PROMPT, TENANT, Planted

EVERY_S = 15.0
"""What another process planted is looked for after so many seconds at the latest."""
WHERE = "canary"


@dataclass
class Planting:
    """What is planted here, asked of the catalog now and then. `prompted` are apps whose prompt has a canary. For
    several threads."""

    place: Workspace
    prompted: frozenset[str]
    _known: Known = field(default_factory=Known)
    _asked: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> Known:
        with self._lock:
            now = self.place.clock.monotonic()
            if self._asked is None or now - self._asked >= EVERY_S:
                self._known, self._asked = known(self.place, self.prompted), now
            return self._known


def known(place: Workspace, prompted: frozenset[str]) -> Known:
    """The tokens of these apps' prompts and of every decoy; nothing, and no key is made, where there is none."""
    decoys = list(place.stores.catalog.source_states(canarying.SOURCE))
    if not prompted and not decoys:
        return Known()
    secret = canarying.key(place)
    prompts = [canarying.prompt_canary(place, app) for app in sorted(prompted)]
    found = {one.doc_id: canarying.canary_of(secret, one) for one in canarying.decoys(place)}
    return Known(Finder([*prompts, *found.values()]), found)


def alarm(place: Workspace, app: str) -> Alarm:
    """One event of the audit log for each sighting, durable, and an escalation for a person to decide."""
    outcome = "refused" if place.settings.canaries.action == "refuse" else "reported"

    def tell(sighted: Sighted) -> None:
        from assay.wiring.apps import new_request_id
        from assay.wiring.guarding import LedgerEscalations

        request_id = sighted.request_id or new_request_id()
        for one in sighted.seen:
            hidden = one.kind == DOCUMENT
            name = place.auditor.hidden(sighted.tenant, one.name)[:16] if hidden else one.name
            subject = {"app": app, "request": request_id, "where": sighted.where, "canary": one.kind,
                       "name_hmac" if hidden else "name": name, "notation": one.notation}  # fmt: skip
            place.auditor.record("canary.seen", outcome, tenant=sighted.tenant, subject=subject)
        rules = [f"canary.{kind}" for kind in dict.fromkeys(one.kind for one in sighted.seen)]
        escalations = LedgerEscalations(place.stores.ledger, place.clock, "canaries")
        escalations.raise_to_person(request_id, sighted.tenant, app, WHERE, rules)

    return tell


def guarded(place: Workspace, app: str, system: System, retriever: Retriever, *, prompted: bool) -> tuple[
    System, Retriever
]:  # fmt: skip
    """An app's answers and its search results behind the guard; as they are where `canaries.enabled` is false.
    `prompted` says that this app's own prompt has a canary, whatever `assay.yaml` says today."""
    settings = place.settings.canaries
    if not settings.enabled:
        return system, retriever
    planting = _planting(place, app if prompted else "")
    refuses = settings.action == "refuse"
    told = alarm(place, app)
    answers = Canaried(system, planting, told, app, refuses, settings.wait_chars, settings.look_back_chars)
    return answers, CanariedRetriever(retriever, planting, told, refuses)


def _planting(place: Workspace, app: str) -> Planting:
    today = {
        name
        for name, one in place.settings.apps.items()
        if canarying.prompt_parts(place, place.settings.models[one.model])
    }
    return Planting(place, frozenset({*today, *([app] if app else [])}))


def watch(place: Workspace, app: str, tenant: str) -> Watch | None:
    """For a stream of text; None where `canaries.enabled` is false or nothing is planted."""
    settings = place.settings.canaries
    found = _planting(place, app)() if settings.enabled else Known()
    if found.finder is None:
        return None
    tell = alarm(place, app)
    return Watch(
        found.finder, settings.look_back_chars, settings.wait_chars,
        lambda seen: tell(Sighted("", tenant, "stream", seen)), settings.action == "refuse",
    )  # fmt: skip


PIECE = 1_000_000
"""Signs of a text from elsewhere that are looked through at once."""


def check(place: Workspace, text: str) -> tuple[Sighting, ...]:
    """Which of this workspace's canaries a text from anywhere shows: of prompts, of tenants whether or not a decoy is
    planted for them today, and of decoys. Raises CannotJudge `canary.no_key` where none was ever made."""
    if not (place.store / canarying.KEY).exists():
        raise CannotJudge(
            "canary.no_key", "no canary was ever made in this workspace, so a text can show none",
            remedy="assay canary plant",
        )  # fmt: skip
    secret = canarying.key(place)
    named = [Planted(PROMPT, app) for app in {*place.settings.apps, *canarying.prompted(place)}]
    named += [Planted(TENANT, tenant, tenant) for tenant in canarying.tenants(place)]
    every = {(one.kind, one.name): canarying.canary_of(secret, one) for one in (*named, *canarying.decoys(place))}
    watch = Watch(Finder(every.values()), refuses=False)
    for at in range(0, len(text), PIECE):
        watch.stops(text[at : at + PIECE])
        watch.left(text[at : at + PIECE])
    return tuple(watch.seen)
