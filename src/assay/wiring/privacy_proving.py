"""Proof of privacy: a session full of planted values beside the real workspace, and a look at every byte it left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from assay.adapters.erasing_files import every_file
from assay.detect.registry import RULES, chosen, recipe_of
from assay.detect.rules import unmarked
from assay.govern.forget_readings import readings
from assay.records.dialogue import Request
from assay.records.digest import sha256_json
from assay.records.ledger import Entry
from assay.records.operations import ApiKey, Feedback
from assay.records.safety import Measurement
from assay.wiring import apps, ingesting, privacy_subject
from assay.wiring.build import Workspace
from assay.wiring.drill_scratch import scratch
from assay.wiring.guarding import vault

Told = Callable[[str], object]
ON_DISK, ERASED = "privacy.values_on_disk", "privacy.erased_found"
RISKS = ("LLM02:2025", "NIST AI 600-1 2.4")
AT_ONCE = 8
"""Examples in one question; the limits of most apps let so many through."""
PERSON = "Quendrith Ovaszky"
"""Nobody: what redaction by default leaves, so that erasure is what has to find it."""
_SHORTEST = 6


def prove(place: Workspace, app: str, subject: str, told: Told = lambda _: None) -> tuple[Measurement, ...]:
    """Both measurements of an app as `assay.yaml` has it; nothing is kept of the real workspace's content or in it.

    The app's guards and `privacy` settings hold in the scratch workspace; a model answers that only quotes. Raises Busy
    while another drill runs there.
    """
    name = app or place.default_app
    with scratch(place, name) as lab:
        docs = lab.root / "proof"
        docs.mkdir()
        (docs / "desk.md").write_text(f"{PERSON}\n", "utf-8")
        ingesting.ingest(lab, [docs], lambda *_: None)
        told("asking with planted values")
        texts, values = planted(lab)
        asyncio.run(_session(lab, name, texts))
        told("looking at every byte")
        left = _flushed(lab, values)
        told("erasing a person")
        before, after = _erasure(lab, name)
    digests = (("rules", recipe_of(chosen(place.settings.privacy.redact.rules))), ("values", sha256_json(list(values))))
    return _measured(place, subject, left, len(values), before, after, digests)


def planted(lab: Workspace) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """`(texts, values)`: the examples of every rule that `privacy.redact` names, and what the rules mark in them. Left
    out are short values and those that the workspace holds already, such as an address of this machine."""
    ids = frozenset(chosen(lab.settings.privacy.redact.rules))
    marked = [unmarked(example) for rule in RULES if rule.rule_id in ids for example in rule.found]
    values = {text[start:end] for text, spans in marked for start, end in spans if end - start >= _SHORTEST}
    there = found_on_disk(lab.store, sorted(values))
    return tuple(text for text, _ in marked), tuple(sorted(values - there))


def found_on_disk(store: Path, values: Sequence[str]) -> set[str]:
    """Those values that stand in any file, plain or escaped, logs of databases included."""
    left, found = set(values), set[str]()
    for path in every_file(store, store / "-"):
        for text in readings(path.read_bytes()):
            here = {value for value in left if value in text}
            found |= here
            left -= here
    return found


async def _session(lab: Workspace, app: str, texts: Sequence[str], named: str = "proof") -> None:
    """Ask with the values, comment with them, and note them, as people do."""
    system = apps.start_app(lab, app).system
    for number, start in enumerate(range(0, len(texts), AT_ONCE)):
        name, said = f"{named}-{number}", "\n".join(texts[start : start + AT_ONCE])
        async for _ in system.answer(Request(name, f"Who holds the desk? {said}")):
            pass
        _note(lab, name, said)


def _note(lab: Workspace, name: str, said: str) -> None:
    now = lab.clock.now()
    lab.stores.traces.add_feedback(Feedback(f"{name}-f", name, "default", "down", said, now))
    lab.stores.ledger.append([Entry("label", "proof", name, {"value": "wrong", "note": said}, now)])


def _flushed(lab: Workspace, values: Sequence[str]) -> int:
    if lab._writer is not None:
        lab._writer.flush()
    return len(found_on_disk(lab.store, values))


def _erasure(lab: Workspace, app: str) -> tuple[int, int]:
    """`(places where a person was kept, places where they are found after the erasure)`."""
    lab.stores.keys.put(
        ApiKey("proof-key", sha256_json("proof"), f"laptop of {PERSON}", "default", (), lab.clock.now())
    )
    asyncio.run(_session(lab, app, [f"Is {PERSON} in?"], "person"))
    vault(lab).pseudonym("default", "name", PERSON)
    if lab._writer is not None:
        lab._writer.flush()
    before = privacy_subject.find(lab, (PERSON,)).total
    done = privacy_subject.erase(lab, privacy_subject.asked_for(lab, (PERSON,)))
    return before, sum(done.left.values()) + len(done.certificate.findings) + len(found_on_disk(lab.store, [PERSON]))


def _measured(
    place: Workspace, subject: str, left: int, values: int, before: int, after: int,
    digests: tuple[tuple[str, str], ...],
) -> tuple[Measurement, ...]:  # fmt: skip
    def one(check: str, control: str, events: int, n: int, reason: str) -> Measurement:
        return Measurement(
            check, subject, control, RISKS, n, events if n else None, events / n if n else None, threshold=0.0,
            digests=digests, command="assay privacy prove", at=place.clock.now(), reason="" if n else reason,
        )  # fmt: skip

    return (
        one(ON_DISK, "No value that a rule of privacy.redact names is kept in any file.", left, values,
            "privacy.redact.rules is empty"),
        one(ERASED, "An erased person is found in no file, store, vault or search.", after, before, "nothing was kept"),
    )  # fmt: skip
