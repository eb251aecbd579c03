"""A workspace with two runs over sixty cases, for the tests of labelling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from assay.adapters.clocks import FakeClock
from assay.adapters.memory_ledger import MemoryLedger
from assay.golden.labelling.making import Question
from assay.records.access import AccessList, Scope
from assay.records.dialogue import AnswerSentence, Check, CheckStatus, Citation, Outcome, Reply
from assay.records.documents import Span
from assay.records.evaluation import Direction, Metric, MetricKind, Run, RunStatus, Sample
from assay.records.golden import Case, Expected, GoldenSet
from assay.records.ledger import Entry
from assay.wiring.build import Workspace, create_workspace, open_workspace
from served import World, add_document, memory_stores, world

CORRECT = Metric("correct", MetricKind.BINARY, Direction.HIGHER)
CASES = 60
SECRET = Scope("acme", frozenset({"hr"}))


def cases() -> tuple[Case, ...]:
    """The last case belongs to the group hr; every fifth is of another kind."""
    made = [
        Case(f"case-{n:02}", f"What is topic{n:02}?", Expected(answers=(f"answer{n:02}",)), scope=Scope("acme"),
             slices=(f"kind={'rare' if n % 5 == 0 else 'usual'}",)) for n in range(CASES)
    ]  # fmt: skip
    made[-1] = replace(made[-1], question="What does the board earn?", scope=SECRET)
    return tuple(made)


def sample(run: str, n: int, right: bool, confidence: float = 0.5) -> Sample:
    text = f"It is answer{n:02} says {'alpha' if run == 'aaaa1111' else 'beta'}." if right else f"Nothing{n:02}."
    span = Span("pay.md", "0" * 64, 0, 4)
    cited = (Citation(span, "The pay", "Pay", "docs/pay.md", "pay#0"),) if n == CASES - 1 else ()
    sentence = AnswerSentence(text, cited, Check(CheckStatus.SUPPORTED, 1.0))
    reply = Reply(Outcome.ANSWERED, "", (sentence,), confidence=confidence)
    return Sample(f"case-{n:02}", 0, reply, {"correct": float(right)}, {})


def fill(place: World | Workspace, failed: int = 0) -> None:
    """Runs `aaaa1111` (wrong on every sixth case) and `bbbb2222` (wrong on every third)."""
    golden = GoldenSet("faq", cases())
    place.stores.golden.put(golden)
    for name, step in (("aaaa1111", 6), ("bbbb2222", 3)):
        run = Run(
            name, "assistant", "reader", "", "faq", golden.version, CASES, 1, 7, (CORRECT,), "2026-01-01T00:00:00Z"
        )
        place.stores.runs.create(run)
        made = [sample(name, n, n % step != 0, 0.2 if n % step == 0 else 0.9) for n in range(CASES)]
        made[:failed] = [
            replace(one, reply=Reply(Outcome.FAILED, "chat.timeout"), error="chat.timeout", scores={})
            for one in made[:failed]
        ]
        place.stores.runs.append(name, made)
        place.stores.runs.finish(name, RunStatus.COMPLETE)


class QuickLedger(MemoryLedger):
    """Hands out what it keeps instead of copies: hundreds of labels are read again after each one."""

    def entries(self, kind: str, subject: str = "") -> Iterator[Entry]:
        kept = tuple(self.kept.values())
        return (entry for entry in kept if entry.kind == kind and subject in ("", entry.subject))


def memory_lab(failed: int = 0) -> Workspace:
    """What labelling needs of a workspace, in memory: what is kept, and the time."""
    place = cast(
        Workspace,
        SimpleNamespace(
            stores=replace(memory_stores(), ledger=QuickLedger()),
            clock=FakeClock(),
            settings=SimpleNamespace(judges={}),
        ),
    )
    fill(place, failed)
    return place


def disk_lab(tmp_path: Path, failed: int = 0) -> Workspace:
    """A real workspace."""
    root = tmp_path / "lab"
    create_workspace(root)
    place = open_workspace(root)
    fill(place, failed)
    return place


def served_lab() -> World:
    """The same in memory, for a server; the document behind the last case is closed to all but hr."""
    place = world()
    add_document(place.stores, "pay2.md", "The pay of the board.", "Pay", AccessList("acme", ("hr",)))
    fill(place)
    return place


QUALITY = Question("quality", "Is it right?", "Say good when it is.", ("good", "bad"), ("good",))
