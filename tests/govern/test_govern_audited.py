"""Every answer and every act is accounted for, without a word of what was written."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from assay.adapters.clocks import FakeClock
from assay.adapters.pseudonym_keys import KeyFilePseudonyms
from assay.govern.audited import ACTOR, Audited, Keeping
from assay.records.access import Scope
from assay.records.audit import AuditEvent
from assay.records.dialogue import (
    AnswerSentence,
    Check,
    CheckStatus,
    Finished,
    Outcome,
    ReplyEvent,
    Request,
    SentenceReady,
    StageDone,
    fold,
)
from assay.records.errors import CannotJudge, Unavailable


@dataclass
class ListedLog:
    """An audit log in memory that can be made to fail."""

    events: list[AuditEvent] = field(default_factory=list)
    full: bool = False

    def note(self, event: AuditEvent) -> None:
        if self.full:
            raise Unavailable("audit.disk", "no room")
        self.events.append(event)

    def write(self, events: Sequence[AuditEvent]) -> None:
        for event in events:
            self.note(event)

    def flush(self, timeout_s: float = 10.0) -> None:
        """All is there at once."""

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Told:
    """A System that gives these events."""

    events: tuple[ReplyEvent, ...]
    recipe: str = "told"

    async def answer(self, request: Request):  # type: ignore[no-untyped-def]
        for event in self.events:
            yield event


REPLY: tuple[ReplyEvent, ...] = (
    StageDone("guard", 0.0, 1.0, {"guard": "mask", "card": 2}),
    SentenceReady(AnswerSentence("The secret answer.", (), Check(CheckStatus.SUPPORTED))),
    Finished(Outcome.ANSWERED, duration_ms=12.5),
)
ASKED = Request("r1", "What is the secret question?", Scope("acme", frozenset({"hr"})), metadata={ACTOR: "key-1"})


def audited(tmp_path: Path, *, required: bool = False) -> tuple[Audited, ListedLog, KeyFilePseudonyms]:
    names = KeyFilePseudonyms(tmp_path / "names")
    log = ListedLog()
    return Audited(Told(REPLY), Keeping(log, names, FakeClock(), required), app="a", bundle_id="b"), log, names


async def test_an_answer_leaves_one_event_without_its_content(tmp_path: Path) -> None:
    system, log, names = audited(tmp_path)
    assert [event async for event in system.answer(ASKED)] == list(REPLY)
    (event,) = log.events
    assert (event.action, event.outcome, event.tenant) == ("answer", "answered", "acme")
    assert event.actor == names.person("acme", "key-1")
    assert event.subject["input_hmac"] == names.name("acme", ASKED.question)
    assert event.counts["card"] == 2
    assert "secret" not in repr(event)
    assert "key-1" not in repr(event)


async def test_an_answer_that_its_reader_leaves_is_accounted_for(tmp_path: Path) -> None:
    system, log, _ = audited(tmp_path)
    stream = system.answer(ASKED)
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    assert [(event.outcome, event.subject["reason"]) for event in log.events] == [("failed", "client.gone")]


async def test_what_cannot_be_logged_does_not_end_well(tmp_path: Path) -> None:
    """Where account is required; else it is counted, and told when there is room again."""
    system, log, _ = audited(tmp_path)
    log.full = True
    reply = fold([event async for event in system.answer(ASKED)])
    assert reply.outcome is Outcome.ANSWERED
    log.full = False
    assert fold([event async for event in system.answer(ASKED)]).outcome is Outcome.ANSWERED
    assert [(event.action, event.counts.get("events")) for event in log.events] == [
        ("answer", None),
        ("audit.missed", 1),
    ]
    strict, log, _ = audited(tmp_path, required=True)
    log.full = True
    reply = fold([event async for event in strict.answer(ASKED)])
    assert (reply.outcome, reply.reason) == (Outcome.FAILED, "audit.disk")


def test_names_are_the_same_within_a_tenant_and_linked_to_nothing_else(tmp_path: Path) -> None:
    """Across tenants they differ; a second process finds the same; only the owner may read the file."""
    names = KeyFilePseudonyms(tmp_path / "names")
    first = names.name("acme", "ann")
    assert KeyFilePseudonyms(tmp_path / "names").name("acme", "ann") == first
    assert names.name("globex", "ann") != first
    assert names.name("acme", "bob") != first
    assert stat.S_IMODE((tmp_path / "names").stat().st_mode) == 0o600


def test_a_destroyed_key_links_nothing_any_more(tmp_path: Path) -> None:
    """Also for a process that knew the key, and the file holds no byte of it."""
    path = tmp_path / "names"
    one, other = KeyFilePseudonyms(path), KeyFilePseudonyms(path)
    before, kept = one.name("acme", "ann"), one.name("globex", "ann")
    assert other.name("acme", "ann") == before
    secret = path.read_text().split('"acme": "')[1][:64]
    assert one.destroy("acme")
    assert not one.destroy("acme")
    assert secret not in path.read_text()
    assert other.name("acme", "ann") != before
    assert other.name("globex", "ann") == kept


def test_a_file_that_holds_no_keys_is_told(tmp_path: Path) -> None:
    (tmp_path / "names").write_text("{broken")
    with pytest.raises(CannotJudge) as error:
        KeyFilePseudonyms(tmp_path / "names").name("acme", "ann")
    assert error.value.code == "pseudonyms.keys"
