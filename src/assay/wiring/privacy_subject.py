"""Everything that is kept about a person, and its erasure: by name or address in what is written, by key in what is
not."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.adapters.sql.erasing import SqlErasing
from assay.adapters.sql.owned import every_record, of_tenant
from assay.govern.forget import Erasure
from assay.govern.forget_marks import Marks, new_marks, tag, words
from assay.govern.forget_readings import values
from assay.govern.subject import spans
from assay.records.certificates import Certificate
from assay.records.digest import plain
from assay.records.errors import InputError, NotFound, UsageError
from assay.wiring import auditing, forgetting, privacy_keys
from assay.wiring.build import Workspace

Told = Callable[[str], object]
SECRET = frozenset({"key_sha256"})
"""What no export holds, though it is kept."""


@dataclass(frozen=True)
class Found:
    """What is kept about a subject, as JSON values. `documents` names them with the spans where the subject stands,
    without their text; `vault` holds what pseudonyms turn back into; `audit` the events that name the subject as actor,
    under the pseudonym that they carry."""

    keys: tuple[dict[str, Any], ...] = ()
    traces: tuple[dict[str, Any], ...] = ()
    feedback: tuple[dict[str, Any], ...] = ()
    records: dict[str, tuple[dict[str, Any], ...]] = field(default_factory=dict)
    documents: tuple[dict[str, Any], ...] = ()
    vault: tuple[dict[str, str], ...] = ()
    audit: tuple[dict[str, Any], ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        held = {"keys": self.keys, "traces": self.traces, "feedback": self.feedback, **self.records,
                "documents": self.documents, "vault": self.vault, "audit": self.audit}  # fmt: skip
        return {kind: len(one) for kind, one in held.items() if one}

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class _Who:
    """A subject as it is looked for. `people` are ids by which the audit log may know it: what was asked for, and its
    API keys'."""

    subjects: tuple[str, ...]
    marks: Marks
    tenant: str
    people: tuple[str, ...]

    def stands_in(self, record: dict[str, Any]) -> bool:
        return any(map(self.marks.holds_subject, values(json.dumps(record, ensure_ascii=False))))

    def of_tenant(self, tenant: object) -> bool:
        return not self.tenant or tenant == self.tenant


def find(place: Workspace, subjects: Sequence[str], tenant: str = "", told: Told = lambda _: None) -> Found:
    """Look for a subject everywhere. With `tenant` only in what belongs to it; records that belong to no tenant, such
    as decisions, are then left out. Raises InputError for a subject that is too short."""
    _check(subjects)
    who = _who(place, subjects, tenant)
    told("audit log")
    audit = tuple(_audit(place, who))
    asked = {event["event"]["subject"].get("request", "") for event in audit} - {""}
    told("records")
    held: dict[str, list[dict[str, Any]]] = {}
    for kind, record in every_record(place.database):
        for one in _mine(who, kind, record, asked):
            held.setdefault(kind, []).append(one)
    told("documents")
    parts = {kind: tuple(held.pop(kind, [])) for kind in ("keys", "traces", "feedback")}
    rest = {kind: tuple(one) for kind, one in held.items()}
    documents = tuple(_documents(place, who))
    told("vault")
    return Found(**parts, records=rest, documents=documents, vault=tuple(_sealed(place, who)), audit=audit)


def _check(subjects: Sequence[str]) -> None:
    if not subjects:
        raise UsageError("privacy.no_subject", "nobody is named", remedy="name a subject, or --subject-file")
    if any(len("".join(words(subject))) < forgetting.SHORTEST_SUBJECT for subject in subjects):
        raise InputError("forget.subject_too_short", "a subject needs at least three letters or digits")


def _who(place: Workspace, subjects: Sequence[str], tenant: str) -> _Who:
    marks = new_marks(subjects=subjects)
    held = place.stores.keys.keys()
    mine = [key.key_id for key in held if key.key_id in subjects or marks.holds_subject(key.label)]
    return _Who(tuple(subjects), marks, tenant, tuple(dict.fromkeys((*subjects, *mine))))


def _mine(who: _Who, kind: str, record: dict[str, Any], asked: set[str]) -> Iterator[dict[str, Any]]:
    """The record, or the parts of it, that are about the subject."""
    if kind == "golden":
        for case in record["cases"]:
            if who.of_tenant(case.get("scope", {}).get("tenant", "default")) and who.stands_in(case):
                yield {"set": record["name"], "case": case}
        return
    stated = record.get("body", record).get("tenant") if kind == "ledger" else record.get("tenant")
    if not who.of_tenant(stated):
        return
    own = kind == "traces" and record["trace_id"] in asked
    own = own or (kind == "feedback" and record["trace_id"] in asked)
    own = own or (kind == "keys" and record["key_id"] in who.people)
    if own or who.stands_in(record):
        yield {name: value for name, value in record.items() if name not in SECRET}


def _documents(place: Workspace, who: _Who) -> Iterator[dict[str, Any]]:
    """Every version that names the subject; a title or metadata that does is told by an empty hash and no spans."""
    seen: set[tuple[str, str]] = set()
    current = {document.doc_id: document for document in place.stores.catalog.documents()}
    blobs = place.stores.blobs
    for doc_id, digest in SqlErasing(place.database).documents_with_text(who.marks.holds_subject):
        if (doc_id, digest) in seen:
            continue
        seen.add((doc_id, digest))
        document = current.get(doc_id)
        if who.tenant and (document is None or document.access.tenant != who.tenant):
            continue
        text = blobs.get(digest).decode() if digest and blobs.has(digest) else ""
        if digest and not who.marks.holds_subject(text):
            continue
        yield {"doc_id": doc_id, "text_sha256": digest, "source_uri": document.source_uri if document else "",
               "spans": [list(span) for span in spans(text, who.subjects)]}  # fmt: skip


def _sealed(place: Workspace, who: _Who) -> Iterator[dict[str, str]]:
    held = privacy_keys.vault(place.store)
    held.name_tenants(privacy_keys.tenants(place))
    for tenant in held.tenants():
        if who.of_tenant(tenant):
            for code, value in privacy_keys.values_of(held, tenant).items():
                if who.marks.holds_subject(value):
                    yield {"tenant": tenant, "name": code, "value": value}


def _audit(place: Workspace, who: _Who) -> Iterator[dict[str, Any]]:
    """Events whose actor is one of the subject's ids, under its pseudonym. Nothing once their keys are destroyed."""
    if not (place.store / auditing.FOLDER).is_dir():
        return
    named = privacy_keys.names(place.store)
    tenants = [entry for entry in named.held() if "\0" not in entry]
    pseudonyms = {(t, name) for t in tenants for person in who.people for name in named.known(t, person)}
    for number, event in auditing.events(place):
        if (event.tenant, event.actor) in pseudonyms and who.of_tenant(event.tenant):
            yield {"seq": number, "event": plain(event)}


def write(found: Found, path: Path) -> None:
    """A zip with one JSON file for each kind, and `counts.json`. Raises UsageError when it cannot be written."""
    whole = plain(found)
    parts = {**{name: part for name, part in whole.items() if name != "records"}, **whole["records"]}
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
            for name, content in {"counts": found.counts, **parts}.items():
                made.writestr(f"{name}.json", json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False))
        path.chmod(0o600)
    except OSError as error:
        raise UsageError(
            "privacy.unwritable", f"the file cannot be written ({error.strerror})", where=str(path)
        ) from error


@dataclass(frozen=True)
class Erased:
    """What an erasure came to: its certificate, and what a second look at everything still finds."""

    erasure: Erasure
    certificate: Certificate
    left: dict[str, int]

    @property
    def passed(self) -> bool:
        return self.certificate.passed and not any(self.left.values())


def asked_for(place: Workspace, subjects: Sequence[str]) -> forgetting.Asked:
    """A subject as `assay forget` is asked: with its own traces, keys and pseudonyms, in which no name need stand."""
    found = find(place, subjects)
    who = _who(place, subjects, "")
    owned = [tag("trace", one["trace_id"]) for one in found.traces]
    owned += [tag("key", one["key_id"]) for one in found.keys]
    owned += [tag("slot", slot) for slot, _ in privacy_keys.slots_of(place, who.people)]
    return forgetting.Asked(subjects=tuple(subjects), owned=tuple(owned))


def asked_for_tenant(place: Workspace, tenant: str) -> forgetting.Asked:
    """Raises InputError for a tenant that nothing belongs to alone."""
    if not tenant or tenant == "*" or tenant.startswith("!"):
        raise InputError("privacy.tenant", "no tenant has this name", where="--tenant")
    if tenant not in privacy_keys.tenants(place):
        raise NotFound("privacy.no_tenant", "nothing here belongs to this tenant", where="--tenant")
    return forgetting.Asked(tenants=(tenant,))


def erase(place: Workspace, asked: forgetting.Asked, told: Told = lambda _: None) -> Erased:
    """Erase or redact everywhere, certify it, and look for it again. Raises what `forgetting.forget` raises."""
    erasure, certificate = forgetting.forget(place, asked, told)
    told("looking once more")
    left = Counter[str]()
    if asked.subjects:
        left.update(find(place, asked.subjects).counts)
    for tenant in asked.tenants:
        left.update(_of_tenant(place, tenant))
    return Erased(erasure, certificate, dict(left))


def _of_tenant(place: Workspace, tenant: str) -> dict[str, int]:
    marks = new_marks().owning([tag("tenant", tenant)])
    counts = {**privacy_keys.counted(place, marks), "documents": len(of_tenant(place.database, tenant))}
    return {kind: count for kind, count in counts.items() if count}
